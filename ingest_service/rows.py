"""A group of deliveries as rows ready for COPY: aliases resolved, times checked, sorted by series and time. Pure.

    deliveries ──prepare──► Prepared(rows, texts, strays, layout) ──keeping──► the same without some batches

The rows are built before the ledger is asked, so that one group is prepared while the one before it is being
written; batches that turn out to be repetitions are cut out afterwards by a mask. One impossible sample never
costs its neighbours: it becomes a stray, for the quarantine.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import compress
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ingest_service.copy_format import Rows, TextRow, empty_rows, postgres_us, storable
from ingest_service.delivery import Delivery
from ingest_service.series_map import UNKNOWN
from ingest_service.storage.layout import Layout, lay_out
from ingest_service.waveforms.plausible import plausible
from protocols.sample import Column, Quality, Reason, ValueKind, bad
from runtime.clock import NS_PER_S

_EARLIEST_NS = 946_684_800 * NS_PER_S  # 2000-01-01: nothing here was measured before; 1970 is a clock without battery
_AHEAD_MOST_NS = 300 * NS_PER_S


class Stray(NamedTuple):
    """A sample that cannot be stored as it is; `batch` is the place of its batch in the group."""

    batch: int
    alias: int
    time_ns: int
    value: str | None
    quality: int
    reason: str


@dataclass(frozen=True, slots=True)
class Prepared:
    """What a group will write. `batch_of_row[i]` is the place in `deliveries` that row i came from.

    `layout`: where the rows go, None when it has to be found anew because some of them have been cut out.
    """

    deliveries: Sequence[Delivery]
    rows: Rows
    batch_of_row: NDArray[np.intp]
    texts: Sequence[TextRow]
    strays: Sequence[Stray]
    layout: Layout | None = None

    def keeping(self, kept: Sequence[bool]) -> "Prepared":
        """Only what came from the batches that are kept."""
        if all(kept):
            return self
        mask = np.array(kept, bool)[self.batch_of_row]
        return Prepared(
            self.deliveries,
            self.rows[mask],
            self.batch_of_row[mask],
            [row for row in self.texts if kept[row.batch]],
            [stray for stray in self.strays if kept[stray.batch]],
        )

    def only(self, kept: NDArray[np.bool_]) -> "Prepared":
        """Only the rows and then the texts that are marked."""
        if kept.all():
            return self
        numbers, texts = kept[: len(self.rows)], kept[len(self.rows) :].tolist()
        return Prepared(
            self.deliveries,
            self.rows[numbers],
            self.batch_of_row[numbers],
            list(compress(self.texts, texts)),
            self.strays,
        )


@dataclass(frozen=True, slots=True)
class _Flat:
    """Columns of many batches as one: every field an array over all samples."""

    batch: NDArray[np.intp]
    alias: NDArray[np.uint32]
    series: NDArray[np.int32]
    time_ns: NDArray[np.int64]
    value: NDArray[Any]
    code: NDArray[np.uint16]

    def at(self, where: NDArray[Any]) -> "_Flat":
        return _Flat(
            self.batch[where], self.alias[where], self.series[where],
            self.time_ns[where], self.value[where], self.code[where],
        )  # fmt: skip


def prepare(deliveries: Sequence[Delivery], now_ns: int) -> Prepared:
    """Build the rows of a group, all but their minute of arrival; `now_ns` is the database's wall time."""
    deliveries = [plausible(delivery, _EARLIEST_NS, now_ns + _AHEAD_MOST_NS) for delivery in deliveries]
    numbers, strays = _split(_flat(deliveries, numeric=True), now_ns)
    texts, text_strays = _split(_flat(deliveries, numeric=False), now_ns)
    order = np.lexsort((numbers.time_ns, numbers.series))
    rows = empty_rows(len(order))
    rows["time_us"] = postgres_us(numbers.time_ns[order])
    rows["value"] = numbers.value[order]
    rows["series"] = numbers.series[order]
    rows["quality"] = numbers.code[order]
    return Prepared(deliveries, rows, numbers.batch[order], _text_rows(texts), strays + text_strays, lay_out(rows))


def _flat(deliveries: Sequence[Delivery], *, numeric: bool) -> _Flat:
    places: list[int] = []
    columns: list[Column] = []
    series: list[NDArray[Any]] = []
    for place, delivery in enumerate(deliveries):
        if delivery.batch is None or delivery.series is None:
            continue
        for column in delivery.batch.columns:
            if (column.kind is not ValueKind.TEXT) is numeric:
                places.append(place)
                columns.append(column)
                series.append(delivery.series.find(column.alias))
    dtype = np.dtype(np.float64) if numeric else np.dtype(object)
    return _Flat(
        np.repeat(np.array(places, np.intp), [len(column) for column in columns]),
        _joined([column.alias for column in columns], np.uint32),
        _joined(series, np.int32),
        _joined([column.time_ns for column in columns], np.int64),
        _joined([column.value for column in columns], dtype),
        _clean_codes(_joined([column.code for column in columns], np.uint16)),
    )


def _joined(parts: list[NDArray[Any]], dtype: Any) -> NDArray[Any]:
    return np.concatenate(parts, dtype=dtype, casting="unsafe") if parts else np.empty(0, dtype)


def _clean_codes(code: NDArray[np.uint16]) -> NDArray[np.uint16]:
    """A quality this version does not know is BAD, and would not fit the column."""
    unknown = code >> 8 > Quality.BAD
    return np.where(unknown, np.uint16(bad(Reason.UNDECODABLE)), code) if unknown.any() else code


def _split(flat: _Flat, now_ns: int) -> tuple[_Flat, list[Stray]]:
    """What can be stored, values that are no number turned BAD; and what cannot, with the reason."""
    impossible = (flat.time_ns < _EARLIEST_NS) | (flat.time_ns > now_ns + _AHEAD_MOST_NS)
    unnamed = flat.series == UNKNOWN
    strays = _strays(flat.at(unnamed), "unknown_alias") + _strays(flat.at(impossible & ~unnamed), "impossible_time")
    if strays:
        flat = flat.at(~(unnamed | impossible))
    if flat.value.dtype == object:
        return flat, strays
    no_number = ~np.isfinite(flat.value) & (flat.code >> 8 != Quality.BAD)
    if no_number.any():
        code = np.where(no_number, np.uint16(bad(Reason.NAN)), flat.code)
        flat = _Flat(flat.batch, flat.alias, flat.series, flat.time_ns, flat.value, code)
    return flat, strays


def _strays(flat: _Flat, reason: str) -> list[Stray]:
    fields = zip(
        flat.batch.tolist(), flat.alias.tolist(), flat.time_ns.tolist(), flat.value.tolist(), flat.code.tolist(),
        strict=True,
    )  # fmt: skip
    return [
        Stray(batch, alias, time_ns, None if code >> 8 == Quality.BAD else storable(str(value)), code, reason)
        for batch, alias, time_ns, value, code in fields
    ]


def _text_rows(flat: _Flat) -> list[TextRow]:
    times = postgres_us(flat.time_ns).tolist()
    return [
        TextRow(batch, time_us, series, code, None if code >> 8 == Quality.BAD else storable(value))
        for batch, time_us, series, code, value in zip(
            flat.batch.tolist(), times, flat.series.tolist(), flat.code.tolist(), flat.value.tolist(), strict=True
        )
    ]
