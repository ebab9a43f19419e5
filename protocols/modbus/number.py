"""The numbers a device may hold: how long each is, how its bits are meant, what fits into it. Pure.

form       example    bits 0x1234 0x0005 mean
BINARY     uint32     305397765            two's complement or IEEE 754, as in any computer
BCD        bcd32      12340005             four bits a digit; a nibble above 9 is no number
MOD10      mod10_32   4660 · 10000 + 5     a register holds four digits; above 9999 is no number
"""

from dataclasses import dataclass
from enum import Enum

import numpy as np

from protocols.sample import ValueKind


class Form(Enum):
    """How bits make a number; the value is how many of them make a digit of base 10 or 10 000."""

    BINARY = 0
    BCD = 4
    MOD10 = 16

    @property
    def base(self) -> int:
        return {Form.BINARY: 2, Form.BCD: 10, Form.MOD10: 10_000}[self]


@dataclass(frozen=True, slots=True)
class Number:
    """`size` bytes in the device, least significant first, viewed as the numpy type `held` (which may be longer)."""

    form: Form
    held: str
    size: int

    @property
    def bits(self) -> int:
        return 8 * self.size

    @property
    def registers(self) -> int:
        return (self.size + 1) // 2

    @property
    def kind(self) -> ValueKind:
        return ValueKind.FLOAT if self.held[1] == "f" else ValueKind.INT

    @property
    def signed(self) -> bool:
        return self.held[1] == "i"

    @property
    def limits(self) -> tuple[int, int]:
        """Least and greatest whole number of this type (not for floats)."""
        if self.form is not Form.BINARY:
            return 0, int(self.form.base ** (self.bits // self.form.value)) - 1
        return (-1 << (self.bits - 1), (1 << (self.bits - 1)) - 1) if self.signed else (0, (1 << self.bits) - 1)

    def marker(self, raw: float) -> float:
        """A raw number as it is held: -32768 and 32768 are the same int16."""
        if self.kind is ValueKind.FLOAT:
            return raw
        bits = int(raw) % (1 << self.bits)
        return bits - (1 << self.bits) if self.signed and bits >> (self.bits - 1) else bits

    def holds(self, raw: float) -> bool:
        """Whether the bits of this type can be this raw number, signed or not."""
        if self.kind is ValueKind.FLOAT:
            return abs(raw) <= float(np.finfo(self.held).max)
        return isinstance(raw, int) and -1 << (self.bits - 1) <= raw < 1 << self.bits


NUMBERS = {
    "int8": Number(Form.BINARY, "|i1", 1),
    "uint8": Number(Form.BINARY, "|u1", 1),
    "int16": Number(Form.BINARY, "<i2", 2),
    "uint16": Number(Form.BINARY, "<u2", 2),
    "int32": Number(Form.BINARY, "<i4", 4),
    "uint32": Number(Form.BINARY, "<u4", 4),
    "int48": Number(Form.BINARY, "<i8", 6),
    "uint48": Number(Form.BINARY, "<u8", 6),
    "int64": Number(Form.BINARY, "<i8", 8),
    "uint64": Number(Form.BINARY, "<u8", 8),
    "float16": Number(Form.BINARY, "<f2", 2),
    "float32": Number(Form.BINARY, "<f4", 4),
    "float64": Number(Form.BINARY, "<f8", 8),
    "bcd16": Number(Form.BCD, "<u2", 2),
    "bcd32": Number(Form.BCD, "<u4", 4),
    "bcd48": Number(Form.BCD, "<u8", 6),
    "bcd64": Number(Form.BCD, "<u8", 8),
    "mod10_32": Number(Form.MOD10, "<u4", 4),
    "mod10_48": Number(Form.MOD10, "<u8", 6),
    "mod10_64": Number(Form.MOD10, "<u8", 8),
}
