"""From rows as they came to rows in order: repeats and latecomers are set aside, a clock set back is believed. Pure.

times as they came ──► which rows count, and strictly rising times for them
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from anomaly.rows import Int64s

SET_BACK_ROWS = 5


@dataclass(slots=True)
class Aligner:
    """Where the stream stands. A late row is set aside: its verdict is that of the row before it."""

    latest_ns: int | None = None  # of the rows that counted, in rising time
    offset_ns: int = 0  # from the source's clock to rising time
    late: int = 0
    late_ns: int = 0

    def update(self, time_ns: Int64s) -> tuple[NDArray[np.bool_], Int64s]:
        """Which of the rows [n] count, and their times [n], which rise strictly over those."""
        counts = np.zeros(len(time_ns), bool)
        rising = np.empty(len(time_ns), np.int64)
        for row, source in enumerate(time_ns.tolist()):
            counts[row] = self._takes(source)
            rising[row] = self.latest_ns if self.latest_ns is not None else source
        return counts, rising

    def _takes(self, source: int) -> bool:
        time = source + self.offset_ns
        if self.latest_ns is None or time > self.latest_ns:
            self.latest_ns, self.late = time, 0
            return True
        going_on = self.late > 0 and source > self.late_ns
        if source != self.late_ns or not self.late:
            self.late = self.late + 1 if going_on or not self.late else 1
        self.late_ns = source
        if self.late < SET_BACK_ROWS:
            return False
        self.offset_ns = self.latest_ns + 1 - source  # so many rows that rise among themselves: the clock was set back
        self.latest_ns, self.late = self.latest_ns + 1, 0
        return True

    def state(self) -> Int64s:
        """[5], for `take`."""
        latest = self.latest_ns
        return np.array([latest is not None, latest or 0, self.offset_ns, self.late, self.late_ns], np.int64)

    def take(self, state: Int64s) -> None:
        """Go on where `state` was taken."""
        begun, latest, self.offset_ns, self.late, self.late_ns = state.tolist()
        self.latest_ns = latest if begun else None


def aligned_block(time_ns: Int64s) -> Int64s:
    """The positions [m] of a block's rows in the order of time, of several with one time the first."""
    order = np.argsort(time_ns, kind="stable")
    fresh = np.ones(len(order), bool)
    fresh[1:] = np.diff(time_ns[order]) > 0
    return order[fresh].astype(np.int64)
