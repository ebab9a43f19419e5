"""Calculates derived tags from what was read. Pure: told the samples and the time.

    Columns of one read ──► newest reading of each input ──► formulas, inputs first ──► Columns of the derived tags

A derived tag is calculated whenever a sample of one of its inputs comes, from the newest of all of them, and stamped
with the newest that came. It is as good as the worst of them; nothing is told before each has come once.
"""

import heapq
import math
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from edge_gateway.shaping.derived import Derivation, TagName
from edge_gateway.shaping.formulas import Reading
from protocols.sample import DTYPE_OF, Column, Quality, Reason, Value, ValueKind, bad
from runtime.clock import NS_PER_S

_BAD = Quality.BAD << 8
_STALE, _NAN, _OUT_OF_RANGE = bad(Reason.STALE), bad(Reason.NAN), bad(Reason.OUT_OF_RANGE)

_Row = tuple[int, int, Value, int]  # alias, time, value, code


class _Derived:
    """One derived tag at work."""

    def __init__(self, alias: int, derivation: Derivation, readings: Sequence[Reading]) -> None:
        self.alias = alias
        self.kind = derivation.kind
        self._formula = derivation.formula
        self._readings = readings
        self._range = derivation.tag.range or (-math.inf, math.inf)
        stale_after_s = derivation.tag.stale_after_s
        self._stale_ns = stale_after_s * NS_PER_S if stale_after_s else math.inf

    def row(self, time_ns: int, now_ns: int) -> _Row | None:
        """Its sample, None while an input has not come yet."""
        if any(not reading.time_ns for reading in self._readings):
            return None
        code = max(reading.code for reading in self._readings)
        if code < _BAD and any(now_ns - reading.arrived_ns > self._stale_ns for reading in self._readings):
            code = _STALE
        if code >= _BAD:
            return self.alias, time_ns, 0, code
        if any(self._readings[index].before is None for index in self._formula.changing):
            return None
        return self.alias, time_ns, *self._calculated(code)

    def _calculated(self, code: int) -> tuple[Value, int]:
        try:
            value = self._formula.evaluate(self._readings)
            number = float(value)
        except (ArithmeticError, ValueError):
            return 0, _NAN
        if self.kind is ValueKind.BOOL:
            return bool(value), code
        if not math.isfinite(number):
            return 0, _NAN
        low, high = self._range
        return (number, code) if low <= number <= high else (0, _OUT_OF_RANGE)


class DerivedValues:
    """All derived tags. `derivations` come in an order in which inputs come first."""

    def __init__(self, derivations: Sequence[Derivation], alias_of: Mapping[TagName, int]) -> None:
        self._readings: dict[int, Reading] = {}
        self._users: dict[int, list[int]] = {}
        self._derived = []
        for place, derivation in enumerate(derivations):
            inputs = [alias_of[name] for name in derivation.inputs]
            readings = [self._readings.setdefault(alias, Reading()) for alias in inputs]
            self._derived.append(_Derived(alias_of[derivation.tag.name], derivation, readings))
            for alias in dict.fromkeys(inputs):
                self._users.setdefault(alias, []).append(place)
        self.is_input = np.zeros(len(alias_of), np.bool_)
        self.is_input[list(self._users)] = True

    def take(self, columns: Sequence[Column], now_ns: int) -> list[Column]:
        """What follows from these samples; each alias at most once in them."""
        newest_ns: dict[int, int] = {}  # place of a derived tag that must be calculated → its stamp
        for column in columns:
            for row in self._inputs_in(column):
                self._note(row, now_ns, newest_ns)
        return _columns(list(self._rows(newest_ns, now_ns)), [derived.kind for derived in self._derived])

    def _inputs_in(self, column: Column) -> Iterator[_Row]:
        here = np.flatnonzero(self.is_input[column.alias])
        if len(here):
            values = column.value[here].tolist()
            if column.kind is ValueKind.BOOL:
                values = [bool(value) for value in values]
            times_ns, codes = column.time_ns[here].tolist(), column.code[here].tolist()
            yield from zip(column.alias[here].tolist(), times_ns, values, codes, strict=True)

    def _note(self, row: _Row, now_ns: int, newest_ns: dict[int, int]) -> None:
        alias, time_ns, value, code = row
        self._readings[alias].take(time_ns, value, code, now_ns)
        for place in self._users[alias]:
            newest_ns[place] = max(newest_ns.get(place, time_ns), time_ns)

    def _rows(self, newest_ns: dict[int, int], now_ns: int) -> Iterator[tuple[int, _Row]]:
        """The samples by place. One that is itself an input puts its users behind it on the list."""
        todo = list(newest_ns)
        heapq.heapify(todo)
        done = -1
        while todo:
            place = heapq.heappop(todo)
            if place == done:
                continue
            done = place
            row = self._derived[place].row(newest_ns[place], now_ns)
            if row is None:
                continue
            yield place, row
            if row[0] in self._users:
                self._note(row, now_ns, newest_ns)
                for user in self._users[row[0]]:
                    heapq.heappush(todo, user)


def _columns(rows: Sequence[tuple[int, _Row]], kinds: Sequence[ValueKind]) -> list[Column]:
    found = []
    for kind in (ValueKind.FLOAT, ValueKind.BOOL):
        same = [row for place, row in rows if kinds[place] is kind]
        if same:
            aliases, times, values, codes = zip(*same, strict=True)
            found.append(
                Column(
                    kind,
                    np.array(aliases, np.uint32),
                    np.array(times, np.int64),
                    np.array(values, DTYPE_OF[kind]),
                    np.array(codes, np.uint16),
                )
            )
    return found
