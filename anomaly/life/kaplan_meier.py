"""How many of a kind are still running at an age, without assuming a distribution: Kaplan-Meier with bounds.

Kaplan & Meier (JASA 1958); variance by Greenwood (1926); bounds on the log(-log) scale, which stay within 0 and 1
(Kalbfleisch & Prentice 1980, section 1.3).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from anomaly.life import BadLives

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Survival:
    """One entry a distinct age at failure [m]: how many were at risk and failed, the share that outlives it."""

    age: Floats
    at_risk: NDArray[np.int64]
    failed: NDArray[np.int64]
    share: Floats
    standard_error: Floats
    lower: Floats
    upper: Floats

    def at(self, age: float) -> float:
        """The share that outlives `age`."""
        before = int(np.searchsorted(self.age, age, side="right"))
        return float(self.share[before - 1]) if before else 1.0

    def reached(self, failed_share: float) -> float | None:
        """The age by which this share has failed; None where so many have not."""
        below = np.flatnonzero(self.share <= 1 - failed_share + 1e-12)
        return float(self.age[below[0]]) if len(below) else None


def kaplan_meier(lives: ArrayLike, failed: ArrayLike, level: float = 0.95) -> Survival:
    """The survival curve of `lives` [n], of which `failed` [n] ended; at one age failures come before the others.

    Raises:
        BadLives: none failed, or a life below 0.
    """
    time, ended = np.asarray(lives, float), np.asarray(failed, bool)
    if not ended.any() or not np.isfinite(time).all() or (time < 0).any():
        raise BadLives("a survival curve needs at least one failure, and every life a number of at least 0")
    ages, count = np.unique(time[ended], return_counts=True)
    at_risk = np.array([int((time >= age).sum()) for age in ages])
    share = np.cumprod(1 - count / at_risk)
    with np.errstate(divide="ignore", invalid="ignore"):
        relative = np.sqrt(np.cumsum(count / (at_risk * (at_risk - count))))
        width = special.ndtri(0.5 + level / 2) * relative / np.abs(np.log(share))
        lower, upper = share ** np.exp(width), share ** np.exp(-width)
        error = share * relative
    gone = share <= 0  # after the last one nothing is left to vary
    return Survival(
        ages, at_risk, count.astype(np.int64), share, np.where(gone, 0.0, error),
        np.where(gone, 0.0, lower), np.where(gone, np.nan, upper),
    )  # fmt: skip
