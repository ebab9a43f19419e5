"""A real pymodbus server whose registers, refusals and units a test decides."""

import struct
from collections.abc import Callable
from typing import Any

from pymodbus.constants import ExcCodes
from pymodbus.server import ModbusTcpServer
from pymodbus.server.base import ModbusBaseServer
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

    unit_at = 6  # of a frame

    def __init__(self, port: int, plcs: list[Plc]) -> None:
        self.port, self.plcs = port, plcs
        self.server: ModbusBaseServer | None = None
        self.values: dict[int, float | int | bool | str] = {}
        self.wrong: set[int] = set()
        self.wrong_reason = "exception_2"
        self.driver: Any = None
        self.silent: set[int] = set()  # units that take questions and give no answer
        self.unanswered = 0

    async def start(self) -> None:
        self.server = self.make_server([plc.device() for plc in self.plcs])
        await self.server.serve_forever(background=True)

    def make_server(self, devices: list[SimDevice]) -> ModbusBaseServer:
        return ModbusTcpServer(devices, address=("127.0.0.1", self.port), trace_packet=self._pass)

    async def stop(self) -> None:
        if self.server:
            await self.server.shutdown()
            self.server = None

    def _pass(self, sending: bool, data: bytes) -> bytes:
        if not sending or data[self.unit_at] not in self.silent:
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
            "modbus": {**({} if "serial" in settings else {"host": "127.0.0.1", "port": port}), "timeout_s": 0.5}
            | settings,
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


def two_units() -> list[Plc]:
    """All tables and types, and two addresses that the first unit refuses: what `fill` gives the driver."""
    one, two = Plc(1), Plc(2)
    one.put("holding", 10, "fhHiI", 21.5, -7, 65535, -123456, 4294967295)
    one.put("holding", 40, "qQd4s", -(2**63), 2**63 - 1, -0.1, b"E-17")
    one.put("input", 5, "H", 0b1000_0000_0000_0010)
    one.memory["coil"] |= {3: 1, 4: 0}
    one.memory["discrete"] |= {100: 1}
    two.put("holding", 10, "f", -1.25)
    one.refused |= {("holding", 60): 2, ("holding", 61): 2}
    return [one, two]


def fill(rig: ModbusRig, **line: Any) -> None:
    """Give the rig of `two_units` its driver, and what that must find."""
    tags = [
        ("holding:10", "float32", 21.5), ("holding:12", "int16", -7), ("holding:13", "uint16", 65535),
        ("holding:14", "int32", -123456), ("holding:16", "uint32", 4294967295), ("holding:40", "int64", -(2**63)),
        ("holding:44", "uint64", 2**63 - 1), ("holding:48", "float64", -0.1), ("holding:52", "string:2", "E-17"),
        ("input:5.1", "bool", True), ("input:5.2", "bool", False), ("coil:3", "bool", True), ("coil:4", "bool", False),
        ("discrete:100", "bool", True),
    ]  # fmt: skip
    table = [{"tag": f"t{i}", "address": address, "type": type_} for i, (address, type_, _) in enumerate(tags)]
    wrong = [{"tag": f"w{i}", "address": f"holding:{60 + i}", "type": "uint16"} for i in range(2)]
    rig.driver = make(
        device(rig.port, table + wrong, **line), device(rig.port, [{**table[0], "tag": "o"}], "two", unit=2, **line)
    )
    rig.values = dict(enumerate(value for _, _, value in tags)) | {len(tags) + 2: -1.25}
    rig.wrong = {len(tags), len(tags) + 1}
