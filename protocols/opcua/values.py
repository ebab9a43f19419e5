"""What OPC UA data values mean as columns. Pure: knows the values, not the library that brought them.

(alias, kind, value, status, time) of each item ──Collector──► Columns
"""

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import numpy as np

from protocols.opcua.quality import code_of
from protocols.sample import DTYPE_OF, GOOD, Column, Columns, Quality, Reason, Value, ValueKind, bad

_EMPTY: Mapping[ValueKind, Value] = {ValueKind.FLOAT: 0.0, ValueKind.INT: 0, ValueKind.BOOL: False, ValueKind.TEXT: ""}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EPOCH_NAIVE = datetime(1970, 1, 1)  # noqa: DTZ001  asyncua's times are UTC, in older versions without saying so
INT_LEAST, INT_MOST = -(1 << 63), (1 << 63) - 1


def time_ns_of(stamp: datetime) -> int:
    """Ns since 1970 UTC, without the rounding of a float."""
    past = stamp - (_EPOCH if stamp.tzinfo else _EPOCH_NAIVE)
    return ((past.days * 86_400 + past.seconds) * 1_000_000 + past.microseconds) * 1000


def fitted(kind: ValueKind, value: Any, status: int) -> tuple[Value, int]:
    """The value as `kind`, and its quality code; a value that is none of that kind is BAD, never bent."""
    code = code_of(status)
    if code >> 8 == Quality.BAD:
        return _EMPTY[kind], code
    taken = _taken(kind, value)
    return (_EMPTY[kind], bad(taken)) if isinstance(taken, Reason) else (taken, code)


def _taken(kind: ValueKind, value: Any) -> Value | Reason:
    """The value, or why it cannot be one of that kind."""
    if isinstance(value, bool) or kind is ValueKind.BOOL:
        return value if isinstance(value, bool) and kind is ValueKind.BOOL else Reason.UNDECODABLE
    if kind is ValueKind.FLOAT and isinstance(value, int | float):
        return float(value) if math.isfinite(value) else Reason.NAN
    if kind is ValueKind.INT and isinstance(value, int):
        return int(value) if INT_LEAST <= value <= INT_MOST else Reason.OUT_OF_RANGE
    text = getattr(value, "Text", value)  # a LocalizedText
    return text if kind is ValueKind.TEXT and isinstance(text, str) else Reason.UNDECODABLE


class Collector:
    """Gathers single values and hands them out as columns, one a kind."""

    def __init__(self) -> None:
        self._rows: dict[ValueKind, list[tuple[int, int, Value, int]]] = {}
        self.any_good = False

    def add(self, kind: ValueKind, alias: int, time_ns: int, value: Value, code: int) -> None:
        self._rows.setdefault(kind, []).append((alias, time_ns, value, code))
        self.any_good = self.any_good or code == GOOD

    def columns(self) -> Columns:
        return tuple(_column(kind, self._rows[kind]) for kind in sorted(self._rows))


def _column(kind: ValueKind, rows: list[tuple[int, int, Value, int]]) -> Column:
    aliases, times, values, codes = zip(*rows, strict=True)
    value = np.empty(len(rows), object) if kind is ValueKind.TEXT else np.array(values, DTYPE_OF[kind])
    if kind is ValueKind.TEXT:
        value[:] = values
    return Column(kind, np.array(aliases, np.uint32), np.array(times, np.int64), value, np.array(codes, np.uint16))
