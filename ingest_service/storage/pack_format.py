"""Packs as PostgreSQL's binary COPY stream. Pure.

Source: PostgreSQL manual, COPY, "Binary Format"; array_send() in src/backend/utils/adt/arrayfuncs.c for arrays.
"""

import struct
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ingest_service.copy_format import SIGNATURE, TRAILER
from ingest_service.storage.packs import Minutes, Pack

COLUMNS = (
    "series_id", "t0", "t1", "n", "bad", "total", "low", "high", "last", "last_at",
    "step_us", "origin", "divisor", "jitter", "dt", "code", "levels", "single", "value", "quality",
    "minute", "minute_n", "minute_bad", "minute_total", "minute_low", "minute_high", "minute_last", "minute_last_us",
)  # fmt: skip

_FIELDS = struct.pack(">h", len(COLUMNS))
_NULL = struct.pack(">i", -1)
_ALWAYS = struct.Struct(">iiiqiqiiii")  # series, t0, t1, n, bad, each behind its length
_FLOAT = struct.Struct(">id")
_LONG = struct.Struct(">iq")
_ARRAY = struct.Struct(">iiiiii")  # bytes that follow, dimensions, whether NULLs are in it, type, length, lower bound
_HEAD_BYTES = _ARRAY.size - 4


class _Element(NamedTuple):
    oid: int
    dtype: np.dtype[Any]


def _element(oid: int, dtype: str) -> _Element:
    return _Element(oid, np.dtype([("bytes", ">i4"), ("it", dtype)]))


_INT2, _INT4 = _element(21, ">i2"), _element(23, ">i4")
_FLOAT4, _FLOAT8 = _element(700, ">f4"), _element(701, ">f8")


def encode_packs(packs: Iterable[Pack]) -> Iterator[bytes]:
    """The COPY stream of (COLUMNS), a part for each pack."""
    yield SIGNATURE
    for one in packs:
        yield b"".join(_row(one))
    yield TRAILER


def _row(one: Pack) -> Iterator[bytes]:
    rollup, times, values = one.rollup, one.times, one.values
    yield _FIELDS
    yield _ALWAYS.pack(4, one.series, 8, one.t0_us, 8, one.t1_us, 4, rollup.n, 4, rollup.bad)
    if rollup.n:
        for number in (rollup.total, rollup.low, rollup.high, rollup.last):
            yield _FLOAT.pack(8, number)
        yield _LONG.pack(8, rollup.last_us)
    else:
        yield _NULL * 5
    yield _LONG.pack(8, times.step_us)
    yield _number(values.origin)
    yield _number(values.divisor)
    yield _array(_INT2, times.rest_us if times.is_narrow else None)
    yield _array(_INT4, None if times.is_narrow else times.rest_us)
    yield _array(_INT2, values.code, one.present)
    yield _array(_FLOAT8, values.levels)
    yield _array(_FLOAT4, values.single, one.present)
    yield _array(_FLOAT8, values.value, one.present)
    yield _array(_INT2, one.quality)
    yield from _minutes(one.minutes) if one.minutes else (_NULL * 8,)


def _minutes(minutes: Minutes) -> Iterator[bytes]:
    rollups = minutes.rollups
    known = rollups.n > 0
    yield _array(_INT2, minutes.minute)
    yield _array(_INT4, rollups.n)
    yield _array(_INT4, rollups.bad)
    for column in (rollups.total, rollups.low, rollups.high, rollups.last):
        yield _array(_FLOAT8, column, known)
    yield _array(_INT4, rollups.last_us, known)


def _number(number: float | None) -> bytes:
    return _NULL if number is None else _FLOAT.pack(8, number)


def _array(element: _Element, numbers: NDArray[Any] | None, known: NDArray[np.bool_] | None = None) -> bytes:
    """An array; NULL where `known` says no."""
    if numbers is None:
        return _NULL
    cells = np.empty(len(numbers), element.dtype)
    cells["bytes"] = element.dtype.itemsize - 4
    cells["it"] = numbers
    has_null = known is not None and not known.all()
    body = _without(cells, ~known) if known is not None and has_null else cells.tobytes()
    return _ARRAY.pack(_HEAD_BYTES + len(body), 1, has_null, element.oid, len(numbers), 1) + body


def _without(cells: NDArray[Any], absent: NDArray[np.bool_]) -> bytes:
    """A NULL is a length of -1 without bytes behind it."""
    cells["bytes"][absent] = -1
    kept = np.ones((len(cells), cells.dtype.itemsize), bool)
    kept[absent, 4:] = False
    return cells.view(np.uint8).reshape(kept.shape)[kept].tobytes()
