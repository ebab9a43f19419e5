"""Arrays of Sparkplug B: numbers packed little-endian, booleans as bits behind their count, strings ended by a zero.

(-1, 2) as INT16_ARRAY ◄──► FF FF 02 00
"""

import struct

import numpy as np

from protocols import UndecodablePayload
from protocols.sparkplug import Unencodable
from protocols.sparkplug.datatype import DataType

Array = tuple[int, ...] | tuple[float, ...] | tuple[bool, ...] | tuple[str, ...]

NUMBERS = {
    DataType.INT8_ARRAY: "<i1",
    DataType.INT16_ARRAY: "<i2",
    DataType.INT32_ARRAY: "<i4",
    DataType.INT64_ARRAY: "<i8",
    DataType.UINT8_ARRAY: "<u1",
    DataType.UINT16_ARRAY: "<u2",
    DataType.UINT32_ARRAY: "<u4",
    DataType.UINT64_ARRAY: "<u8",
    DataType.FLOAT_ARRAY: "<f4",
    DataType.DOUBLE_ARRAY: "<f8",
    DataType.DATETIME_ARRAY: "<u8",
}
ARRAYS = frozenset({*NUMBERS, DataType.BOOLEAN_ARRAY, DataType.STRING_ARRAY})
_COUNT = struct.Struct("<I")


def unpack(datatype: DataType, data: bytes) -> Array:
    """The elements of an array; bytes that are none raise UndecodablePayload."""
    if datatype is DataType.BOOLEAN_ARRAY:
        return _unpack_bits(data)
    if datatype is DataType.STRING_ARRAY:
        return _unpack_strings(data)
    dtype = np.dtype(NUMBERS[datatype])
    if len(data) % dtype.itemsize:
        raise UndecodablePayload(f"{len(data)} bytes are no {datatype.name}: elements have {dtype.itemsize}")
    return tuple(np.frombuffer(data, dtype).tolist())


def _unpack_bits(data: bytes) -> Array:
    if len(data) < _COUNT.size:
        raise UndecodablePayload(f"{len(data)} bytes are no BOOLEAN_ARRAY: the count alone has {_COUNT.size}")
    (count,) = _COUNT.unpack_from(data)
    packed = np.frombuffer(data, np.uint8, offset=_COUNT.size)
    if len(packed) != -(-count // 8):
        raise UndecodablePayload(f"{count} booleans do not stand in {len(packed)} bytes")
    return tuple(np.unpackbits(packed, count=count).astype(bool).tolist())


def _unpack_strings(data: bytes) -> Array:
    if data and data[-1]:
        raise UndecodablePayload("the last string of a STRING_ARRAY is not ended by a zero")
    try:
        return tuple(data.decode().split("\0")[:-1])
    except UnicodeDecodeError as error:
        raise UndecodablePayload(f"a string of a STRING_ARRAY is not UTF-8: {error}") from error


def pack(datatype: DataType, elements: tuple[object, ...]) -> bytes:
    """Raises Unencodable where an element does not fit."""
    if datatype is DataType.BOOLEAN_ARRAY and all(type(element) is bool for element in elements):
        return _COUNT.pack(len(elements)) + np.packbits(np.array(elements, bool)).tobytes()
    if datatype is DataType.STRING_ARRAY and all(type(one) is str and "\0" not in one for one in elements):
        return b"".join(str(element).encode() + b"\0" for element in elements)
    if datatype in NUMBERS and all(type(element) in {int, float} for element in elements):
        return _pack_numbers(datatype, elements)
    raise Unencodable(f"{str(elements)[:100]} is no {datatype.name}")


def _pack_numbers(datatype: DataType, elements: tuple[object, ...]) -> bytes:
    dtype = np.dtype(NUMBERS[datatype])
    whole = dtype.kind != "f"
    try:
        if whole and any(type(element) is float for element in elements):
            raise Unencodable(f"{str(elements)[:100]} is no {datatype.name}: its elements are whole numbers")
        return np.array(elements, dtype).tobytes()
    except OverflowError as error:
        raise Unencodable(f"{str(elements)[:100]} is no {datatype.name}: {error}") from error
