"""Powers of ten that stand in registers of their own beside the numbers, as SunSpec's scale factors do. Pure."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from protocols.modbus.field import EXPONENT_MISSING, EXPONENT_MOST, Field
from protocols.modbus.raw import NO_VALUE, UNDECODABLE, Check, byte_places, fixed

_POWERS = 10.0 ** np.arange(EXPONENT_MOST + 1)


class Exponents:
    """The powers of ten that stand beside numbers, a register each."""

    def __init__(self, address: int, fields: Sequence[Field]) -> None:
        places = [place for field in fields if field.exponent for place in byte_places(address, field.exponent, field)]
        self._at = fixed(np.array(places, np.intp))

    def read(self, data: NDArray[np.uint8]) -> NDArray[np.int16]:
        """Those of one answer."""
        exponents: NDArray[np.int16] = data[self._at].view("<i2")
        return exponents


def checks(exponents: NDArray[np.int16]) -> Iterator[Check]:
    """Where there is such a power of ten, and where the device says it."""
    yield _known(exponents), UNDECODABLE
    yield exponents != EXPONENT_MISSING, NO_VALUE


def times_ten_to(exponents: NDArray[np.int16], value: NDArray[Any]) -> NDArray[np.float64]:
    """`value · 10^exponent`; divided where the exponent is negative, so that 235 · 10^-1 is exactly 23.5."""
    known = np.where(_known(exponents), exponents, 0)
    product: NDArray[np.float64] = value * _POWERS[np.maximum(known, 0)] / _POWERS[np.maximum(-known, 0)]
    return product


def _known(exponents: NDArray[np.int16]) -> NDArray[np.bool_]:
    return (exponents >= -EXPONENT_MOST) & (exponents <= EXPONENT_MOST)
