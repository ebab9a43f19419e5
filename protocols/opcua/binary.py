"""Strict reading of OPC UA's binary encoding (Part 6, 5.2). Pure: bytes in, numbers and octets out.

    bytes ──Reader──► numbers, octets, Variant            whatever does not fit exactly ──► UndecodablePayload

Nothing is guessed: a negative length, a reserved bit or a count that the bytes cannot hold is refused, for without a
signature (security = none) this is all that stands between a damaged line and a wrong value.
"""

import struct
from collections.abc import Callable
from typing import NamedTuple
from uuid import UUID

from protocols import UndecodablePayload

BOOLEAN, UINT64, FLOAT, DOUBLE, STRING, DATE_TIME, GUID, BYTE_STRING = 1, 9, 10, 11, 12, 13, 14, 15
INTEGERS = frozenset(range(2, 10))  # SByte to UInt64
TEXTS = frozenset({12, 14, 15, 16, 17, 18, 20, 21})  # all that has a sensible text
ARRAY, _DIMENSIONS = 0x80, 0x40
FIXED = {
    1: "<?", 2: "<b", 3: "<B", 4: "<h", 5: "<H", 6: "<i", 7: "<I", 8: "<q", 9: "<Q", 10: "<f", 11: "<d", 13: "<q",
    19: "<I",
}  # fmt: skip
_DEPTH_MOST = 8

Scalar = float | int | bool | bytes | str | None


class Variant(NamedTuple):
    """A value with its built-in type; `items` is set for an array. What has no use here (structures) is None."""

    type: int
    value: Scalar = None
    items: "list[Scalar] | None" = None


class Reader:
    """A place in some bytes that only moves forward."""

    def __init__(self, data: bytes, at: int = 0) -> None:
        self.data = data
        self.at = at

    @property
    def left(self) -> int:
        return len(self.data) - self.at

    def take(self, size: int) -> bytes:
        if not 0 <= size <= self.left:
            raise UndecodablePayload(f"{size} bytes wanted at {self.at}, there are {self.left}")
        start = self.at
        self.at += size
        return self.data[start : self.at]

    def number(self, form: str) -> int:
        value: int = struct.unpack(form, self.take(struct.calcsize(form)))[0]
        return value

    def byte(self) -> int:
        return self.take(1)[0]

    def u4(self) -> int:
        return int.from_bytes(self.take(4), "little")

    def octets(self) -> bytes:
        """A String, ByteString or XmlElement; nothing (length -1) is the empty one."""
        size = self.number("<i")
        return b"" if size == -1 else self.take(size)

    def count(self, least_bytes: int) -> int:
        """Length of an array whose elements take at least so many bytes; no array (-1) is an empty one."""
        count = self.number("<i")
        if count < -1 or count * least_bytes > self.left:
            raise UndecodablePayload(f"{count} elements in {self.left} bytes")
        return max(count, 0)

    def finish(self) -> None:
        if self.left:
            raise UndecodablePayload(f"{self.left} bytes too many")

    def node_id(self) -> str:
        """A NodeId or ExpandedNodeId, as it is written in a configuration."""
        encoding = self.byte()
        shape = _NODE_IDS.get(encoding & 0x3F)
        if shape is None:
            raise UndecodablePayload(f"no node id begins with {encoding:#x}")
        text = shape(self)
        if encoding & 0x80:
            text = f"nsu={self.octets().decode(errors='replace')};{text.partition(';')[2] or text}"
        if encoding & 0x40:
            text = f"svr={self.u4()};{text}"
        return text

    def diagnostics(self, depth: int = 0) -> None:
        """Step over a DiagnosticInfo."""
        mask = self.byte()
        if mask & 0x80 or depth > _DEPTH_MOST:
            raise UndecodablePayload(f"diagnostics {mask:#x} at depth {depth}")
        self.take(4 * (mask & 0x0F).bit_count())
        if mask & 0x10:
            self.octets()
        if mask & 0x20:
            self.take(4)
        if mask & 0x40:
            self.diagnostics(depth + 1)

    def all_diagnostics(self, things: int) -> None:
        """Step over an array of DiagnosticInfos: of each of these things, or none."""
        count = self.count(1)
        if count not in (0, things):
            raise UndecodablePayload(f"{count} diagnostics of {things} things")
        for _ in range(count):
            self.diagnostics()

    def extension(self) -> tuple[str, bytes]:
        """An ExtensionObject: its type and its body."""
        type_id = self.node_id()
        encoding = self.byte()
        if encoding > 2:
            raise UndecodablePayload(f"no extension object is encoded as {encoding}")
        return type_id, self.octets() if encoding else b""

    def variant(self, depth: int = 0) -> Variant:
        encoding = self.byte()
        kind = encoding & 0x3F
        if kind > 31 or depth > _DEPTH_MOST or encoding & (ARRAY | _DIMENSIONS) == _DIMENSIONS:
            raise UndecodablePayload(f"variant {encoding:#x} at depth {depth}")
        if not encoding & ARRAY:
            return Variant(kind, self._scalar(kind, depth))
        items = [self._scalar(kind, depth) for _ in range(self.count(_BYTES_LEAST.get(kind, 1)))]
        if encoding & _DIMENSIONS:
            self.take(4 * self.count(4))
        return Variant(kind, None, items)

    def _scalar(self, kind: int, depth: int) -> Scalar:
        if form := FIXED.get(kind):
            value: Scalar = struct.unpack(form, self.take(struct.calcsize(form)))[0]
            return value
        if kind in (BYTE_STRING, STRING, 16) or kind > 25:
            return self.octets()
        return _READ[kind](self, depth) if kind else None

    def _localized_text(self, _depth: int) -> bytes:
        mask = self.byte()
        if mask & ~3:
            raise UndecodablePayload(f"localized text {mask:#x}")
        if mask & 1:
            self.octets()
        return self.octets() if mask & 2 else b""

    def _qualified_name(self, _depth: int) -> bytes:
        self.take(2)
        return self.octets()

    def data_value(self, depth: int) -> None:
        """Step over a DataValue inside another value."""
        mask = self.byte()
        if mask & 0xC0:
            raise UndecodablePayload(f"data value {mask:#x}")
        if mask & 1:
            self.variant(depth + 1)
        self.take(sum(size for bit, size in _TRAILING if mask & bit))


_TRAILING = ((0x02, 4), (0x04, 8), (0x10, 2), (0x08, 8), (0x20, 2))
_BYTES_LEAST = {0: 1 << 31} | {kind: struct.calcsize(form) for kind, form in FIXED.items()}  # no array of nothing


def _stepped(step: Callable[[Reader, int], object]) -> Callable[[Reader, int], Scalar]:
    def read(reader: Reader, depth: int) -> Scalar:
        step(reader, depth)
        return None

    return read


_READ: dict[int, Callable[[Reader, int], Scalar]] = {
    14: lambda reader, _: str(UUID(bytes_le=reader.take(16))),
    17: lambda reader, _: reader.node_id(),
    18: lambda reader, _: reader.node_id(),
    20: Reader._qualified_name,  # noqa: SLF001  a table of its methods
    21: Reader._localized_text,  # noqa: SLF001
    22: _stepped(lambda reader, _: reader.extension()),
    23: _stepped(Reader.data_value),
    24: _stepped(lambda reader, depth: reader.variant(depth + 1)),
    25: _stepped(Reader.diagnostics),
}


def _prefixed(namespace: int, rest: str) -> str:
    return f"ns={namespace};{rest}" if namespace else rest


def _text(reader: Reader) -> str:
    return reader.octets().decode(errors="replace")


_NODE_IDS: dict[int, Callable[[Reader], str]] = {
    0: lambda reader: f"i={reader.byte()}",
    1: lambda reader: _prefixed(reader.byte(), f"i={reader.number('<H')}"),
    2: lambda reader: _prefixed(reader.number("<H"), f"i={reader.u4()}"),
    3: lambda reader: _prefixed(reader.number("<H"), f"s={_text(reader)}"),
    4: lambda reader: _prefixed(reader.number("<H"), f"g={UUID(bytes_le=reader.take(16))}"),
    5: lambda reader: _prefixed(reader.number("<H"), f"b={reader.octets().hex()}"),
}
