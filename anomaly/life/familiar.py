"""Whether a moment looks like anything that was trained on: a fault of another kind moves other columns.

    levels and departures [n, d] ──less what is usual at this score──► misfit ──whitened──► distance ──► limit

Units that wear in the known way stay close to one path through the space of columns; the score says how far along they
are, so what is off that path is new. The distance is Mahalanobis with a shrunk covariance; the limit is what held-out
units showed near the same score.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
SHARE = 0.97
_KNOTS = 25
_REACH = 0.1
_SHRINK = 0.1


@dataclass(frozen=True, slots=True)
class Path:
    """What is usual at each knot [g] of the score: `middle` [g, d] and size of misfits `size` [g]; `whiten` [d, d]."""

    knots: Floats
    middle: Floats
    size: Floats
    whiten: Floats

    def misfit(self, score: Floats, place: Floats) -> Floats:
        """What each place [n, d] is off the path at its score [n], in units of the usual misfit there."""
        usual = np.column_stack([np.interp(score, self.knots, self.middle[:, at]) for at in range(place.shape[1])])
        off = np.where(np.isfinite(place), place - usual, 0.0)
        return np.asarray(off / np.interp(score, self.knots, self.size)[:, None])

    def distance(self, score: Floats, place: Floats) -> Floats:
        """How far off, all columns together [n]; about 1 is usual."""
        whitened = self.misfit(score, place) @ self.whiten
        return np.asarray(np.sqrt(np.mean(whitened**2, axis=1)))


@dataclass(frozen=True, slots=True)
class Familiar:
    """The path, the distance [g] at each knot beyond which a moment is unfamiliar, and each column's spread [d]."""

    path: Path
    limit: Floats
    spread: Floats

    def strangest(self, columns: Sequence[str], score: Floats, place: Floats) -> list[str]:
        """The columns that are farthest off in one moment [1], [1, d]; d holds every column once or several times."""
        off = np.abs(self.path.misfit(score, place)[0] / self.spread)
        size = off.reshape(-1, len(columns)).max(axis=0)
        return [columns[at] for at in np.argsort(-size)[:3] if size[at] > 0.5 * size.max()]

    def strangeness(self, score: Floats, place: Floats) -> Floats:
        """Distance over limit [n]: above 1 is unfamiliar."""
        return np.asarray(self.path.distance(score, place) / np.interp(score, self.path.knots, self.limit))


def learn_path(score: Floats, place: Floats) -> Path:
    """The path through places [m, d] at scores [m]."""
    knots = np.linspace(score.min(), max(score.max(), score.min() + 1e-9), _KNOTS)
    near = _near(knots, score)
    known = np.isfinite(place)
    filled = np.where(known, place, 0.0)
    middle = near @ filled / (near @ known + 1e-12)
    path = Path(knots, middle, np.ones(_KNOTS), np.eye(place.shape[1]))
    off = path.misfit(score, place)
    spread = np.maximum(off.std(axis=0), 1e-9)
    size = np.sqrt(near @ np.mean((off / spread) ** 2, axis=1) / near.sum(axis=1))
    off = off / np.interp(score, knots, np.maximum(size, 1e-6))[:, None]
    whiten = _whitening(off)
    return Path(knots, middle, np.maximum(size, 1e-6), whiten)


def learn_familiar(score: Floats, place: Floats, distance: Floats, units: int) -> Familiar:
    """The path of all places [m, d] at scores [m], and the limit from their held-out distances [m].

    Few units have not shown all there is, so their limit is wider.
    """
    path = learn_path(score, place)
    spread = np.maximum(path.misfit(score, place).std(axis=0), 1e-9)
    near = _near(path.knots, score)
    order = np.argsort(distance)
    reached = np.cumsum(near[:, order], axis=1)
    at = np.array([np.searchsorted(row, SHARE * row[-1]) for row in reached])
    limit = distance[order][np.minimum(at, len(order) - 1)] * (1 + 3 / units)
    return Familiar(path, limit, spread)


def _near(knots: Floats, score: Floats) -> Floats:
    reach = max(_REACH * float(knots[-1] - knots[0]), 1e-9)
    return np.asarray(np.exp(-0.5 * ((score - knots[:, None]) / reach) ** 2) + 1e-9)


def _whitening(off: Floats) -> Floats:
    """A matrix that makes misfits [m, d] uncorrelated and of size 1."""
    spread = np.maximum(off.std(axis=0), 1e-9)
    standard = off / spread
    correlation = (1 - _SHRINK) * (standard.T @ standard) / len(off) + _SHRINK * np.eye(len(spread))
    value, vector = np.linalg.eigh(correlation)
    return np.asarray((vector / np.sqrt(value)) / spread[:, None])
