"""A real asyncua server with one variable of each type; started and stopped as a test wants."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from asyncua import Server, ua
from asyncua.server.address_space import AttributeValue, NodeData

from protocols import DeviceUnavailable
from protocols.device import NumberedDevice
from protocols.opcua.driver import OpcuaDriver
from protocols.opcua.settings import OpcuaDevice
from protocols.sample import Sample, samples

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


EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
WAIT_S = 15.0


def time_ns_of(stamp: datetime) -> int:
    return (stamp - EPOCH) // timedelta(microseconds=1) * 1000


class OpcuaServer:
    """The server of a test session; its address space outlives stop and start."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.server = Server()
        self.index = 0
        self.sessions_most = 0
        self._running = False

    async def init(self) -> None:
        await self.server.init()
        self._count_sessions()
        self.server.set_endpoint(f"opc.tcp://127.0.0.1:{self.port}/plant")
        self.server.set_security_policy([ua.SecurityPolicyType.NoSecurity])
        self.index = await self.server.register_namespace(URI)
        for name, _, type_, value in NODES:
            await self.add(name, value, type_)

    def _count_sessions(self) -> None:
        """Note how many there were at any moment, however short."""
        inner = self.server.iserver
        register = inner.register_external_session

        def counted(session: Any) -> None:
            register(session)
            self.sessions_most = max(self.sessions_most, self.sessions())

        inner.register_external_session = counted

    @property
    def subscriptions(self) -> dict[int, Any]:
        return self.server.iserver.subscription_service.subscriptions

    async def set_limit(self, number: int, limit: int) -> None:
        """One of the limits that a server tells about itself."""
        await self.server.get_node(ua.NodeId(number)).write_value(limit, ua.VariantType.UInt32)

    async def add(self, name: str, value: Any, type_: ua.VariantType = ua.VariantType.Double) -> Any:
        return await self.server.nodes.objects.add_variable(ua.NodeId(name, self.index), name, value, varianttype=type_)

    @contextlib.contextmanager
    def numbered(self, numbers: Iterable[int]) -> Iterator[None]:
        """Nodes n0, n1 …, each with its own number as value; put in by hand, for add_variable needs minutes."""
        nodes = self.server.iserver.aspace._nodes
        made = {}
        for n in numbers:
            node = NodeData(ua.NodeId(f"n{n}", self.index))
            shown = ua.DataValue(ua.Variant(float(n)), SourceTimestamp=datetime.now(UTC))
            node.attributes[ua.AttributeIds.Value] = AttributeValue(shown)
            made[node.nodeid] = node
        nodes.update(made)
        yield
        for nodeid in made:
            nodes.pop(nodeid)

    async def write(self, name: str, value: Any, at: datetime, status: int = 0) -> None:
        """A value with its source time and status; None keeps no value."""
        type_ = next((type_ for known, _, type_, _ in NODES if known == name), ua.VariantType.Double)
        variant = ua.Variant(value, type_) if value is not None else ua.Variant()
        data = ua.DataValue(variant, ua.StatusCode(status), at)
        await self.server.write_attribute_value(ua.NodeId(name, self.index), data)

    async def reset(self) -> None:
        """All nodes as they were at first; tests write what they like."""
        for name, _, _, value in NODES:
            await self.write(name, value, datetime.now(UTC))

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


class Listener:
    """Collects what a subscription brings, in a task of its own; `forever` opens and follows again after a loss."""

    def __init__(self, driver: OpcuaDriver, aliases: Sequence[int], *, forever: bool = False) -> None:
        self.heard: list[Sample] = []
        self.ended: DeviceUnavailable | None = None
        self._names = {alias: str(alias) for alias in aliases}
        self._task = asyncio.create_task(self._listen(driver, forever))

    async def _listen(self, driver: OpcuaDriver, forever: bool) -> None:
        while True:
            try:
                await driver.open()
                async with contextlib.aclosing(driver.subscribe(list(self._names))) as feed:
                    async for columns in feed:
                        self.heard += samples(columns, self._names)
            except DeviceUnavailable as error:
                self.ended = error
            if not forever:
                return
            await asyncio.sleep(0.05)

    def of(self, alias: int) -> list[Sample]:
        return [sample for sample in self.heard if sample.tag == str(alias)]

    async def until(self, condition: Callable[[], object]) -> None:
        async with asyncio.timeout(WAIT_S):
            while not condition():
                if self._task.done() and not self.ended:
                    self._task.result()
                await asyncio.sleep(0.01)

    async def stop(self) -> None:
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task


def subscriber(port: int, names: Sequence[str], **settings: object) -> OpcuaDriver:
    tags = [{"tag": f"t{i}", "node": f"nsu={URI};s={name}"} for i, name in enumerate(names)]
    return make(device(port, tags, **settings))


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
