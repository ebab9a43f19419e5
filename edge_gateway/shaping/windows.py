"""Statistics of tags over windows of wall-clock time. Pure, one column of a read at a time, no loop over samples.

    12:00:00             12:01:00             12:02:00
    ├── x  x  x  x  x  ──┼── x  x  (x)  x  ───┼──           x good   (x) BAD
                         └ min, max, mean     └ the same, UNCERTAIN with the reason of the bad one

A window is [begin, end) and its statistics are stamped `end`. The mean is that of the good samples, each counting the
same. A window without a good sample is BAD; the first and the last of a run saw only a part of their time and are
UNCERTAIN restart_gap. A window in which nothing at all came is not told. It ends with the next sample of its tag, or
ten seconds late; a sample that comes after that is too late for it and counted.
"""

from collections.abc import Sequence
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray

from edge_gateway.shaping.columns import Mask, part
from edge_gateway.shaping.shaped import Shaped
from protocols.reported_tag import Statistic
from protocols.sample import DTYPE_OF, GOOD, Column, Quality, Reason, ValueKind, quality_code
from runtime.clock import NS_PER_S

LATE_MOST_NS = 10 * NS_PER_S

_BAD = Quality.BAD << 8
_PART_OF_RUN = quality_code(Quality.UNCERTAIN, Reason.RESTART_GAP)
_SET_BACK = quality_code(Quality.UNCERTAIN, Reason.CLOCK_UNSYNCED)
_NEVER = np.iinfo(np.int64).max
_NONE = -1
_COUNTED = np.array([0xFFFF, 0xFFFF, GOOD], np.uint16)  # by quality: where nothing is good, 0 is a good count
_Slots = NDArray[np.intp]


class Windows:
    """The open windows of all tags of one numeric kind; each tag has a slot."""

    def __init__(self, n: int, kind: ValueKind, tags: Sequence[Shaped]) -> None:
        windowed = [tag for tag in tags if tag.settings.window and tag.kind is kind]
        size = len(windowed)
        self._kind = kind
        self._slot = np.full(n, _NONE, np.intp)
        self._slot[[tag.alias for tag in windowed]] = np.arange(size)
        every_s = [tag.settings.window.every_s for tag in windowed if tag.settings.window]
        self._every_ns = np.array([round(length_s * NS_PER_S) for length_s in every_s], np.int64)
        self._alias: dict[Statistic, NDArray[np.int64]] = {
            statistic: np.array([tag.windows.get(statistic, _NONE) for tag in windowed], np.int64)
            for statistic in get_args(Statistic)
        }
        self._begin_ns = np.zeros(size, np.int64)  # what is older than this is late
        self._due_ns = np.full(size, _NEVER)  # monotonic time at which an open window ends at the latest
        self._latest_ns = np.zeros(size, np.int64)
        self._first = np.full(size, _PART_OF_RUN, np.uint16)  # how good a window is before its first sample
        self._worst = np.zeros(size, np.uint16)
        self._set_back = np.zeros(size, np.bool_)
        self._good = np.zeros(size, np.int64)
        self._sum = np.zeros(size)
        self._min, self._max, self._last = (np.zeros(size, DTYPE_OF[kind]) for _ in range(3))
        self.late = 0

    def take(self, column: Column, now_ns: int) -> list[Column]:
        """Count a column in, in which each alias stands at most once; out come the windows that it ends."""
        slots = self._slot[column.alias]
        if column.kind is not self._kind or not (slots != _NONE).any():
            return []
        column, slots = part(column, slots != _NONE), slots[slots != _NONE]
        taken = self._in_time(column, slots)
        column, slots = part(column, taken), slots[taken]
        begin_ns = column.time_ns - column.time_ns % self._every_ns[slots]
        is_open = self._due_ns[slots] != _NEVER
        other = begin_ns != self._begin_ns[slots]
        ended = self._end(slots[is_open & other])
        fresh = other | ~is_open
        self._open(slots[fresh], begin_ns[fresh], now_ns - column.time_ns[fresh])
        self._count(slots, column.time_ns, column.value, column.code)
        return ended

    def _in_time(self, column: Column, slots: _Slots) -> Mask:
        """What is not too late for its window. A good sample long before it: the clock was set back, and leads."""
        begin_ns = self._begin_ns[slots]
        late = column.time_ns < begin_ns
        set_back = (column.time_ns < begin_ns - self._every_ns[slots]) & (column.code < _BAD)
        self._set_back[slots[set_back]] = True
        self.late += int(np.count_nonzero(late & ~set_back))
        return ~late | set_back

    def _open(self, slots: _Slots, begin_ns: NDArray[np.int64], lag_ns: NDArray[np.int64]) -> None:
        """lag_ns: from a sample's own time to the monotonic time of its arrival."""
        self._begin_ns[slots] = begin_ns
        self._due_ns[slots] = begin_ns + self._every_ns[slots] + lag_ns + LATE_MOST_NS
        self._worst[slots] = np.where(self._set_back[slots], _SET_BACK, self._first[slots])
        self._set_back[slots] = False
        self._first[slots] = GOOD
        self._good[slots] = 0
        self._sum[slots] = 0

    def _count(self, slots: _Slots, time_ns: NDArray[np.int64], value: NDArray[Any], code: NDArray[np.uint16]) -> None:
        self._latest_ns[slots] = time_ns
        self._worst[slots] = np.maximum(self._worst[slots], code)
        good = code < _BAD
        slots, value = slots[good], value[good]
        first = self._good[slots] == 0
        self._min[slots] = np.where(first, value, np.minimum(self._min[slots], value))
        self._max[slots] = np.where(first, value, np.maximum(self._max[slots], value))
        self._last[slots] = value
        self._sum[slots] += value
        self._good[slots] += 1

    def due(self, now_ns: int) -> list[Column]:
        """The windows that nothing has ended in time."""
        return self._end(np.flatnonzero(self._due_ns <= now_ns))

    def rest(self) -> list[Column]:
        """All open windows: the gateway stops, so they are stamped with their last sample."""
        slots = np.flatnonzero(self._due_ns != _NEVER)
        self._worst[slots] = np.maximum(self._worst[slots], _PART_OF_RUN)
        return self._told(slots, self._latest_ns[slots])

    def _end(self, slots: _Slots) -> list[Column]:
        cut = slots[self._set_back[slots]]
        self._worst[cut] = np.maximum(self._worst[cut], _SET_BACK)
        end_ns = self._begin_ns[slots] + self._every_ns[slots]
        told = self._told(slots, end_ns)
        self._begin_ns[slots] = end_ns
        self._due_ns[slots] = _NEVER
        return told

    def _told(self, slots: _Slots, time_ns: NDArray[np.int64]) -> list[Column]:
        if not len(slots):
            return []
        worst = self._worst[slots]
        part_bad = (worst >= _BAD) & (self._good[slots] > 0)
        code = np.where(part_bad, quality_code(Quality.UNCERTAIN) | worst & 0xFF, worst).astype(np.uint16)
        columns = []
        for statistic, (kind, value) in self._values(slots).items():
            alias = self._alias[statistic][slots]
            told = np.minimum(code, _COUNTED[code >> 8]) if statistic == "count" else code
            columns.append(part(Column(kind, alias.astype(np.uint32), time_ns, value, told), alias != _NONE))
        return [column for column in columns if len(column)]

    def _values(self, slots: _Slots) -> dict[Statistic, tuple[ValueKind, NDArray[Any]]]:
        good, low, high = self._good[slots], self._min[slots], self._max[slots]
        empty = good == 0
        low, high, last = (np.where(empty, 0, values) for values in (low, high, self._last[slots]))
        mean = np.clip(self._sum[slots] / np.maximum(good, 1), low, high)  # rounding must not carry it beyond them
        return {
            "min": (self._kind, low),
            "max": (self._kind, high),
            "last": (self._kind, last),
            "mean": (ValueKind.FLOAT, mean),
            "count": (ValueKind.INT, good),
        }
