"""What each tag is worth now, and which samples of a batch are news. Pure; arrays indexed by alias.

    columns ──take──► rows: only what changed, in order of time      (report by exception)
                       └─ historical where the table already knew something newer of that tag

A row is news when its value or its quality is another than that of the sample before it. What the host is told at a
birth is what stands here, so a sample that is older than that must not move the host's live value: it is history.
"""

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from protocols.sample import GOOD, Column, Columns, Quality, Value, ValueKind

UNHEARD = 0xFFFF  # no quality code looks like this

_BAD = Quality.BAD << 8


class Row(NamedTuple):
    """One sample. `told`: its quality is to be said, for it is not good, or was not."""

    time_ns: int
    alias: int
    value: Value | None
    code: int
    historical: bool
    told: bool


class Table:
    """The newest sample of each tag. `kinds`: the value kind of each alias."""

    def __init__(self, kinds: NDArray[np.uint8]) -> None:
        self._kinds = kinds
        self._time_ns = np.zeros(len(kinds), np.int64)
        self._value = np.empty(len(kinds), object)
        self.code = np.full(len(kinds), UNHEARD, np.uint16)

    def take(self, columns: Columns) -> list[Row]:
        """News of samples that have just come; the table knows them from now on."""
        return _by_time(row for column in self._fitting(columns) for row in self._take(column))

    def history(self, columns: Columns) -> list[Row]:
        """Every change in samples that have waited."""
        return _by_time(
            row for column in self._fitting(columns) for row in _rows(_Ordered.of(column), _no_past(column))
        )

    def now(self, alias: int) -> Row:
        """The newest sample of a tag; without value and time where nothing is known."""
        code = int(self.code[alias])
        value = None if code >= _BAD else self._value[alias]
        return Row(int(self._time_ns[alias]), alias, value, code, historical=False, told=True)

    def _fitting(self, columns: Columns) -> Iterable[Column]:
        """An older configuration may have had another kind of value under the same name."""
        for column in columns:
            here = self._kinds[column.alias] == column.kind
            yield column if here.all() else _only(column, here)

    def _take(self, column: Column) -> list[Row]:
        ordered = _Ordered.of(column)
        past = _Past(self._time_ns[ordered.alias], self._value[ordered.alias], self.code[ordered.alias])
        rows = list(_rows(ordered, past))
        newest = ordered.last & (ordered.time_ns > past.time_ns)
        alias = ordered.alias[newest]
        self._time_ns[alias], self.code[alias] = ordered.time_ns[newest], ordered.code[newest]
        self._value[alias] = _python(ordered.value[newest], column.kind)
        return rows


class _Past(NamedTuple):
    """What was known of the tag of each sample."""

    time_ns: NDArray[np.int64]
    value: NDArray[Any]
    code: NDArray[np.uint16]


class _Ordered(NamedTuple):
    """The samples of a column by tag, then by time; `first` and `last` of each tag are marked."""

    kind: ValueKind
    alias: NDArray[np.uint32]
    time_ns: NDArray[np.int64]
    value: NDArray[Any]
    code: NDArray[np.uint16]
    first: NDArray[np.bool_]
    last: NDArray[np.bool_]

    @classmethod
    def of(cls, column: Column) -> "_Ordered":
        order = np.lexsort((column.time_ns, column.alias))
        alias = column.alias[order]
        edge = alias[1:] != alias[:-1]
        ends = [True] if len(alias) else []
        return cls(
            column.kind,
            alias,
            column.time_ns[order],
            column.value[order],
            column.code[order],
            np.concatenate([ends, edge]).astype(bool),
            np.concatenate([edge, ends]).astype(bool),
        )


def _no_past(column: Column) -> _Past:
    """As if newer samples were known of every tag: all that come are history."""
    n = len(column)
    return _Past(np.full(n, np.iinfo(np.int64).max), np.empty(n, object), np.full(n, UNHEARD, np.uint16))


def _rows(ordered: _Ordered, past: _Past) -> Iterator[Row]:
    """The samples that differ from the one before them; what is known of a tag comes before all that is not history."""
    historical = ordered.time_ns <= past.time_ns
    after_past = ~historical & (ordered.first | np.roll(historical, 1))
    code_before = np.where(after_past, past.code, np.roll(ordered.code, 1))
    code_before[ordered.first & historical] = UNHEARD
    value_before = np.where(after_past, past.value, np.roll(ordered.value, 1))
    bad = ordered.code >= _BAD
    news = (ordered.code != code_before) | (~bad & (ordered.value != value_before))
    told = (ordered.code != GOOD) | (code_before != GOOD)
    kept = np.flatnonzero(news)
    values = _python(ordered.value[kept], ordered.kind)
    fields = (ordered.time_ns, ordered.alias, ordered.code, historical, told)
    for value, (time_ns, alias, code, is_old, is_told) in zip(
        values, zip(*(field[kept].tolist() for field in fields), strict=True), strict=True
    ):
        yield Row(time_ns, alias, None if code >= _BAD else value, code, is_old, is_told)


def _by_time(rows: Iterable[Row]) -> list[Row]:
    return sorted(rows, key=lambda row: row.time_ns)


def _python(values: NDArray[Any], kind: ValueKind) -> list[Any]:
    return [bool(value) for value in values] if kind is ValueKind.BOOL else values.tolist()


def _only(column: Column, here: NDArray[np.bool_]) -> Column:
    arrays = (column.alias[here], column.time_ns[here], column.value[here], column.code[here])
    return Column(column.kind, *arrays)
