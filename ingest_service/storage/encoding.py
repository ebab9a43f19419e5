"""Times and values of many series in few bytes, without losing one bit, in a form that plain SQL reads back. Pure.

    times   t0 + i * step + a small rest            a clock that polls needs 2 bytes a sample, an even one none
    values  decimals: (origin + code) / divisor     what a sensor with digits shows: 2 bytes
            levels:   levels[code]                  states, setpoints, steps of a converter: 2 bytes
            single:   float4                        what a PLC's REAL holds: 4 bytes
            whole:    float8                        everything else: 8 bytes

Every part (the samples of one pack) gets the form that suits it, and all parts are tried together: a pack of a hundred
samples costs no call of its own. Whether a form fits is found by decoding what it made: the bits must be the same. The
readable description of the fields stands at telemetry.pack in database/migrations/0011_packs.sql.
"""

from enum import IntEnum
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ingest_service.storage.parts import Bools, Parts

LEVELS_MOST = 256
_DIGITS_MOST = 9
_INT2 = np.iinfo(np.int16)
_INT4 = np.iinfo(np.int32)
_PROBES = (0.0, 0.37, 0.71, 1.0)  # where a part is looked at before all of it is
_EXACT = float(1 << 53)  # integers up to here are exact in a float8

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Forms = NDArray[np.int8]


class TimeForm(IntEnum):
    """What the rests of a part need: nothing, two bytes each, four; or more than there is, so that it has to be cut."""

    EVEN = 0
    NARROW = 1
    WIDE = 2
    UNEVEN = 3


class ValueForm(IntEnum):
    """See above."""

    DECIMALS = 0
    LEVELS = 1
    SINGLE = 2
    WHOLE = 3


class Times(NamedTuple):
    """`form` and `step_us` of each part, `rest_us` of each sample."""

    form: Forms
    step_us: Ints
    rest_us: Ints


class Values(NamedTuple):
    """`form`, `origin`, `divisor` and the number of `levels` of each part, `code` and `value` of each sample.

    What a form does not use means nothing. Where a value is not there, any number stands for it.
    `levels[of]` of each part stand one behind the other.
    """

    form: Forms
    origin: Floats
    divisor: Floats
    level_count: NDArray[np.intp]
    levels: Floats
    code: NDArray[np.int16]
    value: Floats


def encode_times(time_us: Ints, parts: Parts) -> Times:
    """Times in ascending order within each part."""
    since_us = time_us - parts.spread(time_us[parts.starts])
    span_us = since_us[parts.starts + parts.lengths - 1]
    step_us = np.rint(span_us / np.maximum(parts.lengths - 1, 1)).astype(np.int64)
    rest_us = since_us - parts.place() * parts.spread(step_us)
    low, high = parts.least(rest_us), parts.most(rest_us)
    form = np.select(
        [(low == 0) & (high == 0), _fits(low, high, _INT2), _fits(low, high, _INT4)],
        [TimeForm.EVEN, TimeForm.NARROW, TimeForm.WIDE],
        TimeForm.UNEVEN,
    )
    return Times(form.astype(np.int8), step_us, rest_us)


def decode_times(t0_us: Ints, times: Times, parts: Parts) -> Ints:
    """What SQL makes of it."""
    time_us: Ints = parts.spread(t0_us) + parts.place() * parts.spread(times.step_us) + times.rest_us
    return time_us


def encode_values(value: Floats, present: Bools, parts: Parts) -> Values:
    """The shortest form of each part that gives back every bit of the values that are there."""
    value = _filled(value, present, parts)
    made = Values(
        np.full(len(parts), ValueForm.WHOLE, np.int8),
        np.zeros(len(parts)),
        np.ones(len(parts)),
        np.zeros(len(parts), np.intp),
        np.empty(0),
        np.zeros(len(value), np.int16),
        value,
    )
    _try_decimals(made, parts)
    return _try_others(made, parts)


def decode_values(values: Values, parts: Parts) -> Floats:
    """What SQL makes of it, before NULLs are put in."""
    form = parts.spread(values.form)
    value = values.value.copy()
    single = form == ValueForm.SINGLE
    value[single] = value[single].astype(np.float32)
    coded = form == ValueForm.DECIMALS
    origin, divisor = parts.spread(values.origin)[coded], parts.spread(values.divisor)[coded]
    value[coded] = (origin + values.code[coded]) / divisor
    level = form == ValueForm.LEVELS
    first = parts.spread(np.cumsum(values.level_count) - values.level_count)[level]
    value[level] = values.levels[first + values.code[level] - 1]  # SQL counts from 1
    return value


def _filled(value: Floats, present: Bools, parts: Parts) -> Floats:
    """A value that is not there must not stand in the way of a short form: it gets the first of its part that is."""
    if present.all():
        return value
    first = parts.least(np.where(present, np.arange(len(value)), len(value)))
    return np.where(present, value, parts.spread(np.append(value, 0.0)[first]))


def _try_decimals(made: Values, parts: Parts) -> None:
    """Fill in the parts whose values have so many digits and no more."""
    is_open = parts.every(np.abs(made.value) < _EXACT)  # nor is a NaN
    probes = made.value[parts.starts[:, None] + np.outer(parts.lengths - 1, _PROBES).astype(np.intp)]
    probes[~is_open] = 0.0
    for digits in range(_DIGITS_MOST + 1):
        divisor = 10.0**digits
        tried = is_open & _is_decimal(probes, np.rint(probes * divisor), divisor).all(axis=1)
        if not tried.any():
            continue
        some = parts.some(tried)
        value = some.take(made.value)
        whole = np.rint(value * divisor)
        found = some.parts.every(_is_decimal(value, whole, divisor))
        low, high = some.parts.least(whole), some.parts.most(whole)
        origin = np.where(high - low <= _INT2.max, low, low - _INT2.min)
        with np.errstate(invalid="ignore"):  # of parts that turn out not to fit
            made.code[some.where] = (whole - some.parts.spread(origin)).astype(np.int16)
        fits = found & (high - low <= _INT2.max - _INT2.min)
        at = np.flatnonzero(tried)
        made.form[at[fits]] = ValueForm.DECIMALS
        made.origin[at[fits]], made.divisor[at[fits]] = origin[fits], divisor
        is_open[at[found]] = False  # more digits would make the codes larger yet


def _is_decimal(value: Floats, whole: Floats, divisor: float) -> Bools:
    """Minus zero is not zero; what is too large to be exact is none either."""
    is_same: Bools = ((whole + 0.0) / divisor).view(np.int64) == value.view(np.int64)
    return is_same & (np.abs(whole) < _EXACT)


def _try_others(made: Values, parts: Parts) -> Values:
    """What has no digits: the shortest of what is left."""
    left = made.form == ValueForm.WHOLE
    if not left.any():
        return made
    some = parts.some(left)
    value, at = some.take(made.value), np.flatnonzero(left)
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        single = value.astype(np.float32).astype(np.float64)
    is_single = some.parts.every(single.view(np.int64) == value.view(np.int64))
    made.form[at[is_single]] = ValueForm.SINGLE
    levels, count, code = _levels(value, some.parts)
    bytes_ = some.parts.lengths * np.where(is_single, 4, 8)
    fits = (count <= LEVELS_MOST) & (2 * some.parts.lengths + 8 * count < bytes_)
    made.form[at[fits]] = ValueForm.LEVELS
    made.level_count[at[fits]] = count[fits]
    coded = some.parts.spread(fits)
    made.code[np.arange(len(made.code))[some.where][coded]] = code[coded]
    return made._replace(levels=levels[np.repeat(fits, count)])


def _levels(value: Floats, parts: Parts) -> tuple[Floats, NDArray[np.intp], NDArray[np.int16]]:
    """The different values of each part in the order of their bits, how many there are, and which each sample has."""
    bits, owner = value.view(np.int64), parts.spread(np.arange(len(parts)))
    order = np.lexsort((bits, owner))
    bits, owner = bits[order], owner[order]
    is_new = np.ones(len(bits), bool)
    is_new[1:] = (bits[1:] != bits[:-1]) | (owner[1:] != owner[:-1])
    count = np.bincount(owner[is_new], minlength=len(parts))
    number = np.cumsum(is_new) - parts.spread(np.cumsum(count) - count)
    code = np.empty(len(bits), np.int16)
    code[order] = np.minimum(number, _INT2.max)
    return bits[is_new].view(np.float64), count, code


def _fits(low: Ints, high: Ints, bounds: np.iinfo) -> Bools:
    return (low >= bounds.min) & (high <= bounds.max)
