"""Machines behind a real Modbus TCP server: one port, one or more units, each with its own register map.

    RegisterBank ◄──show── plant      client ──request──► bank.read ──► answer
                                                             └──► handed(machine, time, tags and values), just before

Unlike pymodbus' own simulator store, the request classes below see address and length of every read, bits included,
so that what an answer gave away is known exactly. A silent unit does not answer (a cut wire behind a converter);
a closed server takes no connections (a machine without power).
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from types import TracebackType
from typing import Any, Self

from pymodbus.constants import ExcCodes
from pymodbus.exceptions import NoSuchIdException
from pymodbus.pdu import ExceptionResponse, ModbusPDU
from pymodbus.pdu.bit_message import (
    ReadCoilsRequest,
    ReadCoilsResponse,
    ReadDiscreteInputsRequest,
    ReadDiscreteInputsResponse,
)
from pymodbus.pdu.register_message import (
    ReadHoldingRegistersRequest,
    ReadHoldingRegistersResponse,
    ReadInputRegistersRequest,
    ReadInputRegistersResponse,
)
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

from protocols.modbus.point import Table
from protocols.sample import Value
from simulators import ServerDown
from simulators.plant import MachineSettings, ServerSettings
from simulators.registers import RegisterBank

Handed = Callable[[str, int, Iterable[tuple[str, Value]]], None]
"""machine, time in ns, tags with values: called for everything that is handed out, before it is."""


class Unit:
    """One machine on the line."""

    def __init__(self, machine: MachineSettings) -> None:
        self.slug = machine.slug
        self.bank = RegisterBank(machine)
        self.silent = False


class ModbusServer:
    """The server of these machines; `async with` listens, `close` and `open` are a power cut and its end."""

    def __init__(self, settings: ServerSettings, machines: Sequence[MachineSettings], handed: Handed | None) -> None:
        self._settings = settings
        self._handed = handed
        self._server: ModbusTcpServer | None = None
        self._units = {machine.unit: Unit(machine) for machine in machines}
        self._by_slug = {unit.slug: unit for unit in self._units.values()}
        self.host = settings.host
        self.port = settings.port

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def show(self, slug: str, values: Mapping[str, Value], time_ns: int) -> None:
        """Replace a machine's registers by those of a new tick."""
        del time_ns  # a Modbus value has no time but that of its reading
        self._by_slug[slug].bank.show(values)

    async def silence(self, slug: str, *, silent: bool) -> None:
        """Let a machine stop answering, or answer again."""
        self._by_slug[slug].silent = silent

    async def open(self) -> None:
        """Listen, on the same port as before if there was one.

        Raises:
            ServerDown: the port cannot be had.
        """
        nothing = SimDevice(0, simdata=[SimData(0, count=1, datatype=DataType.REGISTERS)])
        address = (self.host, self.port)
        requests = _requests(self.answer)
        server = ModbusTcpServer(nothing, address=address, ignore_missing_devices=True, custom_pdu=requests)
        if not await server.listen():
            where = f"{self._settings.name}: cannot listen on {self.host}:{self.port}"
            raise ServerDown(f"{where}; free the port or write port = 0 for any")
        listening: Any = server.transport
        self.port = int(listening.sockets[0].getsockname()[1])
        self._server = server

    async def close(self) -> None:
        """Drop every connection and stop listening."""
        if self._server:
            stop: Callable[[], Awaitable[None]] = self._server.shutdown  # untyped there
            await stop()
            self._server = None
            await asyncio.sleep(0)  # let the transports close before anybody looks

    def answer(self, unit_id: int, table: Table, address: int, count: int) -> Sequence[int] | ExcCodes:
        """What a read brings.

        Raises:
            NoSuchIdException: nothing at all, the client will wait in vain.
        """
        unit = self._units.get(unit_id)
        if unit is None or unit.silent:
            raise NoSuchIdException
        words = unit.bank.read(table, address, count)
        if words is None:
            return ExcCodes.ILLEGAL_ADDRESS
        if self._handed is not None:
            self._handed(unit.slug, time.time_ns(), unit.bank.given(table, address, count))
        return words


_Answer = Callable[[int, Table, int, int], Sequence[int] | ExcCodes]


def _requests(answer: _Answer) -> list[type[ModbusPDU]]:
    """The four reading requests, answered by `answer`; pymodbus makes one object a request from these."""

    class ReadCoils(ReadCoilsRequest):
        async def datastore_update(self, _: Any, device_id: int) -> ModbusPDU:
            return _bits(self, ReadCoilsResponse, answer(device_id, Table.COIL, self.address, self.count))

    class ReadDiscreteInputs(ReadDiscreteInputsRequest):
        async def datastore_update(self, _: Any, device_id: int) -> ModbusPDU:
            return _bits(self, ReadDiscreteInputsResponse, answer(device_id, Table.DISCRETE, self.address, self.count))

    class ReadHolding(ReadHoldingRegistersRequest):
        async def datastore_update(self, _: Any, device_id: int) -> ModbusPDU:
            return _words(
                self, ReadHoldingRegistersResponse, answer(device_id, Table.HOLDING, self.address, self.count)
            )

    class ReadInputs(ReadInputRegistersRequest):
        async def datastore_update(self, _: Any, device_id: int) -> ModbusPDU:
            return _words(self, ReadInputRegistersResponse, answer(device_id, Table.INPUT, self.address, self.count))

    return [ReadCoils, ReadDiscreteInputs, ReadHolding, ReadInputs]


def _bits(request: ModbusPDU, response: type[ModbusPDU], words: Sequence[int] | ExcCodes) -> ModbusPDU:
    if isinstance(words, ExcCodes):
        return ExceptionResponse(request.function_code, words)
    return response(bits=[bool(word) for word in words])


def _words(request: ModbusPDU, response: type[ModbusPDU], words: Sequence[int] | ExcCodes) -> ModbusPDU:
    if isinstance(words, ExcCodes):
        return ExceptionResponse(request.function_code, words)
    return response(registers=list(words))
