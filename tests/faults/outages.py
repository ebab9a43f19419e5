"""Every way in which a part of the plant goes away and comes back, each with a tag whose values have to come again.

restart  it ends and starts again                        silent  its lines die without a word, new ones pass later
kill     as by a power cut, then it starts again         moved   silent, and its name leads to another address
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from tests.edge_gateway.other_ends import Plc
from tests.faults.cloud import Cloud
from tests.faults.road import Address, Road
from tests.protocols.opcua_rig import URI, OpcuaServer, opcua_server

LOOPBACK = "127.0.0.1"
MACHINE = "pump-1"
FIELD_S, OPCUA_S = 10.0, 30.0

Act = Callable[[], Awaitable[object]]


@dataclass(frozen=True)
class Outage:
    """`tag` has to come again within `limit_s` of the end of `mend`."""

    kind: str
    tag: str
    limit_s: float
    strike: Act
    mend: Act

    @property
    def silent(self) -> bool:
        """Nobody is told; it has to be noticed, which takes its time."""
        return not self.kind.endswith(("-restart", "-kill"))


class Place:
    """A host name with two addresses; at one of them is the target, behind a road that can be closed."""

    def __init__(self, name: str, hosts: dict[str, str], roads: tuple[Road, Road]) -> None:
        self.name = name
        self.port = roads[0].port
        self._hosts = hosts
        self._here, self._other = roads
        self._settle()

    def _settle(self) -> None:
        self._hosts[self.name] = self._here.host
        self._here.mend()

    async def refuse(self) -> None:
        await self._here.refuse()

    async def accept(self) -> None:
        await self._here.open()
        self._settle()

    async def close(self) -> None:
        self._here.close()

    async def mend(self) -> None:
        self._settle()

    async def mend_elsewhere(self) -> None:
        """The old address stays as it is: whoever remembers it waits for ever."""
        self._here, self._other = self._other, self._here
        self._settle()


@dataclass
class Field:
    """The devices that are broken, as the gateway is told of them."""

    hosts: dict[str, str]
    devices: list[dict[str, Any]] = field(default_factory=list)
    outages: list[Outage] = field(default_factory=list)


@contextlib.asynccontextmanager
async def a_place(name: str, hosts: dict[str, str], target: Address) -> AsyncIterator[Place]:
    """At 127.0.0.2 and 127.0.0.3."""
    async with Road(target, "127.0.0.2") as first, Road(target, "127.0.0.3", first.port) as second:
        yield Place(name, hosts, (first, second))


@contextlib.asynccontextmanager
async def modbus_field(field: Field, ports: Callable[[], int]) -> AsyncIterator[None]:
    """Three devices: one is restarted, one falls silent, one moves."""
    async with contextlib.AsyncExitStack() as stack:
        ours, theirs = [await stack.enter_async_context(Plc(ports())) for _ in range(2)]
        silent, moved = [
            await stack.enter_async_context(a_place(name, field.hosts, (LOOPBACK, theirs.port)))
            for name in ("silent-plc", "moved-plc")
        ]
        for tag, host, port in (
            ("modbus-restart", LOOPBACK, ours.port),
            ("modbus-silent", silent.name, silent.port),
            ("modbus-moved", moved.name, moved.port),
        ):
            field.devices.append(_modbus(tag, host, port))
        field.outages += [
            Outage("modbus-restart", "modbus-restart", FIELD_S, ours.stop, ours.start),
            Outage("modbus-silent", "modbus-silent", FIELD_S, silent.close, silent.mend),
            Outage("modbus-moved", "modbus-moved", FIELD_S, moved.close, moved.mend_elsewhere),
        ]
        yield


def _modbus(tag: str, host: str, port: int) -> dict[str, Any]:
    tags = [{"tag": tag, "address": "holding:0", "type": "float32", "period_s": 0.2}]
    modbus = {"host": host, "port": port}
    return {"name": tag, "machine": MACHINE, "protocol": "modbus", "modbus": modbus, "tags": tags}


@contextlib.asynccontextmanager
async def opcua_field(field: Field, ports: Callable[[], int]) -> AsyncIterator[None]:
    """The same three, subscribed."""
    async with contextlib.AsyncExitStack() as stack:
        ours, theirs = [await stack.enter_async_context(_counting(ports())) for _ in range(2)]
        silent, moved = [
            await stack.enter_async_context(a_place(name, field.hosts, (LOOPBACK, theirs.port)))
            for name in ("silent-ua", "moved-ua")
        ]
        for tag, host, port in (
            ("opcua-restart", LOOPBACK, ours.port),
            ("opcua-silent", silent.name, silent.port),
            ("opcua-moved", moved.name, moved.port),
        ):
            field.devices.append(_opcua(tag, host, port))
        field.outages += [
            Outage("opcua-restart", "opcua-restart", OPCUA_S, ours.stop, ours.start),
            Outage("opcua-silent", "opcua-silent", OPCUA_S, silent.close, silent.mend),
            Outage("opcua-moved", "opcua-moved", OPCUA_S, moved.close, moved.mend_elsewhere),
        ]
        yield


def _opcua(tag: str, host: str, port: int) -> dict[str, Any]:
    tags = [{"tag": tag, "node": f"nsu={URI};s=speed", "type": "float64"}]
    opcua = {"url": f"opc.tcp://{host}:{port}/plant"}
    return {"name": tag, "machine": MACHINE, "protocol": "opcua", "opcua": opcua, "tags": tags}


@contextlib.asynccontextmanager
async def _counting(port: int) -> AsyncIterator[OpcuaServer]:
    """A server whose speed changes all the time, also while nobody can ask."""

    async def count(server: OpcuaServer) -> None:
        value = 0.0
        while True:
            await server.write("speed", value := value + 1, datetime.now(UTC))
            await asyncio.sleep(0.2)

    async with opcua_server(port) as server:
        await server.start()
        counting = asyncio.create_task(count(server))
        try:
            yield server
        finally:
            counting.cancel()
            await asyncio.gather(counting, return_exceptions=True)


def cloud_outages(cloud: Cloud, broker: Place, tag: str) -> list[Outage]:
    """What happens to broker and database; `broker` is the gateway's way to it."""

    async def stop_broker() -> None:
        await cloud.broker.stop()
        await broker.refuse()

    async def kill_broker() -> None:
        await cloud.broker.kill()
        await broker.refuse()

    async def start_broker() -> None:
        await cloud.broker.start()
        await broker.accept()

    async def stop_database() -> None:
        cloud.postgres.stop()

    async def start_database() -> None:
        cloud.postgres.start()

    return [
        Outage("broker-restart", tag, FIELD_S, stop_broker, start_broker),
        Outage("broker-kill", tag, FIELD_S, kill_broker, start_broker),
        Outage("broker-silent", tag, FIELD_S, broker.close, broker.mend),
        Outage("broker-moved", tag, FIELD_S, broker.close, broker.mend_elsewhere),
        Outage("database-restart", tag, FIELD_S, stop_database, start_database),
    ]
