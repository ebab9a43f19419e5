"""Packs as PostgreSQL's binary COPY stream. Pure.

    Packs ──of one shape: as many samples, the same columns──► rows of one numpy type ──► bytes
                                                                  └── a NULL in an array: its bytes cut out by a mask

A gateway reads its tags together, so nearly all packs of a group have one shape or two, and none is looked at alone.
Source: PostgreSQL manual, COPY, "Binary Format"; array_send() in src/backend/utils/adt/arrayfuncs.c for arrays.
"""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ingest_service.copy_format import SIGNATURE, TRAILER
from ingest_service.storage.encoding import TimeForm, ValueForm
from ingest_service.storage.packs import Packs, Rollups

COLUMNS = (
    "series_id", "t0", "t1", "n", "bad", "total", "low", "high", "last", "last_at",
    "step_us", "origin", "divisor", "jitter", "dt", "code", "levels", "single", "value", "quality",
    "minute", "minute_n", "minute_bad", "minute_total", "minute_low", "minute_high", "minute_last", "minute_last_us",
)  # fmt: skip

_NULL = np.dtype([("bytes", ">i4")])
_HEAD_BYTES = 20
_INT2, _INT4, _INT8 = np.dtype(">i2"), np.dtype(">i4"), np.dtype(">i8")
_FLOAT4, _FLOAT8 = np.dtype(">f4"), np.dtype(">f8")
_OIDS = {_INT2: 21, _INT4: 23, _FLOAT4: 700, _FLOAT8: 701}


class _Cells(NamedTuple):
    """A column of some rows: a number each, or an array each, with NULL where `known` says no."""

    dtype: np.dtype[Any]
    numbers: NDArray[Any]
    known: NDArray[np.bool_] | None = None


_Column = _Cells | None
"""None: NULL in all of them."""


def encode_packs(packs: Packs) -> Iterator[bytes]:
    """The COPY stream of (COLUMNS), a part for each shape."""
    yield SIGNATURE
    shapes = _shapes(packs)
    for shape in np.unique(shapes):
        yield _rows(_columns(packs, np.flatnonzero(shapes == shape)))
    yield TRAILER


def _shapes(packs: Packs) -> NDArray[np.int64]:
    """A number for each pack; those with the same number have the same columns with as many elements in each."""
    n, bad = packs.rollups.n, packs.rollups.bad
    has_quality = packs.parts.most(packs.samples.quality != 0)
    minutes = np.zeros(len(packs), np.int64)
    for i, one in packs.minutes.items():
        minutes[i] = 1 + 2 * len(one.minute) + bool(one.rollups.n.all())
    shape = packs.parts.lengths.astype(np.int64)
    for kind, most in (
        (packs.times.form, len(TimeForm)),
        (packs.values.form, len(ValueForm)),
        (packs.values.level_count, 257),
        (n > 0, 2),
        (bad > 0, 2),
        (has_quality, 2),
        (minutes, 256),
    ):
        shape = shape * most + kind
    return shape


def _columns(packs: Packs, chosen: NDArray[np.intp]) -> list[_Column]:
    """Of packs of one shape."""
    first, parts = int(chosen[0]), packs.parts
    at = parts.starts[chosen, None] + np.arange(parts.lengths[first])
    return [
        _Cells(_INT4, packs.samples.series[at[:, 0]]),
        _Cells(_INT8, packs.samples.time_us[at[:, 0]]),
        _Cells(_INT8, packs.samples.time_us[at[:, -1]]),
        *_rollup(packs.rollups.at(chosen)),
        _Cells(_INT8, packs.times.step_us[chosen]),
        *_arrays(packs, first, chosen, at),
        _Cells(_INT2, packs.samples.quality[at]) if packs.samples.quality[at[0]].any() else None,
        *(_minutes(packs, chosen) if first in packs.minutes else [None] * 8),
    ]


def _rollup(rollups: Rollups) -> list[_Column]:
    counts: list[_Column] = [_Cells(_INT4, rollups.n), _Cells(_INT4, rollups.bad)]
    if not rollups.n[0]:
        return counts + [None] * 5
    numbers = (rollups.total, rollups.low, rollups.high, rollups.last)
    return [*counts, *(_Cells(_FLOAT8, number) for number in numbers), _Cells(_INT8, rollups.last_us)]


def _arrays(packs: Packs, first: int, chosen: NDArray[np.intp], at: NDArray[np.intp]) -> list[_Column]:
    """From `origin` to `value`."""
    values, times = packs.values, packs.times
    time_form, form = times.form[first], values.form[first]
    known = packs.samples.present[at] if packs.rollups.bad[first] else None
    decimal = form == ValueForm.DECIMALS
    before = np.cumsum(values.level_count) - values.level_count
    levels = before[chosen, None] + np.arange(values.level_count[first])
    return [
        _Cells(_FLOAT8, values.origin[chosen]) if decimal else None,
        _Cells(_FLOAT8, values.divisor[chosen]) if decimal else None,
        _Cells(_INT2, times.rest_us[at]) if time_form == TimeForm.NARROW else None,
        _Cells(_INT4, times.rest_us[at]) if time_form == TimeForm.WIDE else None,
        _Cells(_INT2, values.code[at], known) if decimal or form == ValueForm.LEVELS else None,
        _Cells(_FLOAT8, values.levels[levels]) if form == ValueForm.LEVELS else None,
        _Cells(_FLOAT4, values.value[at], known) if form == ValueForm.SINGLE else None,
        _Cells(_FLOAT8, values.value[at], known) if form == ValueForm.WHOLE else None,
    ]


def _minutes(packs: Packs, chosen: NDArray[np.intp]) -> list[_Column]:
    several = [packs.minutes[i] for i in chosen.tolist()]
    rollups = Rollups(*(np.stack(column) for column in zip(*(one.rollups for one in several), strict=True)))
    known = None if (rollups.n > 0).all() else rollups.n > 0
    return [
        _Cells(_INT2, np.stack([one.minute for one in several])),
        _Cells(_INT4, rollups.n),
        _Cells(_INT4, rollups.bad),
        *(_Cells(_FLOAT8, column, known) for column in (rollups.total, rollups.low, rollups.high, rollups.last)),
        _Cells(_INT4, rollups.last_us, known),
    ]


def _rows(columns: Sequence[_Column]) -> bytes:
    dtype = np.dtype([("fields", ">i2"), *((f"f{i}", _field(column)) for i, column in enumerate(columns))])
    first = columns[0]
    assert first
    rows = np.zeros(len(first.numbers), dtype)
    rows["fields"] = len(columns)
    kept = None
    for i, column in enumerate(columns):
        field = rows[f"f{i}"]
        if column is None:
            field["bytes"] = -1
            continue
        _fill(field, column)
        if column.known is not None:
            kept = np.ones((len(rows), dtype.itemsize), bool) if kept is None else kept
            _cut_out(kept, dtype.fields[f"f{i}"][1], column)  # type: ignore[index]
    return rows.tobytes() if kept is None else rows.view(np.uint8).reshape(kept.shape)[kept].tobytes()


def _field(column: _Column) -> np.dtype[Any]:
    if column is None:
        return _NULL
    if column.numbers.ndim == 1:
        return np.dtype([("bytes", ">i4"), ("it", column.dtype)])
    return np.dtype(
        [
            ("bytes", ">i4"), ("dimensions", ">i4"), ("has_null", ">i4"), ("type", ">i4"),
            ("length", ">i4"), ("lower_bound", ">i4"), ("cells", _cell(column), (column.numbers.shape[1],)),
        ]
    )  # fmt: skip


def _cell(column: _Cells) -> np.dtype[Any]:
    return np.dtype([("bytes", ">i4"), ("it", column.dtype)])


def _fill(field: NDArray[Any], column: _Cells) -> None:
    width = column.dtype.itemsize
    if column.numbers.ndim == 1:
        field["bytes"], field["it"] = width, column.numbers
        return
    length = column.numbers.shape[1]
    nulls = 0 if column.known is None else np.count_nonzero(~column.known, axis=1)
    field["bytes"] = _HEAD_BYTES + length * (4 + width) - nulls * width
    field["dimensions"], field["lower_bound"], field["length"] = 1, 1, length
    field["has_null"], field["type"] = column.known is not None, _OIDS[column.dtype]
    field["cells"]["bytes"] = width if column.known is None else np.where(column.known, width, -1)
    field["cells"]["it"] = column.numbers


def _cut_out(kept: NDArray[np.bool_], offset: int, column: _Cells) -> None:
    """A NULL is a length of -1 without bytes behind it."""
    assert column.known is not None
    rows, length = column.numbers.shape
    cells = np.ones((rows, length, _cell(column).itemsize), bool)
    cells[~column.known, 4:] = False
    begin = offset + 4 + _HEAD_BYTES
    kept[:, begin : begin + length * cells.shape[2]] = cells.reshape(rows, -1)
