"""Asks a device which SunSpec models it has: the marker "SunS", then id and length of one model after the other.

modbus://192.0.2.7:502/1 ──marker at 40000, 50000 or 0──► 1, 103, 160 … 0xFFFF ──► FoundModels with their registers
"""

import re
import struct
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

from protocols import DeviceUnavailable, ProtocolsError
from protocols.modbus.client import Line
from protocols.modbus.line_settings import LineSettings
from protocols.modbus.point import REGISTERS_MOST, Table
from protocols.modbus.request import NoAnswer, Request
from protocols.modbus.sunspec import HEAD_REGISTERS, SunspecModel, as_in, points_of
from protocols.modbus.sunspec_tags import Table as TagTable
from protocols.modbus.sunspec_tags import table_of
from runtime.clock import SystemClock

MARKER = (0x5375, 0x6E53)  # "SunS"
BASES = (40_000, 50_000, 0)
END = 0xFFFF
_TIMEOUT_S = 2.0
_MODELS_MOST = 200


class NoSunspecDevice(ProtocolsError):
    """The device could not be asked, or has no SunSpec models; the text says what to try."""


@dataclass(frozen=True, slots=True)
class FoundModel:
    """A model that a device has: `registers` from its id at `address` to its end."""

    id: int
    address: int
    registers: tuple[int, ...]


class _Device:
    """One unit on a line."""

    def __init__(self, line: Line, unit: int) -> None:
        self._line, self._unit = line, unit

    async def read(self, address: int, count: int) -> tuple[int, ...]:
        """Holding registers, as many answers as it takes. Raises NoAnswer."""
        words: tuple[int, ...] = ()
        while len(words) < count:
            most = min(REGISTERS_MOST, count - len(words))
            data = await self._line.read(Request(self._unit, Table.HOLDING, address + len(words), most))
            words += struct.unpack(f">{most}H", data)
        return words

    async def base(self) -> int:
        """Where the marker stands."""
        for address in BASES:
            try:
                if await self.read(address, len(MARKER)) == MARKER:
                    return address
            except NoAnswer as error:
                if error.exception is None:
                    raise
        raise NoSunspecDevice(
            f"unit {self._unit} has no SunSpec marker at {', '.join(map(str, BASES))}; try another unit, or switch"
            " SunSpec on in the device"
        )

    async def models(self) -> AsyncIterator[FoundModel]:
        """One after the other, until the model that marks the end."""
        address = await self.base() + len(MARKER)
        for _ in range(_MODELS_MOST):
            # Some devices give no length of the last one, so it is not asked for.
            (model,) = await self.read(address, 1)
            if model == END:
                return
            (length,) = await self.read(address + 1, 1)
            size = HEAD_REGISTERS + length
            if not length or address + size > END:
                break
            yield FoundModel(model, address, await self.read(address, size))
            address += size
        raise NoSunspecDevice(f"the chain of models is broken at {address}; nothing behind it can be found")


async def found_models(url: str) -> list[FoundModel]:
    """Every model of the device at modbus://host:port/unit.

    Raises:
        NoSunspecDevice: bad URL, unreachable, or no SunSpec; with what to try.
    """
    host, port, unit = _parsed(url)
    try:
        async with _opened(host, port, unit) as device:
            return [model async for model in device.models()]
    except (DeviceUnavailable, NoAnswer) as error:
        raise NoSunspecDevice(f"{url}: {error}") from error


@asynccontextmanager
async def _opened(host: str, port: int, unit: int) -> AsyncIterator[_Device]:
    line = Line(LineSettings(host=host, port=port), {unit: _TIMEOUT_S}, SystemClock())
    await line.open()
    try:
        yield _Device(line, unit)
    finally:
        await line.close()


def _parsed(url: str) -> tuple[str, int, int]:
    parts = urlsplit(url)
    unit = re.fullmatch(r"/(\d{1,3})", parts.path or "/1")
    if parts.scheme != "modbus" or not parts.hostname or not unit or int(unit[1]) > 255:
        raise NoSunspecDevice(f"{url!r} is not understood; write modbus://<host>:<port>/<unit>")
    return parts.hostname, parts.port or 502, int(unit[1])


def tags_of_chain(found: list[FoundModel], known: Mapping[int, SunspecModel]) -> TagTable:
    """The tags of all models that are known, named after model and point: m103.w, m160_2.module_1.dca."""
    rows: list[dict[str, object]] = []
    left_out: list[str] = []
    seen: dict[int, int] = {}
    for model in found:
        seen[model.id] = number = seen.get(model.id, 0) + 1
        if model.id not in known:
            left_out.append(f"model {model.id} at {model.address} left out: no model_{model.id}.json")
            continue
        points = points_of(known[model.id], as_in(model.registers))
        # An older edition of a model is shorter, and what stands behind it belongs to the next.
        inside = [point for point in points if point.offset + point.definition.size <= len(model.registers)]
        table = table_of(inside, model.address, f"m{model.id}{f'_{number}' if number > 1 else ''}.")
        rows += table.rows
        left_out += table.left_out
    return TagTable(rows, left_out)
