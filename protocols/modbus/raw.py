"""The raw numbers in the bytes of an answer, for all fields of one type at once. Pure.

    bytes ──gather, least significant first──► bits ──digits of BCD and MOD10 weighed──► numbers

One index array is made ahead which lists where each byte of each number stands: any word and byte order is then the
same gather.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from protocols.modbus.field import Field
from protocols.modbus.number import NUMBERS, Form
from protocols.modbus.point import Order, Point
from protocols.sample import Reason, bad

NO_VALUE = bad(Reason.DEVICE_REPORTED)
UNDECODABLE = bad(Reason.UNDECODABLE)
Check = tuple[NDArray[np.bool_], int]  # which values pass it, and the code of those that do not


def fixed(array: NDArray[Any]) -> NDArray[Any]:
    """Shared by every answer of a block, so nobody may write into it."""
    array.flags.writeable = False
    return array


def aliases(fields: Sequence[Field]) -> NDArray[np.uint32]:
    """The numbers of their tags."""
    return fixed(np.array([field.alias for field in fields], np.uint32))


def stamps(n: int, time_ns: int) -> NDArray[np.int64]:
    """The time of an answer, once a value."""
    times = np.empty(n, np.int64)
    times.fill(time_ns)
    return times


def byte_places(address: int, point: Point, field: Field) -> list[int]:
    """Where the bytes of a point of a field stand in an answer from `address` on, least significant first."""
    words = range(point.count)
    first = point.address - address
    low, high = (1, 0) if field.byte_order is Order.BIG else (0, 1)
    return [
        2 * (first + word) + byte
        for word in (reversed(words) if field.word_order is Order.BIG else words)
        for byte in (low, high)
    ]


class Raw:
    """The numbers of fields of one type."""

    def __init__(self, address: int, fields: Sequence[Field]) -> None:
        self._number = number = NUMBERS[fields[0].point.type]
        self._n = len(fields)
        self._at = fixed(np.array([place for field in fields for place in self._places(address, field)], np.intp))
        self._held: Any = np.dtype(number.held)
        self._filler = self._held.itemsize - number.size
        if number.form is not Form.BINARY:
            digits = np.arange(number.bits // number.form.value)
            self._shifts = fixed((digits * number.form.value).astype(self._held))
            self._weights = fixed(number.form.base**digits)

    @staticmethod
    def _places(address: int, field: Field) -> list[int]:
        places = byte_places(address, field.point, field)
        if NUMBERS[field.point.type].size == 1:
            return places[:1] if field.point.bit == 0 else places[1:]
        return places

    def bits(self, data: NDArray[np.uint8]) -> NDArray[Any]:
        """As they stand in the device."""
        found = data[self._at]
        if not self._filler:
            held: NDArray[Any] = found.view(self._held)
            return held
        # no numpy type has six bytes: fill up below and shift down, which also extends the sign
        wide = np.zeros((self._n, self._held.itemsize), np.uint8)
        wide[:, self._filler :] = found.reshape(self._n, -1)
        shifted: NDArray[Any] = wide.view(self._held).ravel() >> (8 * self._filler)
        return shifted

    def as_numbers(self, numbers: Sequence[int]) -> NDArray[Any]:
        """Numbers to compare with what `numbers` finds."""
        return np.array(numbers, self._held if self._number.form is Form.BINARY else np.int64)

    def numbers(self, bits: NDArray[Any]) -> tuple[NDArray[Any], NDArray[np.bool_] | None]:
        """What the bits mean, and which of them mean anything (None: all)."""
        form = self._number.form
        if form is Form.BINARY:
            return bits, None
        digits = bits[:, np.newaxis] >> self._shifts & self._held.type((1 << form.value) - 1)
        return digits.astype(np.int64) @ self._weights, (digits < form.base).all(axis=1)


class Markers:
    """The raw numbers by which a device says that it has no value."""

    def __init__(self, marked: Sequence[tuple[int, float]], held: str) -> None:
        self._at = fixed(np.array([i for i, _ in marked], np.intp))
        self._marker = fixed(np.array([marker for _, marker in marked], held))

    @classmethod
    def of(cls, fields: Sequence[Field]) -> Self | None:
        """Those of fields of one type, if any has one."""
        marked = [(i, field.missing) for i, field in enumerate(fields) if field.missing is not None]
        return cls(marked, NUMBERS[fields[0].point.type].held) if marked else None

    def absent(self, bits: NDArray[Any]) -> NDArray[np.bool_]:
        """Where there is a value."""
        absent = np.ones(len(bits), np.bool_)
        absent[self._at] = bits[self._at] != self._marker
        return absent


def judged(good: NDArray[np.uint16], checks: Iterable[Check]) -> NDArray[np.uint16]:
    """`good` itself when every value passes, which is nearly always; else one code a value, the last failure rules."""
    code = good
    for passed, reason in checks:
        if np.count_nonzero(passed) < len(passed):
            if code is good:
                code = good.copy()
            code[~passed] = reason
    return code
