"""The limits of a machine map, row by row: active from the first row on, while everything else is still learning.

Rows ──LimitDetector──► transitions ──► per row: the tags beyond a limit, how urgent
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from anomaly.detectors.block import Block
from anomaly.detectors.limits import LimitDetector, LimitRule
from anomaly.detectors.state import Arrays
from anomaly.records import PRIORITIES
from anomaly.rows import Rows
from anomaly.scoring.columns import Tags, no_tags, tag_row
from anomaly.scoring.saved import bytes_of, state_in

_URGENCY = {"high_high": "critical", "low_low": "critical", "high": "high", "low": "high"}


@dataclass(frozen=True, slots=True)
class Beyond:
    """Of n rows: active, priority (an index of PRIORITIES and 1, else 0), the tags beyond a limit, first in front."""

    active: NDArray[np.bool_]
    priority: NDArray[np.uint8]
    tags: Tags


class Limits:
    """The engineering limits of one machine."""

    def __init__(self, rules: tuple[LimitRule, ...]) -> None:
        self._urgency = {rule.key: PRIORITIES.index(_URGENCY[rule.kind]) + 1 for rule in rules}
        self._detector = LimitDetector(rules)
        self._open: list[str] = []  # keys in the order of their onset

    def update(self, rows: Rows) -> Beyond:
        """Judge the rows that follow."""
        n, k = rows.value.shape
        said = Beyond(np.zeros(n, bool), np.zeros(n, np.uint8), no_tags(n))
        if not self._urgency:
            return said
        block = Block.of(np.tile(np.arange(k), n), np.repeat(rows.time_ns, k), rows.value.ravel())
        changes = self._detector.update(block)
        starts = [int(np.searchsorted(rows.time_ns, change.time_ns)) for change in changes]
        stops = [*starts, n]
        self._say(said, 0, stops[0])
        for change, start, stop in zip(changes, starts, stops[1:], strict=True):
            if change.active:
                self._open.append(change.key)
            else:
                self._open.remove(change.key)
            self._say(said, start, stop)
        return said

    def _say(self, said: Beyond, start: int, stop: int) -> None:
        said.active[start:stop] = bool(self._open)
        said.priority[start:stop] = min((self._urgency[key] for key in self._open), default=0)
        said.tags[start:stop] = tag_row(list(dict.fromkeys(int(key.split(":")[0]) for key in self._open)))

    def arrays(self) -> Arrays:
        return {"detector": bytes_of(self._detector.snapshot()), "open": np.array(self._open, np.str_)}

    def take(self, arrays: Arrays) -> None:
        """Go on where `arrays` was taken. Raises UnreadableState."""
        self._detector.restore(state_in(arrays["detector"]))
        self._open = [str(key) for key in arrays["open"].tolist()]
