"""Which rows show the fault: the stretch that is most unlike normal, found looking back over the whole file. Pure.

    z, e ──smoothed, energy──► log ratio to what normal rows reach ──largest sum of a stretch──► first and last row

Each row says how many times its energy is above what 99 % of normal rows reach; the stretch with the largest sum of
logarithms is a CUSUM read backwards from its peak to its last zero (Page 1954), and the sum itself is the evidence.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Float64s = NDArray[np.float64]

SMOOTHED_ROWS = 9
USUAL = 0.99
MARGIN = 1.5
"""Behind the training rows normal drifts on: energy counts as unusual from so many times the training rows' 99 %."""

ROW_SAYS_MOST = 1.0
EVIDENCE_LEAST = 5.0
"""So many rows in a row clearly beyond normal, or the like: less is called no change."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """Rows `start` up to `stop`, and how strongly they differ: the sum over rows, each at most 1."""

    start: int
    stop: int
    evidence: float

    def __len__(self) -> int:
        return self.stop - self.start


@dataclass(frozen=True, slots=True)
class Yardstick:
    """How much energy normal rows have, smoothed, for z and for e."""

    usual: tuple[float, float]

    @classmethod
    def learn(cls, z: Float64s, e: Float64s) -> "Yardstick":
        return cls((float(np.quantile(_energy(z), USUAL)), float(np.quantile(_energy(e), USUAL))))

    def stretch(self, z: Float64s, e: Float64s) -> Stretch | None:
        """The stretch of rows that differ, None when nothing differs enough."""
        ratios = [np.log(_energy(part) / (MARGIN * usual)) for part, usual in zip((z, e), self.usual, strict=True)]
        says = np.clip(np.maximum(*ratios), -ROW_SAYS_MOST, ROW_SAYS_MOST)
        found = _largest(says)
        return found if found.evidence >= EVIDENCE_LEAST else None


def _energy(deviation: Float64s) -> Float64s:
    """Mean square over the tags [n] of the mean deviations over the last rows."""
    sums = np.cumsum(np.vstack([np.zeros(deviation.shape[1]), deviation]), axis=0)
    here = np.arange(1, len(sums))
    before = np.maximum(here - SMOOTHED_ROWS, 0)
    smooth = (sums[here] - sums[before]) / (here - before)[:, None]
    return np.asarray((smooth**2).mean(axis=1) + 1e-12)


def _largest(says: Float64s) -> Stretch:
    """The stretch with the largest sum (Kadane)."""
    total = np.concatenate([[0.0], np.cumsum(says)])
    lowest = np.minimum.accumulate(total)
    stop = int(np.argmax(total - lowest))
    start = int(np.argmin(total[: stop + 1]))
    return Stretch(start, stop, float(total[stop] - total[start]))
