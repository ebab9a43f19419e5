"""Packs as the database sends them, many in one row, turned back into samples. Pure.

    take_packs: a number of each pack as arrays, its arrays one behind the other ──► Parts, Times, Values ──► Samples

An array arrives as PostgreSQL's array_send() makes it: a head, then each element behind its length. No NULL is in it:
where a value is not there the query puts 0, and tells the place.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ingest_service.storage.encoding import TimeForm, Times, ValueForm, Values, decode_times, decode_values
from ingest_service.storage.parts import Parts
from ingest_service.storage.samples import HEAD_BYTES, Samples, numbers


class Taken(NamedTuple):
    """The row of `take_packs`: first a number of each pack, then arrays of those that have one, and None of none."""

    series: bytes
    t0: bytes
    step_us: bytes
    length: bytes
    bad: bytes
    origin: bytes
    divisor: bytes
    level_count: bytes
    has_quality: bytes
    time_form: bytes
    value_form: bytes
    jitter: bytes | None
    dt: bytes | None
    code: bytes | None
    levels: bytes | None
    single: bytes | None
    value: bytes | None
    quality: bytes | None
    absent: bytes | None


def samples_of(row: Sequence[Any]) -> Samples:
    """What the packs hold, pack by pack in the order in which they came."""
    taken = Taken(*row)
    parts = Parts.of_lengths(numbers(taken.length, ">i4").astype(np.intp))
    present = np.ones(parts.total, bool)
    with_bad, bad = _having(numbers(taken.bad, ">i4").astype(np.intp))
    place = _elements(taken.absent, ">i4", bad) - 1  # SQL counts from 1
    present[np.repeat(parts.starts[with_bad], bad) + place] = False
    return Samples(
        parts.spread(numbers(taken.series, ">i4").astype(np.int32)),
        decode_times(numbers(taken.t0, ">i8").astype(np.int64), _times(taken, parts), parts),
        np.where(present, decode_values(_values(taken, parts), parts), 0.0),
        present,
        _placed(taken.quality, ">i2", parts, numbers(taken.has_quality, ">i4") != 0, np.dtype(np.int16)),
    )


def _times(taken: Taken, parts: Parts) -> Times:
    form = numbers(taken.time_form, ">i4").astype(np.int8)
    rest_us = np.zeros(parts.total, np.int64)
    for arrays, dtype, kind in ((taken.jitter, ">i2", TimeForm.NARROW), (taken.dt, ">i4", TimeForm.WIDE)):
        rest_us += _placed(arrays, dtype, parts, form == kind, np.dtype(np.int64))
    return Times(form, numbers(taken.step_us, ">i8").astype(np.int64), rest_us)


def _values(taken: Taken, parts: Parts) -> Values:
    form = numbers(taken.value_form, ">i4").astype(np.int8)
    value = np.zeros(parts.total)
    for arrays, dtype, kind in ((taken.single, ">f4", ValueForm.SINGLE), (taken.value, ">f8", ValueForm.WHOLE)):
        where = parts.some(form == kind).where
        value[where] = _elements(arrays, dtype, parts.lengths[form == kind])
    coded = (form == ValueForm.DECIMALS) | (form == ValueForm.LEVELS)
    level_count = numbers(taken.level_count, ">i4").astype(np.intp)
    return Values(
        form,
        numbers(taken.origin, ">f8").astype(np.float64),
        numbers(taken.divisor, ">f8").astype(np.float64),
        level_count,
        _elements(taken.levels, ">f8", _having(level_count)[1]).astype(np.float64),
        _placed(taken.code, ">i2", parts, coded, np.dtype(np.int16)),
        value,
    )


def _having(count: NDArray[np.intp]) -> tuple[NDArray[np.bool_], NDArray[np.intp]]:
    """Which packs have an array of so many elements at all, and how many those have."""
    return count > 0, count[count > 0]


def _placed(
    arrays: bytes | None, dtype: str, parts: Parts, chosen: NDArray[np.bool_], kept: np.dtype[Any]
) -> NDArray[Any]:
    """The elements at the places of the packs that have them, 0 elsewhere."""
    placed = np.zeros(parts.total, kept)
    placed[parts.some(chosen).where] = _elements(arrays, dtype, parts.lengths[chosen])
    return placed


def _elements(arrays: bytes | None, dtype: str, lengths: NDArray[np.intp]) -> NDArray[Any]:
    """The elements of arrays that stand one behind the other, without heads."""
    cell = np.dtype([("bytes", ">i4"), ("it", dtype)])
    if arrays is None:
        return np.empty(0, dtype)
    raw = np.frombuffer(arrays, np.uint8)
    sizes = HEAD_BYTES + lengths * cell.itemsize
    heads = np.cumsum(sizes) - sizes
    kept = np.ones(len(raw), bool)
    kept[heads[:, None] + np.arange(HEAD_BYTES)] = False
    return raw[kept].view(cell)["it"]
