"""The score of the Numenta Anomaly Benchmark: alarms that come early in a labelled window count most, false ones cost.

    alarm rows + windows of a file ──tally──► Tally ──sum over files──► normalised score: 0 no alarm at all, 100 perfect

Lavin & Ahmad, "Evaluating Real-Time Anomaly Detection Algorithms: the Numenta Anomaly Benchmark" (2015), and its
scorer, v1.1: the first alarm in a window earns the sigmoid of its place, a window without one costs `fn`, every alarm
outside costs `fp`, less when it comes shortly after a window; the first 15 % (at most 750 rows) count for nothing.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

PROBATION_SHARE = 0.15
PROBATION_MOST = 750


@dataclass(frozen=True, slots=True)
class Profile:
    """What a false alarm and a missed window cost, where a perfect find earns 1."""

    fp: float
    fn: float


STANDARD = Profile(0.11, 1.0)
LOW_FP = Profile(0.22, 1.0)
LOW_FN = Profile(0.11, 2.0)


@dataclass(frozen=True, slots=True)
class Tally:
    """What the alarms of one file, or of several added up, come to; `earned` and `wasted` are without weights."""

    windows: int = 0
    found: int = 0
    earned: float = 0.0
    false_alarms: int = 0
    wasted: float = 0.0
    weeks: float = 0.0

    def __add__(self, other: "Tally") -> Self:
        return type(self)(
            self.windows + other.windows, self.found + other.found, self.earned + other.earned,
            self.false_alarms + other.false_alarms, self.wasted + other.wasted, self.weeks + other.weeks,
        )  # fmt: skip

    def score(self, profile: Profile = STANDARD) -> float:
        """0 for a detector that never alarms, 100 for one alarm at the start of every window and no other."""
        gained = self.earned + profile.fn * self.found + profile.fp * self.wasted
        return 100.0 * gained / ((1.0 + profile.fn) * self.windows)

    @property
    def false_per_week(self) -> float:
        return self.false_alarms / self.weeks


def total(tallies: Iterable[Tally]) -> Tally:
    return sum(tallies, Tally())


def probation(rows: int) -> int:
    """Rows at the start of a file that are not scored."""
    return min(math.floor(PROBATION_SHARE * rows), PROBATION_MOST)


def scaled_sigmoid(position: float) -> float:
    """What an alarm is worth: nearly 1 at the start of a window (-1), 0 at its end (0), nearly -1 a window later."""
    return -1.0 if position > 3.0 else 2.0 / (1.0 + math.exp(5.0 * position)) - 1.0


def tally(alarms: NDArray[np.bool_], windows: Sequence[tuple[int, int]], week_rows: float) -> Tally:
    """Score the alarm rows of one file.

    Args:
        alarms: [n], true at the rows that alarm.
        windows: first and last row of each labelled window, in order.
        week_rows: rows in a week, for the false alarms a week.
    """
    rows = np.flatnonzero(alarms)
    rows = rows[rows >= probation(len(alarms))]
    found, earned = 0, 0.0
    inside = np.zeros(len(rows), bool)
    for left, right in windows:
        within = (rows >= left) & (rows <= right)
        inside |= within
        if within.any():
            found += 1
            place = -(right - rows[within][0] + 1) / (right - left + 1)
            earned += scaled_sigmoid(place) / scaled_sigmoid(-1.0)
    wasted = sum(_false(int(row), windows) for row in rows[~inside])
    weeks = (len(alarms) - probation(len(alarms))) / week_rows
    return Tally(len(windows), found, earned, int((~inside).sum()), wasted, weeks)


def _false(row: int, windows: Sequence[tuple[int, int]]) -> float:
    """-1, or less when a window ended not long ago."""
    past = [(left, right) for left, right in windows if right < row]
    if not past:
        return -1.0
    left, right = past[-1]
    return scaled_sigmoid((row - right) / max(right - left, 1))
