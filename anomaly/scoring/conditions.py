"""Under which conditions was a row measured: which values can be believed, and what was the machine doing. Pure.

Rows ──Validity──► values with holes, fault codes ──Modes──► mode, -1 where it is in none
"""

import numpy as np
from numpy.typing import NDArray

from anomaly.detectors.state import Arrays
from anomaly.modes import Modes
from anomaly.rows import Float64s, Int64s, Rows
from anomaly.scoring.machine_map import MachineMap
from anomaly.scoring.saved import bytes_of, state_in
from anomaly.validity import Validity

_UNKNOWN_ROWS = 30  # beyond the longest settling
_UNKNOWN_SHARE = 0.01


class Conditions:
    """Validity and mode of the rows of one machine."""

    def __init__(self, known: MachineMap) -> None:
        tags = len(known.kinds)
        self._validity = Validity(tags, known.ranges)
        self._modes = Modes(tags, known.mode_tag)
        self._last = np.zeros(2, np.int64)  # the last known mode, and for how many rows it has been unknown
        self._steady = np.ones(1, bool)

    def learn(self, rows: Rows) -> Int64s:
        """Learn; the modes [n] of the learning block, -1 where it is in none."""
        self._validity.learn(rows)
        self._modes.learn(rows)
        again = Modes(rows.tags)
        again.restore(self._modes.snapshot())
        modes = again.update(rows).astype(np.int64)
        self._steady[:] = (modes < 0).mean() < _UNKNOWN_SHARE
        return np.maximum(modes, 0) if self._single() else modes

    def update(self, rows: Rows) -> tuple[Float64s, NDArray[np.uint8], Int64s]:
        """Believed values [n, k], fault codes [n, k] and modes [n], -1 where unknown, of the rows that follow."""
        usable, fault = self._validity.update(rows)
        values = np.where(usable, rows.value, np.nan)
        modes = self._modes.update(rows.holding(values)).astype(np.int64)
        if self._single():
            return values, fault, np.maximum(modes, 0)
        if self._steady[0]:
            self._insist(modes)
        return values, fault, modes

    def _single(self) -> bool:
        """One mode, never left while learning: a machine that leaves it is not itself."""
        return bool(self._steady[0]) and self._modes.count == 1

    def _insist(self, modes: Int64s) -> None:
        """A machine that was hardly ever in no mode is in its last one when it seems to be in none for long."""
        longest = _UNKNOWN_ROWS + int(self._modes.settle_rows.max())
        for row, mode in enumerate(modes.tolist()):
            self._last[:] = (self._last[0], self._last[1] + 1) if mode < 0 else (mode, 0)
            if self._last[1] > longest:
                modes[row] = self._last[0]

    def arrays(self) -> Arrays:
        return {
            "last": self._last,
            "steady": self._steady,
            "validity": bytes_of(self._validity.snapshot()),
            "modes": bytes_of(self._modes.snapshot()),
        }

    def take(self, arrays: Arrays) -> None:
        """Go on where `arrays` was taken. Raises UnreadableState."""
        self._last, self._steady = arrays["last"].copy(), arrays["steady"].copy()
        self._validity.restore(state_in(arrays["validity"]))
        self._modes.restore(state_in(arrays["modes"]))
