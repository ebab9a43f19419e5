"""Times and values of one series in few bytes, without losing one bit, in a form that plain SQL reads back. Pure.

    times   t0 + i * step + a small rest            a clock that polls needs 2 bytes a sample, an even one none
    values  decimals: (origin + code) / divisor     what a sensor with digits shows: 2 bytes
            levels:   levels[code]                  states, setpoints, steps of a converter: 2 bytes
            single:   float4                        what a PLC's REAL holds: 4 bytes
            value:    float8                        everything else: 8 bytes

Whether an encoding fits is found by decoding what it made: the bits must be the same. The readable description of the
fields stands at telemetry.pack in database/migrations/0011_packs.sql.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

LEVELS_MOST = 256
_DIGITS_MOST = 9
_INT2 = np.iinfo(np.int16)
_INT4 = np.iinfo(np.int32)
_TRIED_FIRST = 16
_EXACT = float(1 << 53)  # integers up to here are exact in a float8

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


class Times(NamedTuple):
    """`rest_us` None: every sample lies exactly on its step."""

    step_us: int
    rest_us: Ints | None

    @property
    def is_narrow(self) -> bool:
        """Whether the rests fit into two bytes each."""
        return self.rest_us is None or _fits(self.rest_us, _INT2)


class Values(NamedTuple):
    """One of `code`, `single`, `value` holds an element for each value; where one is not there, any number."""

    code: NDArray[np.int16] | None = None
    origin: float | None = None
    divisor: float | None = None
    levels: Floats | None = None
    single: NDArray[np.float32] | None = None
    value: Floats | None = None

    @property
    def size_bytes(self) -> int:
        return sum(part.nbytes for part in (self.code, self.levels, self.single, self.value) if part is not None)


def encode_times(time_us: Ints) -> Times | None:
    """Times in ascending order; None when they lie so unevenly that they have to be cut in two."""
    steps = len(time_us) - 1
    since_us = time_us - time_us[0]
    step_us = round(int(since_us[-1]) / steps) if steps else 0
    rest_us = since_us - np.arange(len(time_us), dtype=np.int64) * step_us
    if not rest_us.any():
        return Times(step_us, None)
    return Times(step_us, rest_us) if _fits(rest_us, _INT4) else None


def decode_times(t0_us: int, times: Times, n: int) -> Ints:
    """What SQL makes of it."""
    even = t0_us + np.arange(n, dtype=np.int64) * times.step_us
    return even if times.rest_us is None else even + times.rest_us


def encode_values(value: Floats, present: NDArray[np.bool_]) -> Values:
    """The shortest form that gives back every bit of the values that are there."""
    known = value[present]
    if not len(known):
        return Values(code=np.zeros(len(value), np.int16), origin=0.0, divisor=1.0)
    filled = np.where(present, value, known[0])
    shortest = _decimals(filled)
    if shortest is None:
        others = (Values(value=filled), _single(filled), _levels(filled))
        shortest = min((one for one in others if one), key=lambda one: one.size_bytes)
    return shortest


def decode_values(values: Values) -> Floats:
    """What SQL makes of it, before NULLs are put in."""
    if values.code is not None and values.levels is not None:
        return values.levels[values.code.astype(np.intp) - 1]  # SQL counts from 1
    if values.code is not None and values.origin is not None and values.divisor is not None:
        return (values.origin + values.code.astype(np.float64)) / values.divisor
    if values.single is not None:
        return values.single.astype(np.float64)
    assert values.value is not None
    return values.value


def _decimals(value: Floats) -> Values | None:
    if not (np.abs(value) < _EXACT).all():  # nor is a NaN
        return None
    for digits in range(_DIGITS_MOST + 1):
        divisor = 10.0**digits
        if _is_decimal(value[:_TRIED_FIRST], divisor) and _is_decimal(value, divisor):
            whole = np.rint(value * divisor)
            low, high = whole.min(), whole.max()
            if high - low > _INT2.max - _INT2.min:
                return None
            origin = low if high - low <= _INT2.max else low - _INT2.min
            return Values(code=(whole - origin).astype(np.int16), origin=float(origin), divisor=divisor)
    return None


def _is_decimal(value: Floats, divisor: float) -> bool:
    whole = np.rint(value * divisor)
    return bool((np.abs(whole) < _EXACT).all()) and _same_bits((whole + 0.0) / divisor, value)


def _levels(value: Floats) -> Values | None:
    levels, code = np.unique(value.view(np.int64), return_inverse=True)
    if len(levels) > LEVELS_MOST:
        return None
    return Values(code=(code + 1).astype(np.int16), levels=levels.view(np.float64))


def _single(value: Floats) -> Values | None:
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        single = value.astype(np.float32)
    return Values(single=single) if _same_bits(single.astype(np.float64), value) else None


def _same_bits(one: Floats, other: Floats) -> bool:
    """Minus zero is not zero, and a NaN equals itself."""
    return np.array_equal(one.view(np.int64), other.view(np.int64))


def _fits(numbers: Ints, bounds: np.iinfo) -> bool:
    return bool(numbers.min() >= bounds.min and numbers.max() <= bounds.max)
