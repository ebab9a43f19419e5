"""Sensor faults as cases of their own: opened when a fault lasts, closed when the sensor has been good for a while.

fault codes [n, k] ──3 rows in a row──► active, the tag that failed first in front ──20 good rows──► not active
"""

import numpy as np
from numpy.typing import NDArray

from anomaly.detectors.state import Arrays
from anomaly.rows import Float64s
from anomaly.scoring.columns import Tags, no_tags, tag_row

_ON_ROWS = 3
_OFF_ROWS = 20


class Sensors:
    """The sensors of one machine that are in fault."""

    def __init__(self, tags: int) -> None:
        self._run = np.zeros(tags, np.int64)
        self._good = np.zeros(tags, np.int64)
        self._since = np.full(tags, -1, np.int64)  # the row in which an active sensor failed
        self._row = np.zeros(1, np.int64)
        self._moves = np.ones(tags, bool)
        self._busy = False  # a sensor is in fault, or on the way there

    def learn(self, values: Float64s) -> None:
        """A tag that stood still in all rows [n, k], a setpoint or a spare input, is not a sensor."""
        first = values[np.argmax(~np.isnan(values), axis=0), np.arange(values.shape[1])]
        self._moves = (~np.isnan(values) & (values != first)).any(axis=0)

    def update(self, fault: NDArray[np.uint8]) -> tuple[NDArray[np.bool_], Tags]:
        """Whether a sensor is in fault [n], and which [n, TOP], of the rows that follow."""
        n = len(fault)
        active = np.zeros(n, bool)
        failed = no_tags(n)
        bad = (fault > 0) & self._moves
        odd = np.asarray(bad.any(axis=1))
        for row in range(n):
            if odd[row] or self._busy:
                self._step(bad[row])
                failed[row] = tag_row(self._failed())
                active[row] = failed[row, 0] >= 0
            self._row += 1
        return active, failed

    def _step(self, bad: NDArray[np.bool_]) -> None:
        self._run = np.where(bad, self._run + 1, 0)
        self._good = np.where(bad, 0, self._good + 1)
        opens = (self._run >= _ON_ROWS) & (self._since < 0)
        self._since[opens] = self._row[0] - self._run[opens] + 1
        self._since[(self._good >= _OFF_ROWS) & (self._since >= 0)] = -1
        self._busy = self._any()

    def _any(self) -> bool:
        return bool((self._since >= 0).any() or self._run.any())

    def _failed(self) -> tuple[int, ...]:
        numbers = np.flatnonzero(self._since >= 0)
        return tuple(numbers[np.argsort(self._since[numbers], kind="stable")].tolist())

    def arrays(self) -> Arrays:
        return {"run": self._run, "good": self._good, "since": self._since, "row": self._row, "moves": self._moves}

    def take(self, arrays: Arrays) -> None:
        self._run, self._good = arrays["run"].copy(), arrays["good"].copy()
        self._since, self._row = arrays["since"].copy(), arrays["row"].copy()
        self._moves = arrays["moves"].copy()
        self._busy = self._any()
