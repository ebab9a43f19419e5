"""A real asyncua server with one variable of each type; started and stopped as a test wants."""

import contextlib
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any

from asyncua import Server, ua

from protocols.device import NumberedDevice
from protocols.opcua.driver import OpcuaDriver
from protocols.opcua.settings import OpcuaDevice

URI = "urn:linewright:test"
# name, type in the configuration, OPC UA type, value
NODES: list[tuple[str, str, ua.VariantType, Any]] = [
    ("speed", "float64", ua.VariantType.Double, -0.1),
    ("load", "float32", ua.VariantType.Float, 0.5),
    ("small", "int16", ua.VariantType.Int16, -32768),
    ("count", "uint32", ua.VariantType.UInt32, 4294967295),
    ("huge", "int64", ua.VariantType.Int64, -(2**63)),
    ("on", "bool", ua.VariantType.Boolean, True),
    ("off", "bool", ua.VariantType.Boolean, False),
    ("program", "string", ua.VariantType.String, "O-1234 ; 泵"),
    ("set;point", "float64", ua.VariantType.Double, 1e300),
]


class OpcuaServer:
    """The server of a test session; its address space outlives stop and start."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.server = Server()
        self.index = 0
        self._running = False

    async def init(self) -> None:
        await self.server.init()
        self.server.set_endpoint(f"opc.tcp://127.0.0.1:{self.port}/plant")
        self.server.set_security_policy([ua.SecurityPolicyType.NoSecurity])
        self.index = await self.server.register_namespace(URI)
        for name, _, type_, value in NODES:
            await self.add(name, value, type_)

    async def add(self, name: str, value: Any, type_: ua.VariantType = ua.VariantType.Double) -> Any:
        return await self.server.nodes.objects.add_variable(ua.NodeId(name, self.index), name, value, varianttype=type_)

    async def write(self, name: str, value: Any, at: datetime, status: int = 0) -> None:
        """A value with its source time and status; None keeps no value."""
        type_ = next((type_ for known, _, type_, _ in NODES if known == name), ua.VariantType.Double)
        variant = ua.Variant(value, type_) if value is not None else ua.Variant()
        data = ua.DataValue(variant, ua.StatusCode(status), at)
        await self.server.write_attribute_value(ua.NodeId(name, self.index), data)

    async def start(self) -> None:
        if not self._running:
            await self.server.start()
            self._running = True

    async def stop(self) -> None:
        if self._running:
            self._running = False
            await self.server.stop()
            self.server.iserver._external_sessions.clear()  # a process that ends forgets them

    def sessions(self) -> int:
        return len(self.server.iserver._external_sessions) if self._running else 0


class OpcuaRig:
    """Server, driver, and what the driver must find."""

    def __init__(self, server: OpcuaServer) -> None:
        self.server = server
        tags = [
            {"tag": f"t{i}", "node": f"nsu={URI};s={name}", "type": type_}
            for i, (name, type_, _, _) in enumerate(NODES)
        ]
        wrong = [
            {"tag": "w0", "node": f"nsu={URI};s=nobody", "type": "float64"},
            {"tag": "w1", "node": "nsu=urn:not:here;s=speed", "type": "float64"},
        ]
        self.driver: Any = make(device(server.port, [{**tag, "mode": "poll"} for tag in tags + wrong]))
        self.values: dict[int, float | int | bool | str] = {i: value for i, (_, _, _, value) in enumerate(NODES)}
        self.wrong = {len(NODES), len(NODES) + 1}
        self.wrong_reason = "bad_address"

    async def start(self) -> None:
        await self.server.start()

    async def stop(self) -> None:
        await self.server.stop()

    def connections(self) -> int:
        return self.server.sessions()


def device(port: int, tags: list[dict[str, Any]], **settings: Any) -> OpcuaDevice:
    fast = {"timeout_s": 1.0, "publishing_interval_s": 0.05, "sampling_interval_s": 0, "silence_s": 1.0}
    url = f"opc.tcp://127.0.0.1:{port}/plant"
    return OpcuaDevice.model_validate(
        {"name": "cnc", "protocol": "opcua", "opcua": {"url": url, **fast, **settings}, "tags": tags}
    )


def make(one: OpcuaDevice) -> OpcuaDriver:
    return OpcuaDriver([NumberedDevice(one, range(len(one.tags)))])


@contextlib.asynccontextmanager
async def opcua_server(port: int) -> AsyncIterator[OpcuaServer]:
    server = OpcuaServer(port)
    await server.init()
    try:
        yield server
    finally:
        await server.stop()
