"""A straight line from features to the rest of life: what few failed units can teach, and no more.

The penalty is heavy (as heavy as three times what the features themselves vary): the direction then leans on what all
features say together, not on the accidents of a handful of units. The curve of `belief` bends the line afterwards.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
PENALTY = 3.0
_FARTHEST = 6.0  # a feature beyond six spreads of its training counts as six: no line is trusted out there


@dataclass(frozen=True, slots=True)
class Line:
    """Yardsticks and coefficients of the f features [f]; `height` is the average rest in training."""

    middle: Floats
    spread: Floats
    slope: Floats
    height: float

    def of(self, features: Floats) -> Floats:
        """The rest [n] that the line gives; a missing feature [n, f] counts as average."""
        return np.asarray(_standard(features, self.middle, self.spread) @ self.slope + self.height)


def fit_line(features: Floats, left: Floats) -> Line:
    """Ridge regression of what is left [n] on features [n, f] (Hoerl & Kennard 1970)."""
    known = np.isfinite(features).any(axis=0)
    middle, spread = np.zeros(features.shape[1]), np.ones(features.shape[1])
    middle[known] = np.nanmean(features[:, known], axis=0)
    spread[known] = np.nanstd(features[:, known], axis=0)
    spread[spread < 1e-12] = 1.0
    standard = _standard(features, middle, spread)
    height = float(left.mean())
    square = standard.T @ standard / len(left) + PENALTY * np.eye(len(middle))
    slope = np.linalg.solve(square, standard.T @ (left - height) / len(left))
    return Line(middle, spread, np.asarray(slope, float), height)


def _standard(features: Floats, middle: Floats, spread: Floats) -> Floats:
    standard = np.clip((features - middle) / spread, -_FARTHEST, _FARTHEST)
    return np.asarray(np.where(np.isfinite(standard), standard, 0.0))
