"""Where a value stands in a Modbus device: table, 0-based address, length and raw type. Pure.

"holding:100.3", "bool" ──parse_point──► Point
"""

import re
from dataclasses import dataclass
from enum import Enum, StrEnum

from protocols import BadPointTable
from protocols.sample import ValueKind


class BadPoint(BadPointTable):
    """The address or the type of a tag cannot be used."""


class Order(StrEnum):
    """Which part of a value comes first."""

    BIG = "big"
    LITTLE = "little"


class Table(Enum):
    """The four tables of a device; the value is the function code that reads it."""

    COIL = 1
    DISCRETE = 2
    HOLDING = 3
    INPUT = 4

    @property
    def of_registers(self) -> bool:
        return self in (Table.HOLDING, Table.INPUT)

    @property
    def word(self) -> str:
        """Its name in the configuration."""
        return self.name.lower()


# Raw type -> numpy type of the little-endian bytes, kind of the value.
NUMBERS = {
    "int16": ("<i2", ValueKind.INT),
    "uint16": ("<u2", ValueKind.INT),
    "int32": ("<i4", ValueKind.INT),
    "uint32": ("<u4", ValueKind.INT),
    "int64": ("<i8", ValueKind.INT),
    "uint64": ("<u8", ValueKind.INT),
    "float32": ("<f4", ValueKind.FLOAT),
    "float64": ("<f8", ValueKind.FLOAT),
}
_ADDRESS = re.compile(r"(coil|discrete|input|holding):(\d{1,5})(?:\.(\d{1,2}))?")
_TEXT = re.compile(r"string:(\d{1,3})")
TYPES = f"bool, {', '.join(NUMBERS)} or string:<registers>"


@dataclass(frozen=True, slots=True)
class Point:
    """`count` registers (or one coil) from `address`; `bit` picks one bit of a register."""

    table: Table
    address: int
    count: int
    type: str
    bit: int | None = None

    @property
    def kind(self) -> ValueKind:
        """The kind of the unscaled value."""
        if self.type == "bool":
            return ValueKind.BOOL
        return NUMBERS[self.type][1] if self.type in NUMBERS else ValueKind.TEXT


def parse_point(address: str, type_: str) -> Point:
    """Address and type as they stand in the configuration.

    Raises:
        BadPoint: with what is wrong and what can be written instead.
    """
    match = _ADDRESS.fullmatch(address)
    if not match:
        raise BadPoint(
            f"address {address!r} is not understood; write table:address with coil, discrete, input or holding and a"
            " 0-based address, like holding:100 (a bit of it: holding:100.3)"
        )
    table, at = Table[match[1].upper()], int(match[2])
    bit = int(match[3]) if match[3] else None
    count = _count(type_)
    _check_bit(table, bit, address, type_)
    if at + count > 1 << 16:
        raise BadPoint(f"address {address} of {count} registers runs past 65535, the last one there is")
    return Point(table, at, count, type_, bit)


def _count(type_: str) -> int:
    if type_ == "bool":
        return 1
    if type_ in NUMBERS:
        return int(NUMBERS[type_][0][2]) // 2
    text = _TEXT.fullmatch(type_)
    if not text or not 1 <= int(text[1]) <= 125:
        raise BadPoint(f"type {type_!r} is not known; use {TYPES} (1 to 125)")
    return int(text[1])


def _check_bit(table: Table, bit: int | None, address: str, type_: str) -> None:
    if not table.of_registers and (type_ != "bool" or bit is not None):
        raise BadPoint(f"{address} is a single bit: its type is bool and it has no .bit")
    if table.of_registers and type_ == "bool" and bit is None:
        raise BadPoint(f"{address} is a register: say which bit is meant, {address}.0 to {address}.15")
    if bit is not None and (bit > 15 or type_ != "bool"):
        raise BadPoint(f"{address}: only a bool has a bit, 0 to 15")
