"""Datatypes of Sparkplug B, and how a single value of each stands on the wire. Pure.

    wire value (u32, u64, float, double, bool, string, bytes) ──understand──► value ──wire_value──► (field, wire value)

A negative number travels as its two's complement in an unsigned field. Encoders disagree about the width (Int8 -1
is 0xFF for some, 0xFFFFFFFF for others) and about which of the two integer fields holds an UInt32; all are read.
"""

import math
from enum import IntEnum
from typing import NamedTuple

from protocols import UndecodablePayload
from protocols.sparkplug import Unencodable


class DataType(IntEnum):
    """The numbers are part of the wire format."""

    INT8 = 1
    INT16 = 2
    INT32 = 3
    INT64 = 4
    UINT8 = 5
    UINT16 = 6
    UINT32 = 7
    UINT64 = 8
    FLOAT = 9
    DOUBLE = 10
    BOOLEAN = 11
    STRING = 12
    DATETIME = 13  # ms since 1970 UTC
    TEXT = 14
    UUID = 15
    DATASET = 16
    BYTES = 17
    FILE = 18
    TEMPLATE = 19
    PROPERTY_SET = 20
    PROPERTY_SET_LIST = 21
    INT8_ARRAY = 22
    INT16_ARRAY = 23
    INT32_ARRAY = 24
    INT64_ARRAY = 25
    UINT8_ARRAY = 26
    UINT16_ARRAY = 27
    UINT32_ARRAY = 28
    UINT64_ARRAY = 29
    FLOAT_ARRAY = 30
    DOUBLE_ARRAY = 31
    BOOLEAN_ARRAY = 32
    STRING_ARRAY = 33
    DATETIME_ARRAY = 34


class Integer(NamedTuple):
    """Width and sign of an integer datatype."""

    bits: int
    signed: bool

    @property
    def low(self) -> int:
        return -(1 << (self.bits - 1)) if self.signed else 0

    @property
    def high(self) -> int:
        return (1 << (self.bits - self.signed)) - 1


INTEGERS = {
    DataType.INT8: Integer(8, signed=True),
    DataType.INT16: Integer(16, signed=True),
    DataType.INT32: Integer(32, signed=True),
    DataType.INT64: Integer(64, signed=True),
    DataType.UINT8: Integer(8, signed=False),
    DataType.UINT16: Integer(16, signed=False),
    DataType.UINT32: Integer(32, signed=False),
    DataType.UINT64: Integer(64, signed=False),
    DataType.DATETIME: Integer(64, signed=False),
}
TEXTS = frozenset({DataType.STRING, DataType.TEXT, DataType.UUID})
BLOBS = frozenset({DataType.BYTES, DataType.FILE})
# What the cells of a data set, the parameters of a template and the properties of a metric may be.
SIMPLE = frozenset({*INTEGERS, *TEXTS, DataType.FLOAT, DataType.DOUBLE, DataType.BOOLEAN})

Simple = int | float | bool | str
_FLOAT32_MOST = 3.4028235677973366e38  # what rounds to the largest float32


def datatype_of(number: int) -> DataType | None:
    """The datatype of a number; None for one that the specification does not name."""
    try:
        return DataType(number)
    except ValueError:
        return None


def understand(datatype: DataType, raw: Simple) -> Simple:
    """What a simple wire value means.

    Raises:
        UndecodablePayload: no value of this datatype.
    """
    kind = type(raw)
    if datatype in INTEGERS and kind is int:
        return signed(INTEGERS[datatype], int(raw), datatype.name)
    if datatype in TEXTS and kind is str:
        return raw
    if datatype is DataType.BOOLEAN and kind is bool:
        return raw
    if datatype in {DataType.FLOAT, DataType.DOUBLE} and kind is float:
        return raw
    raise UndecodablePayload(f"{datatype.name} does not travel as {kind.__name__}")


def signed(integer: Integer, raw: int, name: str) -> int:
    """The number behind an unsigned wire value."""
    bits = integer.bits
    if raw < 1 << bits:
        return raw - (1 << bits) if integer.signed and raw >> (bits - 1) else raw
    for width in (32, 64):
        if integer.low <= raw - (1 << width) < 0:
            return raw - (1 << width)
    raise UndecodablePayload(f"{raw} is no {name}")


def wire_value(datatype: DataType, value: object) -> tuple[str, Simple]:
    """Field and value on the wire.

    Raises:
        Unencodable: the value does not fit the datatype.
    """
    if datatype in INTEGERS and type(value) is int:
        integer = INTEGERS[datatype]
        if integer.low <= value <= integer.high:
            width = 64 if integer.bits == 64 else 32
            return ("long_value" if width == 64 else "int_value"), value & ((1 << width) - 1)
    elif datatype in TEXTS and type(value) is str:
        return "string_value", value
    elif datatype is DataType.BOOLEAN and type(value) is bool:
        return "boolean_value", value
    elif datatype is DataType.DOUBLE and type(value) in {float, int}:
        return "double_value", float(value)  # type: ignore[arg-type]
    elif datatype is DataType.FLOAT and type(value) in {float, int}:
        number = float(value)  # type: ignore[arg-type]
        if abs(number) < _FLOAT32_MOST or not math.isfinite(number):
            return "float_value", number
    raise Unencodable(f"{str(value)[:100]!r} is no {datatype.name}")
