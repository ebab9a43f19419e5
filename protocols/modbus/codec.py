"""What the bytes of a block mean: all its tags at once, without a loop over tags. Pure.

    fields of a block ──compile_block──► Decoder          bytes of an answer ──Decoder.decode──► Columns

For every raw type one index array is made ahead which lists, least significant byte first, where each byte of each
value stands in the answer. Any word and byte order is then the same three steps: gather, view, scale.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from protocols.modbus.point import NUMBERS, Order, Point
from protocols.sample import GOOD, Column, Columns, Reason, ValueKind, bad, concatenate

_NAN = bad(Reason.NAN)
_OUT_OF_RANGE = bad(Reason.OUT_OF_RANGE)
_UNDECODABLE = bad(Reason.UNDECODABLE)


@dataclass(frozen=True, slots=True)
class Field:
    """A tag as the codec sees it: value = raw · scale + offset, good inside [low, high]."""

    alias: int
    point: Point
    word_order: Order = Order.BIG
    byte_order: Order = Order.BIG
    scale: float = 1.0
    offset: float = 0.0
    range: tuple[float, float] | None = None

    @property
    def scaled(self) -> bool:
        return self.scale != 1 or self.offset != 0

    @property
    def kind(self) -> ValueKind:
        return ValueKind.FLOAT if self.scaled and self.point.kind is ValueKind.INT else self.point.kind


class _Group(Protocol):
    """Fields of a block that are decoded in one go."""

    def decode(self, data: NDArray[np.uint8], time_ns: int) -> Column: ...


class Decoder:
    """Turns the data bytes of one answer (registers as on the wire, or packed coils) into columns."""

    def __init__(self, groups: Sequence[_Group]) -> None:
        self._groups = groups

    def decode(self, data: bytes, time_ns: int) -> Columns:
        """All tags of the block, stamped `time_ns`."""
        array = np.frombuffer(data, np.uint8)
        if len(self._groups) == 1:
            return (self._groups[0].decode(array, time_ns),)
        return concatenate([group.decode(array, time_ns) for group in self._groups])


def compile_block(address: int, fields: Sequence[Field]) -> Decoder:
    """The decoder of a block that starts at `address` and holds these fields wholly."""
    alike: dict[tuple[Any, ...], list[Field]] = {}
    for field in fields:
        numeric = field.kind in (ValueKind.FLOAT, ValueKind.INT)
        key = (field.point.type, field.scaled) if numeric else (field.kind,)
        alike.setdefault(key, []).append(field)
    return Decoder([_GROUPS[same[0].kind](address, same) for same in alike.values()])


def _aliases(fields: Sequence[Field]) -> NDArray[np.uint32]:
    return _fixed(np.array([field.alias for field in fields], np.uint32))


def _fixed(array: NDArray[Any]) -> NDArray[Any]:
    """Shared by every answer of the block, so nobody may write into it."""
    array.flags.writeable = False
    return array


def _stamps(n: int, time_ns: int) -> NDArray[np.int64]:
    stamps = np.empty(n, np.int64)
    stamps.fill(time_ns)
    return stamps


def _byte_places(address: int, field: Field) -> list[int]:
    """Where the bytes of a number stand in the answer, least significant first."""
    words = range(field.point.count)
    first = field.point.address - address
    low, high = (1, 0) if field.byte_order is Order.BIG else (0, 1)
    return [
        2 * (first + word) + byte
        for word in (reversed(words) if field.word_order is Order.BIG else words)
        for byte in (low, high)
    ]


class _Numbers:
    """Fields of one raw number type: all scaled, to float; or all not, to float or int."""

    def __init__(self, address: int, fields: Sequence[Field]) -> None:
        self._alias = _aliases(fields)
        self._good = _fixed(np.full(len(fields), GOOD, np.uint16))
        self._raw: Any = np.dtype(NUMBERS[fields[0].point.type][0])
        self._at = _fixed(np.array([place for field in fields for place in _byte_places(address, field)], np.intp))
        self._kind = fields[0].kind
        self._dtype = np.float64 if self._kind is ValueKind.FLOAT else np.int64
        self._scale = self._offset = self._low = self._high = None
        if fields[0].scaled:
            self._scale = _fixed(np.array([field.scale for field in fields]))
            self._offset = _fixed(np.array([field.offset for field in fields]))
        if any(field.range for field in fields):
            self._low = _fixed(np.array([field.range[0] if field.range else -np.inf for field in fields]))
            self._high = _fixed(np.array([field.range[1] if field.range else np.inf for field in fields]))

    def decode(self, data: NDArray[np.uint8], time_ns: int) -> Column:
        raw = data[self._at].view(self._raw)
        with np.errstate(over="ignore", invalid="ignore"):
            value: NDArray[Any] = raw.astype(self._dtype)
            if self._scale is not None:
                value = value * self._scale + self._offset
        code = self._codes(raw, value)
        if code is not self._good:
            value[code != GOOD] = 0
        return Column(self._kind, self._alias, _stamps(len(value), time_ns), value, code)

    def _codes(self, raw: NDArray[Any], value: NDArray[Any]) -> NDArray[np.uint16]:
        """The shared array of zeros when all is well, which is nearly always; else one code a value."""
        if self._kind is ValueKind.FLOAT:
            possible, reason = np.isfinite(value), _NAN
        elif self._raw == np.uint64:  # the upper half does not fit the integers of the wire
            possible, reason = raw <= np.iinfo(np.int64).max, _OUT_OF_RANGE
        else:
            possible, reason = None, GOOD
        if self._low is None and (possible is None or np.count_nonzero(possible) == len(possible)):
            return self._good
        code = self._good.copy()
        if self._low is not None:
            code[(value < self._low) | (value > self._high)] = _OUT_OF_RANGE
        if possible is not None:
            code[~possible] = reason
        return code


class _Bits:
    """Coils, discrete inputs and bits of registers."""

    def __init__(self, address: int, fields: Sequence[Field]) -> None:
        self._alias = _aliases(fields)
        self._good = _fixed(np.full(len(fields), GOOD, np.uint16))
        places = [self._place(address, field) for field in fields]
        self._at = _fixed(np.array([place for place, _ in places], np.intp))
        self._shift = _fixed(np.array([shift for _, shift in places], np.uint8))

    @staticmethod
    def _place(address: int, field: Field) -> tuple[int, int]:
        if field.point.bit is None:
            return divmod(field.point.address - address, 8)
        low, high = _byte_places(address, field)
        return (low if field.point.bit < 8 else high), field.point.bit % 8

    def decode(self, data: NDArray[np.uint8], time_ns: int) -> Column:
        value = data[self._at] >> self._shift & 1
        return Column(ValueKind.BOOL, self._alias, _stamps(len(value), time_ns), value, self._good)


class _Texts:
    """Text in registers, two characters each, up to the first zero byte; the only loop over tags."""

    def __init__(self, address: int, fields: Sequence[Field]) -> None:
        self._alias = _aliases(fields)
        self._at = [
            slice(2 * (field.point.address - address), 2 * (field.point.address - address + field.point.count))
            for field in fields
        ]
        self._swapped = [field.byte_order is Order.LITTLE for field in fields]

    def decode(self, data: NDArray[np.uint8], time_ns: int) -> Column:
        n = len(self._alias)
        value, code = np.full(n, "", object), np.full(n, GOOD, np.uint16)
        for i, (place, swapped) in enumerate(zip(self._at, self._swapped, strict=True)):
            raw = data[place].reshape(-1, 2)
            text = (raw[:, ::-1] if swapped else raw).tobytes().split(b"\0", 1)[0]
            try:
                value[i] = text.decode().rstrip()
            except UnicodeDecodeError:
                code[i] = _UNDECODABLE
        return Column(ValueKind.TEXT, self._alias, _stamps(n, time_ns), value, code)


_GROUPS: dict[ValueKind, Callable[[int, Sequence[Field]], _Group]] = {
    ValueKind.FLOAT: _Numbers,
    ValueKind.INT: _Numbers,
    ValueKind.BOOL: _Bits,
    ValueKind.TEXT: _Texts,
}
