"""An asyncua server of 10,000 items that change every second: item n shows change + n / SCALE, at the time it was due.

serve (a process of its own) ──"listening"──► … ◄──anything── what was there until now: Produced
"""

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from multiprocessing.connection import Connection

from asyncua import Server, ua
from asyncua.server.address_space import AttributeValue, NodeData

ITEMS = 10_000
PERIOD_S = 1.0
SCALE = 1 << 14  # value = change + item / SCALE, exact in a double
PORTION = 200  # items written before others get a turn
URI = "urn:linewright:bench"


@dataclass(frozen=True, slots=True)
class Produced:
    """How many changes there were of each item, when number 0 was due, and how long they took in truth."""

    changes: int
    begun_ns: int
    took_s: float


def serve(port: int, line: Connection) -> None:
    """Say when it listens; change until asked what there was."""
    asyncio.run(_serve(port, line))


async def _serve(port: int, line: Connection) -> None:
    server = Server()
    await server.init()
    server.set_endpoint(f"opc.tcp://127.0.0.1:{port}/bench")
    server.set_security_policy([ua.SecurityPolicyType.NoSecurity])
    index = await server.register_namespace(URI)
    nodes = [ua.NodeId(item, index) for item in range(ITEMS)]
    for item, nodeid in enumerate(nodes):
        node = NodeData(nodeid)  # by hand: add_variable needs minutes for so many
        node.attributes[ua.AttributeIds.Value] = AttributeValue(shown(0, item, datetime.now(UTC)))
        server.iserver.aspace[nodeid] = node
    async with server:
        line.send("listening")
        begun = datetime.now(UTC)
        change = 0
        while not line.poll():
            change += 1
            await _change(server, nodes, change, begun + timedelta(seconds=change * PERIOD_S))
        line.recv()
        took_s = (datetime.now(UTC) - begun).total_seconds()
        line.send(Produced(change, round(begun.timestamp() * 1e6) * 1000, took_s))
        while True:  # for the peer
            change += 1
            await _change(server, nodes, change, begun + timedelta(seconds=change * PERIOD_S))


async def _change(server: Server, nodes: list[ua.NodeId], change: int, due: datetime) -> None:
    await asyncio.sleep(max(0.0, (due - datetime.now(UTC)).total_seconds()))
    for item, nodeid in enumerate(nodes):
        data = shown(change, item, due)
        await server.iserver.aspace.write_attribute_value(nodeid, ua.AttributeIds.Value, data)
        if item % PORTION == 0:
            await asyncio.sleep(0)


def shown(change: int, item: int, at: datetime) -> ua.DataValue:
    """What an item shows after so many changes."""
    value = ua.Variant(change + item / SCALE, ua.VariantType.Double)
    return ua.DataValue(value, ua.StatusCode(0), at, datetime.now(UTC))
