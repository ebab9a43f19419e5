"""A real pymodbus server whose registers, refusals and units a test decides."""

import struct
from collections.abc import Callable
from typing import Any

from pymodbus.constants import ExcCodes
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

from protocols.device import NumberedDevice
from protocols.modbus.driver import ModbusDriver
from protocols.modbus.settings import ModbusDevice

REGISTERS = 1000


class Plc:
    """One unit: `memory` by table, addresses it refuses, and what it was asked."""

    def __init__(self, unit: int) -> None:
        self.unit = unit
        self.memory: dict[str, dict[int, int]] = {"coil": {}, "discrete": {}, "holding": {}, "input": {}}
        self.refused: dict[tuple[str, int], int] = {}
        self.asked: list[tuple[str, int, int]] = []

    def put(self, table: str, address: int, layout: str, *values: Any) -> None:
        """Registers as struct would lay them out, big-endian."""
        raw = struct.pack(">" + layout, *values)
        for i in range(0, len(raw), 2):
            self.memory[table][address + i // 2] = int.from_bytes(raw[i : i + 2], "big")

    def device(self) -> SimDevice:
        bits = [SimData(0, count=REGISTERS, values=False, datatype=DataType.BITS)]
        registers = [SimData(0, count=REGISTERS, values=0, datatype=DataType.REGISTERS)]
        return SimDevice(id=self.unit, simdata=(bits, list(bits), registers, list(registers)), action=self._answer)

    async def _answer(self, *request: Any) -> ExcCodes | None:
        function, start, address, count, current, _ = request
        table = {1: "coil", 2: "discrete", 3: "holding", 4: "input"}[function]
        if table in ("coil", "discrete"):  # the server counts these in words of 16
            count *= 16
        self.asked.append((table, address, count))
        for at in range(address, address + count):
            if code := self.refused.get((table, at)):
                return ExcCodes(code)
        for at, value in self.memory[table].items():
            if table in ("holding", "input"):
                current[at - start] = value
            else:
                word = at // 16 - start
                current[word] = current[word] & ~(1 << at % 16) | value << at % 16
        return None


class ModbusRig:
    """Server, driver, and what the driver must find."""

    def __init__(self, port: int, plcs: list[Plc]) -> None:
        self.port, self.plcs = port, plcs
        self.server: ModbusTcpServer | None = None
        self.values: dict[int, float | int | bool | str] = {}
        self.wrong: set[int] = set()
        self.wrong_reason = "exception_2"
        self.driver: Any = None
        self.silent: set[int] = set()  # units that take questions and give no answer
        self.unanswered = 0

    async def start(self) -> None:
        devices = [plc.device() for plc in self.plcs]
        self.server = ModbusTcpServer(devices, address=("127.0.0.1", self.port), trace_packet=self._pass)
        await self.server.serve_forever(background=True)

    async def stop(self) -> None:
        if self.server:
            await self.server.shutdown()
            self.server = None

    def _pass(self, sending: bool, data: bytes) -> bytes:
        if not sending or data[6] not in self.silent:
            return data
        self.unanswered += 1
        return b""

    def connections(self) -> int:
        return len(self.server.active_connections) if self.server else 0


def device(port: int, tags: list[dict[str, Any]], name: str = "plc", **settings: Any) -> ModbusDevice:
    return ModbusDevice.model_validate(
        {
            "name": name,
            "protocol": "modbus",
            "modbus": {"host": "127.0.0.1", "port": port, "timeout_s": 0.5, **settings},
            "tags": tags,
        }
    )


def make(*devices: ModbusDevice) -> ModbusDriver:
    """A driver with aliases 0, 1, 2 … over all devices."""
    numbered, first = [], 0
    for one in devices:
        numbered.append(NumberedDevice(one, range(first, first + len(one.tags))))
        first += len(one.tags)
    return ModbusDriver(numbered)


FreePort = Callable[[], int]
