"""The way back: which registers (or bits) a device must hold so that a tag has this value. Pure.

    value ──checked, unscaled──► raw number ──bits──► registers in the field's orders

Never wraps, never clamps: what the registers cannot say is refused with the reason. A number is rounded only to the
nearest step of its scale, or to the nearest float.
"""

import math
import struct
from fractions import Fraction

from protocols import ProtocolsError
from protocols.modbus.field import EXPONENT_MOST, Field
from protocols.modbus.number import NUMBERS, Form, Number
from protocols.modbus.point import Order
from protocols.sample import Value, ValueKind

_FLOATS = {2: ">e", 4: ">f", 8: ">d"}


class NotEncodable(ProtocolsError):
    """The tag cannot have this value; the text says why."""


def encode(value: Value, field: Field, exponent: int = 0) -> list[int]:
    """Registers from the first address on, or one bit for a coil.

    A bit or a byte inside a register comes with all others 0; `mask` says which are its own. `exponent` is what stands
    in the field's register with the power of ten.

    Raises:
        NotEncodable: with the reason.
    """
    point = field.point
    if point.kind is ValueKind.BOOL:
        if not isinstance(value, bool):
            raise NotEncodable(f"{value!r} is neither true nor false")
        bits = int(value) << (point.bit or 0)
        return _registers(bits.to_bytes(2, "big"), field) if point.table.of_registers else [bits]
    if point.kind is ValueKind.TEXT:
        return _registers(_text(value, field), field)
    number = NUMBERS[point.type]
    bits = _bits(_raw(value, field, number, exponent), number)
    if field.missing is not None and bits == _marker(field.missing, number):
        raise NotEncodable(f"{value} is what this device means by no value (raw {field.missing})")
    return _registers((bits << (point.bit or 0)).to_bytes(2 * point.count, "big"), field)


def mask(field: Field) -> int:
    """Which bits of its register belong to a bit or a byte (write: old & ~mask | new); all, if it fills registers."""
    point = field.point
    if point.bit is None:
        return 0xFFFF
    own = 1 if point.kind is ValueKind.BOOL else 0xFF
    return _registers((own << point.bit).to_bytes(2, "big"), field)[0]


def _registers(data: bytes, field: Field) -> list[int]:
    """The most significant byte comes in first; words of a text have no order."""
    words = [data[i : i + 2] for i in range(0, len(data), 2)]
    if field.word_order is Order.LITTLE and field.point.kind is not ValueKind.TEXT:
        words.reverse()
    return [int.from_bytes(word, "big" if field.byte_order is Order.BIG else "little") for word in words]


def _text(value: Value, field: Field) -> bytes:
    if not isinstance(value, str):
        raise NotEncodable(f"{value!r} is no text")
    try:
        data = value.encode(field.encoding)
    except UnicodeEncodeError as error:
        raise NotEncodable(f"{value!r} has characters that {field.encoding} has not") from error
    room = 2 * field.point.count
    if len(data) > room:
        raise NotEncodable(f"{value!r} is {len(data)} bytes in {field.encoding}, there is room for {room}")
    if "\0" in value or value != value.rstrip():
        raise NotEncodable(f"{value!r} would not be read back: a text ends at a zero byte and loses trailing spaces")
    return data.ljust(room, b"\0")


def _raw(value: Value, field: Field, number: Number, exponent: int) -> float | Fraction:
    """The number as the device holds it."""
    if field.enum is not None:
        return _number_of_word(value, field)
    if isinstance(value, (bool, str)) or (isinstance(value, float) and not math.isfinite(value)):
        raise NotEncodable(f"{value!r} is not a number that a register can hold")
    if field.range and not field.range[0] <= value <= field.range[1]:
        raise NotEncodable(f"{value} is outside of the range {list(field.range)}")
    if not field.scaled and number.kind is ValueKind.FLOAT:
        return value
    raw = _unscaled(value, field, exponent)
    if number.kind is ValueKind.FLOAT:
        return raw
    whole, (low, high) = _whole(raw, field), number.limits
    if not low <= whole <= high:
        raise NotEncodable(f"{value} does not fit: raw it is {whole}, {field.point.type} goes from {low} to {high}")
    return whole


def _number_of_word(value: Value, field: Field) -> int:
    assert field.enum is not None
    numbers = [number for number, word in field.enum.items() if word == value]
    if len(numbers) != 1:
        words = ", ".join(field.enum.values())
        raise NotEncodable(f"{value!r} stands for {len(numbers)} numbers, it must be one; there are {words}")
    return numbers[0]


def _unscaled(value: float, field: Field, exponent: int) -> Fraction:
    """Exactly, so that rounding happens once."""
    if field.exponent is not None and not -EXPONENT_MOST <= exponent <= EXPONENT_MOST:
        raise NotEncodable(f"the power of ten is {exponent}; it must be from {-EXPONENT_MOST} to {EXPONENT_MOST}")
    return (Fraction(value) - Fraction(field.offset)) / Fraction(field.scale) / Fraction(10) ** exponent


def _whole(raw: Fraction, field: Field) -> int:
    if not field.scaled and raw.denominator != 1:
        raise NotEncodable(f"{float(raw)} is not a whole number, {field.point.type} needs one")
    return round(raw)


def _bits(raw: float | Fraction, number: Number) -> int:
    if number.kind is ValueKind.FLOAT:
        try:
            data = struct.pack(_FLOATS[number.size], raw)
        except (OverflowError, struct.error) as error:
            raise NotEncodable(f"{raw} is too large for a float of {number.bits} bits") from error
        return int.from_bytes(data, "big")
    whole = int(raw)
    if number.form is Form.BINARY:
        return whole % (1 << number.bits)
    bits = 0
    for place in range(0, number.bits, number.form.value):
        whole, digit = divmod(whole, number.form.base)
        bits |= digit << place
    return bits


def _marker(missing: float, number: Number) -> int:
    return _bits(missing, number) if number.kind is ValueKind.FLOAT else int(missing) % (1 << number.bits)
