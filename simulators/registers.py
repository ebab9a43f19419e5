"""The register map of one Modbus machine: values in, words out, and which values an answer gave away. Pure.

    values ──show──► words of every table (replaced as a whole) ──read(table, address, count)──► words | None
                                                                └──given(…)──► what they decode to, tag by tag

Written without the gateway's codec on purpose: each checks the other.
"""

import struct
from collections.abc import Iterator, Mapping, Sequence

from protocols.modbus.point import Order, Table
from protocols.sample import Value
from simulators.plant import MachineSettings, RegisterSettings

_FORMATS = {
    "int16": "h", "uint16": "H", "int32": "i", "uint32": "I", "int64": "q", "uint64": "Q",
    "float32": "f", "float64": "d",
}  # fmt: skip


class RegisterBank:
    """What a machine answers with. A block is always of one tick: `show` replaces all words at once."""

    def __init__(self, machine: MachineSettings) -> None:
        self._machine = machine
        self._by_table: dict[Table, list[RegisterSettings]] = {}
        for register in machine.registers:
            self._by_table.setdefault(register.point.table, []).append(register)
        self._words: dict[Table, list[int]] = {table: [0] * machine.map_size for table in self._by_table}
        self._decoded: dict[str, Value] = {}

    def show(self, values: Mapping[str, Value]) -> None:
        """Take the values of a new tick."""
        words = {table: [0] * self._machine.map_size for table in self._by_table}
        decoded: dict[str, Value] = {}
        for table, registers in self._by_table.items():
            for register in registers:
                self._write(words[table], register, decoded, values[register.tag])
        self._words, self._decoded = words, decoded

    def read(self, table: Table, address: int, count: int) -> Sequence[int] | None:
        """Words, or bits as 0 and 1; None where the map has a hole or an end."""
        words = self._words.get(table)
        last = address + count - 1
        if words is None or count < 1 or last >= len(words):
            return None
        if any(address <= high and low <= last for low, high in self._machine.holes):
            return None
        return words[address : last + 1]

    def given(self, table: Table, address: int, count: int) -> Iterator[tuple[str, Value]]:
        """The tags wholly inside that block, with the values its words decode to."""
        for register in self._by_table.get(table, ()):
            point = register.point
            if address <= point.address and point.address + point.count <= address + count:
                yield register.tag, self._decoded[register.tag]

    def _write(self, words: list[int], register: RegisterSettings, decoded: dict[str, Value], value: Value) -> None:
        point = register.point
        if point.type == "bool":
            decoded[register.tag] = bool(value)
            bit = int(bool(value)) << (point.bit or 0)
            words[point.address] |= self._swapped(bit) if point.table.of_registers else bit
            return
        if point.type in _FORMATS:
            data, decoded[register.tag] = _encode(register, float(value))
        else:
            data, decoded[register.tag] = _text(str(value), 2 * point.count)
        encoded = list(struct.unpack(f">{point.count}H", data))
        if self._machine.word_order is Order.LITTLE and point.type in _FORMATS:
            encoded.reverse()
        words[point.address : point.address + point.count] = [self._swapped(word) for word in encoded]

    def _swapped(self, word: int) -> int:
        return word if self._machine.byte_order is Order.BIG else (word & 0xFF) << 8 | word >> 8


def _encode(register: RegisterSettings, value: float) -> tuple[bytes, Value]:
    """The bytes of a number, most significant first, and the value that a reader gets out of them."""
    code = ">" + _FORMATS[register.type]
    unscaled = (value - register.offset) / register.scale
    if register.type.startswith("float"):
        data = struct.pack(code, unscaled)
    else:
        bits = 8 * struct.calcsize(code)
        low, high = (0, (1 << bits) - 1) if register.type.startswith("u") else (-1 << (bits - 1), (1 << (bits - 1)) - 1)
        data = struct.pack(code, min(high, max(low, round(unscaled))))
    raw = struct.unpack(code, data)[0]
    return data, raw * register.scale + register.offset if register.scaled else raw


def _text(value: str, size: int) -> tuple[bytes, str]:
    data = value.encode()[:size].decode(errors="ignore").rstrip().encode()
    return data.ljust(size, b"\0"), data.decode()
