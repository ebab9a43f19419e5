"""A payload as columns: numbers and texts without a Python record each, everything else through records. Pure.

    wire metrics ─► row of each (alias, else name) ─┬─ plain number or text ─► one comprehension a field ─► numpy
                                                    └─ properties, null, structures, surprises ─► records

A field that reads as 0, false or "" may be missing: protobuf does not tell, so those alone are asked again.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from operator import attrgetter
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ingest_service.sparkplug.shown import leaves, value_of
from ingest_service.sparkplug.table import BOOLEAN, DOUBLE, FLOAT, INT, LONG, OTHER, STRING, UNKNOWN, Table
from protocols.sample import DTYPE_OF, Column, Columns, Reason, Value, ValueKind, bad, concatenate
from protocols.sparkplug import sparkplug_b_pb2 as pb
from protocols.sparkplug.datatype import DataType
from protocols.sparkplug.payload import typed
from protocols.sparkplug.records import Metric
from protocols.sparkplug.unfold import Unfolding

_NS_PER_MS = 1_000_000
_MS_MOST = ((1 << 63) - 1) // _NS_PER_MS
_FIELD_NAMES = {
    INT: "int_value",
    LONG: "long_value",
    FLOAT: "float_value",
    DOUBLE: "double_value",
    BOOLEAN: "boolean_value",
    STRING: "string_value",
}
_DTYPES: dict[int, Any] = {INT: np.uint64, LONG: np.uint64, FLOAT: np.float64, DOUBLE: np.float64, BOOLEAN: np.uint8}
_has = pb.Metric.HasField  # bound once, it costs half
_VALUE_OF = {field: attrgetter(name) for field, name in _FIELD_NAMES.items()}


class Understood(NamedTuple):
    """The samples of a payload, and how many of its metrics no birth names."""

    columns: Columns
    unknown: int


class _Sample(NamedTuple):
    row: int
    time_ns: int
    value: Value | None
    code: int


def columns_of(wire: pb.Payload, table: Table) -> Understood:
    """What a DATA message says, by the birth before it."""
    metrics = list(wire.metrics)
    rows = _rows(metrics, table)
    plain = rows >= 0
    plain[plain] = table.field[rows[plain]] != OTHER
    plain &= ~np.array([metric.is_null or _has(metric, "properties") for metric in metrics], bool)
    times_ns = _times_ns(metrics, wire.timestamp)
    columns: list[Column] = []
    for field, places in _by_field(table, rows, plain):
        columns += _plain_columns(metrics, field, table, _Picked(places, rows[places], times_ns[places]), plain)
    slow = np.flatnonzero(~plain & (rows != UNKNOWN)).tolist()
    unfolding = Unfolding()
    records = [_named(unfolding.metric(metrics[place]), table) for place in slow]
    told = records_of(records, table, wire.timestamp)
    return Understood(concatenate([*columns, *told.columns]), told.unknown + int(np.count_nonzero(rows == UNKNOWN)))


def records_of(metrics: Iterable[Metric], table: Table, sent_ms: int) -> Understood:
    """The same for metrics that are records already, as those of a birth; each bears its name."""
    samples: dict[ValueKind, list[_Sample]] = {}
    unknown = 0
    for metric in metrics:
        for path, leaf in leaves(metric, metric.name or ""):
            row = table.row_of.get(path)
            if row is None:
                unknown += path not in table.known
                continue
            value, code = _shown(leaf, table.tags[row].datatype)
            time_ms = min(leaf.timestamp_ms or sent_ms, _MS_MOST)
            samples.setdefault(table.kinds[row], []).append(_Sample(row, time_ms * _NS_PER_MS, value, code))
    return Understood(tuple(_column(kind, listed) for kind, listed in samples.items()), unknown)


def _shown(metric: Metric, born_as: DataType) -> tuple[Value | None, int]:
    understood = typed(metric, born_as)
    if understood.datatype not in {None, born_as}:
        return None, bad(Reason.UNDECODABLE)  # its birth promised another datatype
    return value_of(understood)


class _Picked(NamedTuple):
    """Metrics of one field: their places in the payload, their rows in the table, their times."""

    places: NDArray[Any]
    rows: NDArray[np.int64]
    times_ns: NDArray[np.int64]

    def at(self, where: NDArray[Any]) -> "_Picked":
        return _Picked(self.places[where], self.rows[where], self.times_ns[where])


def _rows(metrics: Sequence[pb.Metric], table: Table) -> NDArray[np.int64]:
    aliases = np.array([metric.alias for metric in metrics], np.uint64)
    rows = table.rows_of(aliases)
    unaliased = np.flatnonzero(aliases == 0)
    if len(unaliased):
        zero = int(rows[unaliased[0]])  # what alias 0 means; a metric without alias reads as 0, too
        names = [metrics[place].name for place in unaliased.tolist()]
        rows[unaliased] = [table.row_of_name.get(name, UNKNOWN) if name else zero for name in names]
    return rows


def _times_ns(metrics: Sequence[pb.Metric], sent_ms: int) -> NDArray[np.int64]:
    times_ms = np.array([metric.timestamp for metric in metrics], np.uint64)
    times_ms[times_ms == 0] = sent_ms
    return np.minimum(times_ms, np.uint64(_MS_MOST)).astype(np.int64) * _NS_PER_MS


def _by_field(
    table: Table, rows: NDArray[np.int64], plain: NDArray[np.bool_]
) -> Iterator[tuple[int, NDArray[np.intp]]]:
    places = np.flatnonzero(plain)
    fields = table.field[rows[places]]
    for field in np.unique(fields).tolist():
        yield field, places[fields == field]


def _plain_columns(
    metrics: Sequence[pb.Metric], field: int, table: Table, picked: _Picked, plain: NDArray[np.bool_]
) -> Iterator[Column]:
    """The columns of one field. What turns out not to be plain is taken out of `plain`."""
    whole = len(picked.places) == len(metrics)
    chosen = metrics if whole else [metrics[place] for place in picked.places.tolist()]
    listed = list(map(_VALUE_OF[field], chosen))
    raw = _texts(listed) if field == STRING else np.array(listed, _DTYPES[field])
    missing = _missing(chosen, raw, _FIELD_NAMES[field])
    if len(missing):
        plain[picked.places[missing]] = False
        kept = np.ones(len(raw), bool)
        kept[missing] = False
        picked, raw = picked.at(kept), raw[kept]
    yield from _typed_columns(field, table, picked, raw)


def _texts(listed: list[Any]) -> NDArray[Any]:
    """Protobuf hands out as bytes what is not UTF-8; it goes the slow way, as what is missing does."""
    texts = np.empty(len(listed), object)
    texts[:] = [text if type(text) is str else "" for text in listed]
    return texts


def _missing(metrics: Sequence[pb.Metric], raw: NDArray[Any], name: str) -> list[int]:
    """Places whose field is not set, or is no text."""
    empty = np.flatnonzero(raw == "" if raw.dtype == object else raw == 0).tolist()
    return [place for place in empty if not _has(metrics[place], name) or _is_broken(metrics[place], name)]


def _is_broken(metric: pb.Metric, name: str) -> bool:
    return name == "string_value" and metric.string_value != ""


def _typed_columns(field: int, table: Table, picked: _Picked, raw: NDArray[Any]) -> Iterator[Column]:
    good = np.zeros(len(raw), np.uint16)
    if field == STRING:
        yield _plain_column(ValueKind.TEXT, picked, raw, good)
    elif field == BOOLEAN:
        yield _plain_column(ValueKind.BOOL, picked, raw, good)
    elif field in {FLOAT, DOUBLE}:
        yield _plain_column(ValueKind.FLOAT, picked, raw, good)
    else:
        numbers, fits = _numbers(raw, table.bits[picked.rows])
        code = np.where(fits, np.uint16(0), np.uint16(bad(Reason.UNDECODABLE)))
        huge = table.is_float[picked.rows]
        yield _plain_column(ValueKind.INT, picked.at(~huge), numbers[~huge], code[~huge])
        yield _plain_column(ValueKind.FLOAT, picked.at(huge), raw[huge].astype(np.float64), good[huge])


def _numbers(raw: NDArray[np.uint64], bits: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Two's complement of each width, and whether the wire held such a number: short, or widened to 32 or 64 bits."""
    shift = (64 - np.abs(bits)).astype(np.uint64)
    short = (raw << shift) >> shift
    signed = (raw << shift).view(np.int64) >> shift.astype(np.int64)
    numbers = np.where(bits < 0, signed, short.view(np.int64))
    widened = (bits < 0) & (signed < 0) & ((raw == signed.view(np.uint64)) | (raw == signed.view(np.uint64) & _LOW_32))
    beyond = (bits == 64) & (raw > _INT64_MOST)
    return numbers, ((raw == short) & ~beyond) | widened


_LOW_32 = np.uint64((1 << 32) - 1)
_INT64_MOST = np.uint64((1 << 63) - 1)


def _plain_column(kind: ValueKind, picked: _Picked, value: NDArray[Any], code: NDArray[np.uint16]) -> Column:
    return Column(kind, picked.rows.astype(np.uint32), picked.times_ns, value, code)


def _named(metric: Metric, table: Table) -> Metric:
    """With the name and the datatype that the birth gave it."""
    name = table.name_of.get(metric.alias, "") if metric.alias is not None else metric.name or ""
    known = table.known.get(name)
    return replace(typed(metric, known.datatype) if known else metric, name=name)


def _column(kind: ValueKind, samples: list[_Sample]) -> Column:
    empty: Value = "" if kind is ValueKind.TEXT else 0
    value = np.empty(len(samples), DTYPE_OF[kind])
    value[:] = [empty if sample.value is None else sample.value for sample in samples]
    return Column(
        kind,
        np.array([sample.row for sample in samples], np.uint32),
        np.array([sample.time_ns for sample in samples], np.int64),
        value,
        np.array([sample.code for sample in samples], np.uint16),
    )
