"""Texts in a block: characters in registers, and whole numbers that stand for words. Pure."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from protocols.modbus.field import Field
from protocols.modbus.point import Order
from protocols.modbus.raw import NO_VALUE, UNDECODABLE, Check, Markers, Raw, aliases, fixed, judged, stamps
from protocols.sample import GOOD, Column, ValueKind


class Texts:
    """Text in registers, up to the first zero byte, without trailing spaces; the only loop over tags."""

    def __init__(self, address: int, fields: Sequence[Field]) -> None:
        self._alias = aliases(fields)
        self._at = [slice(2 * (field.point.address - address), 2 * (field.point.end - address)) for field in fields]
        self._swapped = [field.byte_order is Order.LITTLE for field in fields]
        self._encoding = [field.encoding for field in fields]

    def decode(self, data: NDArray[np.uint8], time_ns: int) -> Column:
        n = len(self._alias)
        value, code = np.full(n, "", object), np.full(n, GOOD, np.uint16)
        for i, (place, swapped, encoding) in enumerate(zip(self._at, self._swapped, self._encoding, strict=True)):
            raw = data[place].reshape(-1, 2)
            text = (raw[:, ::-1] if swapped else raw).tobytes().split(b"\0", 1)[0]
            try:
                value[i] = text.decode(encoding).rstrip()
            except UnicodeDecodeError:
                code[i] = UNDECODABLE
        return Column(ValueKind.TEXT, self._alias, stamps(n, time_ns), value, code)


class Words:
    """Whole numbers of one raw type that stand for words; a number without a word is UNDECODABLE.

    The words of all fields stand in one sorted list of (field, number), so that one search finds all.
    """

    def __init__(self, address: int, fields: Sequence[Field]) -> None:
        self._alias = aliases(fields)
        self._good = fixed(np.full(len(fields), GOOD, np.uint16))
        self._raw = Raw(address, fields)
        self._markers = Markers.of(fields)
        listed = [(i, *worded) for i, field in enumerate(fields) for worded in sorted((field.enum or {}).items())]
        self._numbers, place = np.unique(self._raw.as_numbers([number for _, number, _ in listed]), return_inverse=True)
        self._keys = fixed(self._key(np.array([i for i, _, _ in listed], np.intp), place))
        self._words = fixed(np.array([word for _, _, word in listed], object))
        self._rows = fixed(np.arange(len(fields)))

    def decode(self, data: NDArray[np.uint8], time_ns: int) -> Column:
        bits = self._raw.bits(data)
        number, sensible = self._raw.numbers(bits)
        at, listed = _search(self._numbers, number)
        at, worded = _search(self._keys, self._key(self._rows, at))
        value = self._words[at]
        code = judged(self._good, self._checks(bits, sensible, listed & worded))
        if code is not self._good:
            value[code != GOOD] = ""
        return Column(ValueKind.TEXT, self._alias, stamps(len(value), time_ns), value, code)

    def _key(self, field: NDArray[np.intp], place: NDArray[np.intp]) -> NDArray[np.intp]:
        return field * len(self._numbers) + place

    def _checks(
        self, bits: NDArray[Any], sensible: NDArray[np.bool_] | None, worded: NDArray[np.bool_]
    ) -> Iterator[Check]:
        yield worded, UNDECODABLE
        if sensible is not None:
            yield sensible, UNDECODABLE
        if self._markers is not None:
            yield self._markers.absent(bits), NO_VALUE


def _search(ordered: NDArray[Any], wanted: NDArray[Any]) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
    """Where each wanted one stands (somewhere, if it does not), and whether it does."""
    at = np.minimum(np.searchsorted(ordered, wanted), len(ordered) - 1)
    return at, ordered[at] == wanted
