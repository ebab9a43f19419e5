"""Known faults as signatures, and how much of a new departure from normal each of them explains. Pure.

    windows of all episodes ──scatter──► a space in which every direction is equally noisy
    new stretch ──mean of its windows──► distance to each fault's stretches of the same length, and to normal

    rest = distance to the fault² / distance to normal²      0: the fault explains all of it, 1: none

The space is that of linear discriminant analysis with a scatter drawn to its diagonal (Friedman 1989); a fault is met
at the stretch of its episode that fits best, because a young fault looks otherwise than an old one.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Float64s = NDArray[np.float64]

DRAWN = 0.3
"""Share of the diagonal in the scatter: there are about as many windows as features."""

NOISE_LEAST = 0.02
"""Variance that a feature has at least: a few windows can agree by chance."""

DEPARTURE_LEAST = 0.02
"""Squared distance per feature, in units of a window's noise, below which a departure is not told from noise."""


@dataclass(frozen=True, slots=True)
class Space:
    """`turn` [features, features] makes all directions equally noisy; `scatter`: a window's squared distance there."""

    turn: Float64s
    scatter: float

    @classmethod
    def learn(cls, groups: Sequence[Float64s]) -> "Space":
        """From windows [m, features] of each episode, and of normal rows: how windows differ within their group."""
        within = np.vstack([group - group.mean(axis=0) for group in groups])
        freedom = max(len(within) - len(groups), 1)
        covariance = within.T @ within / freedom
        noise = np.diag(covariance) + NOISE_LEAST
        drawn = (1 - DRAWN) * covariance
        drawn[np.diag_indices_from(drawn)] = (1 - DRAWN) * np.diag(covariance) + DRAWN * noise + NOISE_LEAST
        turn = np.linalg.cholesky(np.linalg.inv(drawn)) / np.sqrt(len(noise))
        return cls(turn, float(((within @ turn) ** 2).sum() / freedom))

    def place(self, windows: Float64s) -> Float64s:
        return np.asarray(windows @ self.turn)


@dataclass(frozen=True, slots=True)
class Fit:
    """How one episode fits: squared distance, and which windows of it fit best."""

    distance: float
    first: int
    last: int


def fit(mean: Float64s, windows: Float64s, many: int) -> Fit:
    """Compare a mean [features] with all windows [m, features] of an episode, and with each run of `many` of them."""
    whole = Fit(float(((windows.mean(axis=0) - mean) ** 2).sum()), 0, len(windows) - 1)
    if many >= len(windows):
        return whole
    sums = np.vstack([np.zeros(windows.shape[1]), np.cumsum(windows, axis=0)])
    runs = (sums[many:] - sums[:-many]) / many
    distance = ((runs - mean) ** 2).sum(axis=1)
    at = int(np.argmin(distance))
    return min(whole, Fit(float(distance[at]), at, at + many - 1), key=lambda found: found.distance)


def rest(distance: float, departure: float, noise: float) -> float:
    """Which share of a departure a fault leaves unexplained; `noise` is the squared distance that chance makes."""
    return max(distance - noise, 0.0) / max(departure - noise, DEPARTURE_LEAST)
