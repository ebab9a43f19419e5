"""The register map of one Modbus machine: values in, words out, and which values an answer gave away. Pure.

    values ──show──► words of every table (replaced as a whole) ──read(table, address, count)──► words | None
                                                                └──given(…)──► what they decode to, tag by tag

Written without the gateway's codec on purpose: each checks the other.
"""

import re
import struct
from collections.abc import Iterator, Mapping, Sequence

from protocols.modbus.point import Order, Table
from protocols.sample import Value
from simulators.plant import MachineSettings, RegisterSettings

_FLOATS = {"float16": ">e", "float32": ">f", "float64": ">d"}
_WHOLE = re.compile(r"(int|uint|bcd|mod10_)(\d+)")


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
            data, decoded[register.tag] = bytes([int(bool(value))]), bool(value)
        elif point.type.startswith("string"):
            data, decoded[register.tag] = _text(str(value), 2 * point.count)
        else:
            data, decoded[register.tag] = _encode(register, float(value))
        if not point.table.of_registers:
            words[point.address] |= data[0]
            return
        if len(data) == 1:  # a bit or a byte inside a register, beside others
            data = (data[0] << (point.bit or 0)).to_bytes(2, "big")
        encoded = list(struct.unpack(f">{point.count}H", data))
        if self._machine.word_order is Order.LITTLE and not point.type.startswith("string"):
            encoded.reverse()
        for place, word in enumerate(encoded, point.address):
            words[place] |= self._swapped(word)

    def _swapped(self, word: int) -> int:
        return word if self._machine.byte_order is Order.BIG else (word & 0xFF) << 8 | word >> 8


def _encode(register: RegisterSettings, value: float) -> tuple[bytes, Value]:
    """The bytes of a number, most significant first, and the value that a reader gets out of them."""
    unscaled = (value - register.offset) / register.scale
    raw: float
    if code := _FLOATS.get(register.type):
        data = struct.pack(code, unscaled)
        (raw,) = struct.unpack(code, data)
    else:
        data, raw = _whole(register.type, round(unscaled))
    return data, raw * register.scale + register.offset if register.scaled else raw


def _whole(type_: str, wanted: int) -> tuple[bytes, int]:
    """The bytes of the nearest number that the type can say: a real device has an end of its scale, too."""
    family, bits = _family(type_)
    if family in ("int", "uint"):
        low, high = (-1 << (bits - 1), (1 << (bits - 1)) - 1) if family == "int" else (0, (1 << bits) - 1)
        raw = min(high, max(low, wanted))
        return raw.to_bytes(bits // 8, "big", signed=family == "int"), raw
    digits = bits // 4  # BCD has a digit in 4 bits, mod-10 has four in 16
    raw = min(10**digits - 1, max(0, wanted))
    text = f"{raw:0{digits}}"
    if family == "bcd":
        return bytes.fromhex(text), raw
    return b"".join(int(text[i : i + 4]).to_bytes(2, "big") for i in range(0, digits, 4)), raw


def _family(type_: str) -> tuple[str, int]:
    match = _WHOLE.fullmatch(type_)
    assert match
    return match[1], int(match[2])


def _text(value: str, size: int) -> tuple[bytes, str]:
    data = value.encode()[:size].decode(errors="ignore").rstrip().encode()
    return data.ljust(size, b"\0"), data.decode()
