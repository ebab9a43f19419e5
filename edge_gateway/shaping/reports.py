"""Decides for each sample whether it is reported. Pure, one column of a read at a time, no loop over samples.

    sample ──► another quality? moved? silent for too long? ──yes──► too early? ──no──► reported
                                  └─no──► withheld                      └─yes──► held back until the interval is over

The newest withheld sample of a tag is kept: at the end of its interval it is still reported, and when the gateway
stops, so that what is known does not end at the last change. A sample always keeps its own time.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_gateway.shaping.columns import Mask, part
from edge_gateway.shaping.deadband import Deadbands
from edge_gateway.shaping.shaped import Shaped
from protocols.sample import DTYPE_OF, Column, ValueKind
from runtime.clock import NS_PER_S

_NO_CODE = 0xFFFF
_NEVER = np.iinfo(np.int64).max
_Aliases = NDArray[np.uint32]


class _Latest:
    """One sample of each alias; the values stand in the array of their kind."""

    def __init__(self, n: int, kinds: Iterable[ValueKind]) -> None:
        self.time_ns = np.zeros(n, np.int64)
        self.code = np.full(n, _NO_CODE, np.uint16)
        self._values = {kind: np.zeros(n, DTYPE_OF[kind]) for kind in kinds}

    def put(self, column: Column) -> None:
        self.time_ns[column.alias] = column.time_ns
        self.code[column.alias] = column.code
        self._values[column.kind][column.alias] = column.value

    def values(self, kind: ValueKind, alias: _Aliases) -> NDArray[Any]:
        found: NDArray[Any] = self._values[kind][alias]
        return found

    def column(self, kind: ValueKind, alias: _Aliases) -> Column:
        return Column(kind, alias, self.time_ns[alias], self.values(kind, alias), self.code[alias])


@dataclass(slots=True)
class Withheld:
    """How many samples were read and not reported, by what withheld them."""

    unchanged: int = 0
    too_often: int = 0


class Reports:
    """What was last reported of each tag, and what is held back."""

    def __init__(self, kinds: NDArray[np.uint8], tags: Sequence[Shaped]) -> None:
        thinned = [tag for tag in tags if tag.settings.thinned]
        n = len(kinds)
        self._kinds = kinds
        self._watched = np.zeros(n, np.bool_)
        self._silence_ns = np.full(n, _NEVER)
        self._interval_ns = np.zeros(n, np.int64)
        for tag in thinned:
            self._watched[tag.alias] = True
            self._silence_ns[tag.alias] = _ns(tag.settings.max_silence_s) or _NEVER
            self._interval_ns[tag.alias] = _ns(tag.settings.least_interval_s)
        self._limited = bool(self._interval_ns.any())
        self._deadbands = Deadbands(n, thinned)
        of = {tag.kind for tag in thinned}
        self._last, self._kept = _Latest(n, of), _Latest(n, of)
        self._is_kept = np.zeros(n, np.bool_)
        self._allowed_ns = np.zeros(n, np.int64)  # sample time from which the next report may come
        self._due_ns = np.full(n, _NEVER)  # monotonic time at which what is held back is reported
        self.withheld = Withheld()

    def take(self, column: Column, now_ns: int) -> list[Column]:
        """What is reported of a column in which each alias stands at most once."""
        watched = self._watched[column.alias]
        if not watched.any():
            return [column]
        if watched.all():
            return self._thinned(column, now_ns)
        return [part(column, ~watched), *self._thinned(part(column, watched), now_ns)]

    def _thinned(self, column: Column, now_ns: int) -> list[Column]:
        alias = column.alias
        changed = column.code != self._last.code[alias]
        released = self._released(column, changed) if self._limited else []
        wanted = changed | self._moved(column) | self._silent(column)
        early = wanted & ~changed & self._early(column) if self._limited else np.zeros(len(alias), np.bool_)
        told = wanted & ~early
        if not told.all():
            self._withhold(part(column, ~told), early[~told], now_ns)
            column = part(column, told)
        self._report(column)
        return [*released, column] if len(column) else released

    def _moved(self, column: Column) -> Mask:
        return self._deadbands.moved(column, self._last.values(column.kind, column.alias))

    def _silent(self, column: Column) -> Mask:
        """For too long; or the clock was set back, and nobody knows for how long."""
        past_ns = column.time_ns - self._last.time_ns[column.alias]
        return (past_ns >= self._silence_ns[column.alias]) | (past_ns < 0)

    def _early(self, column: Column) -> Mask:
        time_ns, alias = column.time_ns, column.alias
        return (time_ns < self._allowed_ns[alias]) & (time_ns >= self._last.time_ns[alias])

    def _released(self, column: Column, changed: Mask) -> list[Column]:
        """What was held back, where its interval is over or the quality changes; it comes before this column."""
        over = (self._due_ns[column.alias] != _NEVER) & (changed | ~self._early(column))
        return [self._release(column.kind, column.alias[over])] if over.any() else []

    def _release(self, kind: ValueKind, alias: _Aliases) -> Column:
        column = self._kept.column(kind, alias)
        allowed_ns = self._allowed_ns[alias] + self._interval_ns[alias]
        self._report(column)
        self._allowed_ns[alias] = allowed_ns
        return column

    def _report(self, column: Column) -> None:
        alias = column.alias
        if self._limited:
            self._due_ns[alias] = _NEVER
            self._allowed_ns[alias] = column.time_ns + self._interval_ns[alias]
        self._last.put(column)
        self._is_kept[alias] = False

    def _withhold(self, column: Column, early: Mask, now_ns: int) -> None:
        alias = column.alias
        self.withheld.unchanged += int(np.count_nonzero(~early))
        if self._limited:
            self.withheld.too_often += int(np.count_nonzero(self._due_ns[alias] != _NEVER))
            due_ns = now_ns + self._allowed_ns[alias] - column.time_ns
            self._due_ns[alias] = np.where(early, due_ns, _NEVER)
        self._kept.put(column)
        self._is_kept[alias] = True

    def due(self, now_ns: int) -> list[Column]:
        """What was held back and whose interval is over."""
        if not self._limited:
            return []
        return self._by_kind(np.flatnonzero(self._due_ns <= now_ns).astype(np.uint32))

    def rest(self) -> list[Column]:
        """The newest withheld sample of each tag: the gateway stops."""
        return self._by_kind(np.flatnonzero(self._is_kept).astype(np.uint32))

    def _by_kind(self, alias: _Aliases) -> list[Column]:
        kinds = self._kinds[alias]
        return [self._release(ValueKind(kind), alias[kinds == kind]) for kind in np.unique(kinds)]


def _ns(seconds: float | None) -> int:
    return round((seconds or 0) * NS_PER_S)
