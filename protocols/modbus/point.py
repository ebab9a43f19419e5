"""Where a value stands in a Modbus device: table, 0-based address, length and raw type. Pure.

"holding:100.3", "bool" ──parse_point──► Point
"""

import re
from dataclasses import dataclass
from enum import Enum, StrEnum

from protocols import BadPointTable
from protocols.modbus.number import NUMBERS
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


REGISTERS_MOST = 125  # of one answer, so also of one value
_ADDRESS = re.compile(r"(coil|discrete|input|holding):(\d{1,5})(?:\.(\d{1,2}|high|low))?")
_TEXT = re.compile(r"string:(\d{1,3})")
_HALVES = {"high": 8, "low": 0}
_BYTES = ("int8", "uint8")
TYPES = f"bool, {', '.join(NUMBERS)} or string:<registers>"


@dataclass(frozen=True, slots=True)
class Point:
    """`count` registers (or one coil) from `address`; `bit` is the first bit of a value inside one register."""

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
        return NUMBERS[self.type].kind if self.type in NUMBERS else ValueKind.TEXT

    @property
    def end(self) -> int:
        """The address behind it."""
        return self.address + self.count


def parse_point(address: str, type_: str) -> Point:
    """Address and type as they stand in the configuration.

    Raises:
        BadPoint: with what is wrong and what can be written instead.
    """
    match = _ADDRESS.fullmatch(address)
    if not match:
        raise BadPoint(
            f"address {address!r} is not understood; write table:address with coil, discrete, input or holding and a"
            " 0-based address, like holding:100 (a bit of it: holding:100.3, a byte: holding:100.high)"
        )
    table, at = Table[match[1].upper()], int(match[2])
    count = _count(type_)
    bit = _part(table, match[3], address, type_)
    if at + count > 1 << 16:
        raise BadPoint(f"address {address} of {count} registers runs past 65535, the last one there is")
    return Point(table, at, count, type_, bit)


def _count(type_: str) -> int:
    if type_ == "bool":
        return 1
    if type_ in NUMBERS:
        return NUMBERS[type_].registers
    text = _TEXT.fullmatch(type_)
    if not text or not 1 <= int(text[1]) <= REGISTERS_MOST:
        raise BadPoint(f"type {type_!r} is not known; use {TYPES} (1 to {REGISTERS_MOST})")
    return int(text[1])


def _part(table: Table, part: str | None, address: str, type_: str) -> int | None:
    """The bit where a value inside a register starts; None where it is the coil, or all of the registers."""
    if not table.of_registers:
        if type_ != "bool" or part is not None:
            raise BadPoint(f"{address} is a single bit: its type is bool and it has no .bit")
        return None
    if type_ == "bool" and part is None:
        raise BadPoint(f"{address} is a register: say which bit is meant, {address}.0 to {address}.15")
    if type_ == "bool" and part not in _HALVES and int(part or 0) < 16:
        return int(part or 0)
    if type_ in _BYTES and part in _HALVES:
        return _HALVES[part]
    if type_ in _BYTES and part is None:
        raise BadPoint(f"{address} is a register: say which byte is meant, {address}.high or {address}.low")
    if part is not None:
        raise BadPoint(f"{address}: only a bool has a bit, 0 to 15, and only an {' or '.join(_BYTES)} is .high or .low")
    return None
