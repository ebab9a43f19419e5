"""What the bytes of a block mean: all its tags at once, without a loop over tags. Pure.

    fields of a block ──compile_block──► Decoder          bytes of an answer ──Decoder.decode──► Columns

Fields of one raw type are gathered, weighed and judged together: `raw` says which number stands there, this file what
it is worth and whether it may be believed.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from protocols.modbus.exponents import Exponents, checks, times_ten_to
from protocols.modbus.field import Field
from protocols.modbus.raw import NO_VALUE, UNDECODABLE, Check, Markers, Raw, aliases, byte_places, fixed, judged, stamps
from protocols.modbus.texts import Texts, Words
from protocols.sample import GOOD, Column, Columns, Reason, ValueKind, bad, concatenate

_NAN = bad(Reason.NAN)
_OUT_OF_RANGE = bad(Reason.OUT_OF_RANGE)


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
    """The decoder of a block that starts at `address` and holds the span of each of these fields."""
    alike: dict[tuple[Any, ...], list[Field]] = {}
    for field in fields:
        alike.setdefault((_group_of(field), *_traits(field)), []).append(field)
    return Decoder([make(address, same) for (make, *_), same in alike.items()])


def _group_of(field: Field) -> Callable[[int, Sequence[Field]], _Group]:
    if field.enum is not None:
        return Words
    return _GROUPS[field.kind]


def _traits(field: Field) -> tuple[Any, ...]:
    """What numbers must share to be decoded together."""
    if field.point.kind in (ValueKind.TEXT, ValueKind.BOOL):
        return ()
    return field.point.type, field.scaled, field.exponent is not None


class _Numbers:
    """Fields of one raw number type: all scaled, to float; or all not, to float or int."""

    def __init__(self, address: int, fields: Sequence[Field]) -> None:
        self._alias = aliases(fields)
        self._good = fixed(np.full(len(fields), GOOD, np.uint16))
        self._raw = Raw(address, fields)
        self._kind = fields[0].kind
        self._dtype = np.float64 if self._kind is ValueKind.FLOAT else np.int64
        self._too_long = fields[0].point.type == "uint64" and self._kind is ValueKind.INT
        self._markers = Markers.of(fields)
        self._exponents = Exponents(address, fields) if fields[0].exponent else None
        self._scale = self._offset = self._low = self._high = None
        if any(field.scale != 1 or field.offset for field in fields):
            self._scale = fixed(np.array([field.scale for field in fields]))
            self._offset = fixed(np.array([field.offset for field in fields]))
        if any(field.range for field in fields):
            self._low = fixed(np.array([field.range[0] if field.range else -np.inf for field in fields]))
            self._high = fixed(np.array([field.range[1] if field.range else np.inf for field in fields]))

    def decode(self, data: NDArray[np.uint8], time_ns: int) -> Column:
        bits = self._raw.bits(data)
        number, sensible = self._raw.numbers(bits)
        exponents = self._exponents.read(data) if self._exponents else None
        value = self._worth(number, exponents)
        code = judged(self._good, self._checks(bits, value, sensible, exponents))
        if code is not self._good:
            value[code != GOOD] = 0
        return Column(self._kind, self._alias, stamps(len(value), time_ns), value, code)

    def _worth(self, number: NDArray[Any], exponents: NDArray[np.int16] | None) -> NDArray[Any]:
        with np.errstate(over="ignore", invalid="ignore"):
            value: NDArray[Any] = number.astype(self._dtype)
            if exponents is not None:
                value = times_ten_to(exponents, value)
            if self._scale is not None:
                value = value * self._scale + self._offset
        return value

    def _checks(
        self,
        bits: NDArray[Any],
        value: NDArray[Any],
        sensible: NDArray[np.bool_] | None,
        exponents: NDArray[np.int16] | None,
    ) -> Iterator[Check]:
        if self._low is not None:
            yield (value >= self._low) & (value <= self._high), _OUT_OF_RANGE
        if self._kind is ValueKind.FLOAT:
            yield np.isfinite(value), _NAN
        elif self._too_long:  # the upper half does not fit the integers of the wire
            yield bits <= np.iinfo(np.int64).max, _OUT_OF_RANGE
        if sensible is not None:
            yield sensible, UNDECODABLE
        if exponents is not None:
            yield from checks(exponents)
        if self._markers is not None:
            yield self._markers.absent(bits), NO_VALUE


class _Bits:
    """Coils, discrete inputs and bits of registers."""

    def __init__(self, address: int, fields: Sequence[Field]) -> None:
        self._alias = aliases(fields)
        self._good = fixed(np.full(len(fields), GOOD, np.uint16))
        places = [self._place(address, field) for field in fields]
        self._at = fixed(np.array([place for place, _ in places], np.intp))
        self._shift = fixed(np.array([shift for _, shift in places], np.uint8))

    @staticmethod
    def _place(address: int, field: Field) -> tuple[int, int]:
        if field.point.bit is None:
            return divmod(field.point.address - address, 8)
        low, high = byte_places(address, field.point, field)
        return (low if field.point.bit < 8 else high), field.point.bit % 8

    def decode(self, data: NDArray[np.uint8], time_ns: int) -> Column:
        value = data[self._at] >> self._shift & 1
        return Column(ValueKind.BOOL, self._alias, stamps(len(value), time_ns), value, self._good)


_GROUPS: dict[ValueKind, Callable[[int, Sequence[Field]], _Group]] = {
    ValueKind.FLOAT: _Numbers,
    ValueKind.INT: _Numbers,
    ValueKind.BOOL: _Bits,
    ValueKind.TEXT: Texts,
}
