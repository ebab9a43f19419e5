"""The other ends of a gateway: a real Modbus server whose values tell when they were read, and an ingest that
decodes batches and sends receipts, as reliably as it is told to.
"""

import asyncio
import contextlib
import random
import struct
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import aiomqtt
from pymodbus.pdu import ModbusPDU
from pymodbus.pdu.register_message import ReadHoldingRegistersRequest, ReadHoldingRegistersResponse
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

from edge_gateway.daemon import run_gateway
from edge_gateway.settings import GatewaySettings
from edge_gateway.uplink.delivery import BatchKey, Delivery, Pace
from edge_gateway.uplink.ranges import Ranges
from protocols.broker import BrokerSettings
from protocols.sample import GOOD
from protocols.topics import Down, GatewayAddress, Up, every, parse
from protocols.wire import catalog, columnar, receipt
from protocols.wire.catalog import Catalog

ADDRESS = GatewayAddress("demo", "gw-1")
_PUBLISH_MOST_S = 0.5


class Plc:
    """Serves float32 values in holding registers; every answer counts up, so each value is handed out once only.

    Value of the tag at register r in the n-th answer: n + r / 1024, exact in float32 while n < 8192.
    """

    def __init__(self, port: int) -> None:
        self.port = port
        self.handed: dict[int, list[float]] = {}
        self._reads = 0
        self._server: ModbusTcpServer | None = None

    async def start(self) -> None:
        nothing = SimDevice(0, simdata=[SimData(0, count=1, datatype=DataType.REGISTERS)])
        self._server = ModbusTcpServer(
            nothing, address=("127.0.0.1", self.port), ignore_missing_devices=True, custom_pdu=[_reading(self._answer)]
        )
        await self._server.serve_forever(background=True)

    async def stop(self) -> None:
        if self._server:
            await self._server.shutdown()
            self._server = None

    def _answer(self, address: int, count: int) -> list[int]:
        self._reads += 1
        words: list[int] = []
        for register in range(address, address + count, 2):
            value = self._reads + register / 1024
            self.handed.setdefault(register, []).append(value)
            words += struct.unpack(">HH", struct.pack(">f", value))
        return words

    async def __aenter__(self) -> "Plc":
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()


def _reading(answer: Callable[[int, int], list[int]]) -> type[ModbusPDU]:
    class ReadHolding(ReadHoldingRegistersRequest):
        async def datastore_update(self, context: Any, device_id: int) -> ModbusPDU:
            return ReadHoldingRegistersResponse(registers=answer(self.address, self.count))

    return ReadHolding


@dataclass
class Faults:
    """How often a receipt is lost, repeated, or comes late."""

    lost: float = 0.0
    repeated: float = 0.0
    late_s: float = 0.0


@dataclass
class Ingest:
    """Keeps every batch once, like the ledger, and answers every delivery with what it has of the run."""

    faults: Faults = field(default_factory=Faults)
    batches: dict[BatchKey, columnar.Batch] = field(default_factory=dict)
    deliveries: int = 0
    catalogs: dict[int, Catalog] = field(default_factory=dict)
    states: list[bytes] = field(default_factory=list)
    receipting: bool = True
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    chance: random.Random = field(default_factory=lambda: random.Random(5))

    async def run(self, broker: BrokerSettings) -> None:
        """Listen until cancelled; a broker that goes away is waited for."""
        while True:
            with contextlib.suppress(aiomqtt.MqttError):
                line = aiomqtt.Client(broker.host, broker.port, tls_context=broker.tls_context())
                async with line as client, asyncio.TaskGroup() as late:
                    client.pending_calls_threshold = 1000
                    for lane in (Up.CATALOG, Up.STATE, Up.DATA):
                        await client.subscribe(every(lane), qos=1)
                    with contextlib.suppress(aiomqtt.MqttError):
                        async for message in client.messages:
                            self._take(client, message, late)
            await asyncio.sleep(0.05)

    def _take(self, client: aiomqtt.Client, message: aiomqtt.Message, late: asyncio.TaskGroup) -> None:
        address, lane = parse(str(message.topic))
        payload = bytes(message.payload)
        if lane is Up.CATALOG:
            told = catalog.decode(payload)
            self.catalogs[told.revision] = told
        elif lane is Up.STATE:
            self.states.append(payload)
        else:
            self._store(client, address, payload, late)
        self.changed.set()

    def _store(self, client: aiomqtt.Client, address: GatewayAddress, payload: bytes, late: asyncio.TaskGroup) -> None:
        batch = columnar.decode(payload)
        key = BatchKey(batch.header.run_id, batch.header.seq)
        before = self.batches.setdefault(key, batch)
        assert before.sha256 == batch.sha256, "a number came again with other content"
        self.deliveries += 1
        if not self.receipting or self.chance.random() < self.faults.lost:
            return
        body = receipt.encode(receipt.Receipt(run=key.run, committed=list(self.committed(key.run)), credit=64))
        for _ in range(2 if self.chance.random() < self.faults.repeated else 1):
            delay_s = self.chance.uniform(0, self.faults.late_s)
            late.create_task(_later(client, address.down(Down.RECEIPT), body, delay_s))

    def committed(self, run: UUID) -> Ranges:
        return Ranges((key.seq, key.seq) for key in self.batches if key.run == run)

    def good_values(self) -> dict[tuple[str, str], list[float]]:
        """The good values of each (machine, tag), in order of their times."""
        rows: dict[tuple[str, str], list[tuple[int, float]]] = {}
        for batch in self.batches.values():
            names = {tag.alias: (tag.machine, tag.tag) for tag in self.catalogs[batch.header.revision].tags}
            for column in batch.columns:
                good = column.code == GOOD
                listed = (array[good].tolist() for array in (column.alias, column.time_ns, column.value))
                for alias, time_ns, value in zip(*listed, strict=True):
                    rows.setdefault(names[alias], []).append((time_ns, value))
        return {name: [value for _, value in sorted(listed)] for name, listed in rows.items()}

    def codes(self) -> dict[int, int]:
        """How many samples came with each quality code."""
        counts: dict[int, int] = {}
        for batch in self.batches.values():
            for column in batch.columns:
                for code in column.code.tolist():
                    counts[code] = counts.get(code, 0) + 1
        return counts

    async def until(self, condition: Callable[[], bool], within_s: float = 15.0) -> None:
        """Wait for something to come."""
        async with asyncio.timeout(within_s):
            while not condition():
                self.changed.clear()
                await self.changed.wait()


async def _later(client: aiomqtt.Client, topic: str, body: bytes, delay_s: float) -> None:
    await asyncio.sleep(delay_s)
    with contextlib.suppress(aiomqtt.MqttError):  # on a line that has broken, nobody would wait ten seconds
        await client.publish(topic, body, qos=1, timeout=_PUBLISH_MOST_S)


@contextlib.asynccontextmanager
async def listening(broker: BrokerSettings, faults: Faults | None = None) -> AsyncIterator[Ingest]:
    """An ingest for as long as the context is open."""
    ingest = Ingest(faults or Faults())
    task = asyncio.create_task(ingest.run(broker))
    try:
        yield ingest
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


@contextlib.asynccontextmanager
async def gateway(settings: GatewaySettings) -> AsyncIterator[asyncio.Task[None]]:
    """A gateway for as long as the context is open; leaving stops it in order."""
    task = asyncio.create_task(run_gateway(settings, Delivery(Pace(resend_s=1, resend_most_s=4))))
    try:
        yield task
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            async with asyncio.timeout(5):
                await task
