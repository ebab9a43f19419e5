"""The sending side of the ingest benchmark: gateways in a process of their own, and the truth of what they sent.

    values(gateway, seq) ──encode──► payloads ──MQTT, window of the receipts──► broker
                                                          ◄── receipts: done when every batch is covered

It writes MQTT 3.1.1 packets by itself: a client library's book-keeping would take a core from what is measured.
"""

import asyncio
import struct
import time
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from typing import Any
from uuid import UUID, uuid4

import numpy as np
from numpy.typing import NDArray

from protocols.broker import BrokerSettings
from protocols.sample import Column, ValueKind
from protocols.topics import Down, GatewayAddress, Up
from protocols.wire import catalog, columnar, receipt
from protocols.wire.batch import BatchHeader
from runtime.clock import ClockState

TENANT = "bench"
GATEWAYS = ("gw-0", "gw-1", "gw-2", "gw-3")
TAGS = 500
REVISION = 1
SCAN_NS = 100_000_000
_PATIENCE_S = 60.0
_BURST = 16
_ALIASES = np.arange(TAGS, dtype=np.uint32)
_GOOD = np.zeros(TAGS, np.uint16)


@dataclass(frozen=True)
class Round:
    """Batches 1 … `batches` of every gateway, each a scan of all its tags, the first one at `start_ns`."""

    start_ns: int
    batches: int

    @property
    def rows(self) -> int:
        return self.batches * len(GATEWAYS) * TAGS

    def times_ns(self, seq: int) -> NDArray[np.int64]:
        return np.full(TAGS, self.start_ns + seq * SCAN_NS, np.int64)


def values(gateway: int, seq: int) -> NDArray[np.float64]:
    """Whole numbers, so that sums are exact, and different for every sample."""
    return (gateway * 1_000_000 + seq * 1000 + _ALIASES).astype(np.float64)


def catalog_payload(gateway: str) -> bytes:
    tags = [
        catalog.CatalogTag(alias=alias, machine=f"{gateway}-machine", tag=f"t{alias:03}", kind="float")
        for alias in range(TAGS)
    ]
    return catalog.encode(catalog.Catalog(revision=REVISION, tags=tags))


def payload(played: Round, gateway: int, run: UUID, seq: int) -> bytes:
    column = Column(ValueKind.FLOAT, _ALIASES, played.times_ns(seq), values(gateway, seq), _GOOD)
    return columnar.encode(BatchHeader(run, seq, REVISION, ClockState.SYNCED, TAGS), (column,))


@dataclass
class _Gateway:
    """Keeps its window: at most as many batches open as the last receipt allowed."""

    topic: bytes
    payloads: list[bytes]
    run: UUID
    sent: int = 0
    done: int = 0
    credit: int = 64

    def take(self, told: receipt.Receipt) -> None:
        if told.run == self.run and told.committed:
            self.done = max(self.done, told.committed[0][1])
            self.credit = told.credit

    def next_burst(self) -> list[bytes]:
        end = min(len(self.payloads), self.done + self.credit, self.sent + _BURST)
        burst = self.payloads[self.sent : end]
        self.sent = max(self.sent, end)
        return burst


@dataclass
class _Line:
    """One MQTT 3.1.1 connection."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    number: int = 0
    moved: asyncio.Event = field(default_factory=asyncio.Event)

    def packet(self, kind: int, *parts: bytes) -> None:
        size = sum(map(len, parts))
        head = bytearray([kind])
        while size > 127:
            head.append(size & 127 | 128)
            size >>= 7
        head.append(size)
        self.writer.writelines([head, *parts])

    def publish(self, topic: bytes, payload: bytes, *, retain: bool = False) -> None:
        self.packet(0x32 | retain, _text(topic), self._next_number(), payload)

    def subscribe(self, topic: bytes) -> None:
        self.packet(0x82, self._next_number(), _text(topic), b"\x01")

    def _next_number(self) -> bytes:
        self.number = self.number % 65535 + 1
        return struct.pack(">H", self.number)

    async def read(self) -> tuple[int, bytes]:
        kind = (await self.reader.readexactly(1))[0]
        size = shift = 0
        while True:
            byte = (await self.reader.readexactly(1))[0]
            size |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return kind, await self.reader.readexactly(size)

    async def listen(self, fleet: dict[bytes, _Gateway]) -> None:
        """Receipts to their gateways; a QoS 1 message is acknowledged."""
        while True:
            kind, body = await self.read()
            if kind & 0xF0 == 0x30:
                end = 2 + int.from_bytes(body[:2])
                self.packet(0x40, body[end : end + 2])
                fleet[body[2:end].split(b"/")[3]].take(receipt.decode(body[end + 2 :]))
                self.moved.set()


def _text(text: bytes) -> bytes:
    return struct.pack(">H", len(text)) + text


def send_round(broker: BrokerSettings, played: Round, answer: "Connection[Any, Any]") -> None:
    """Encode first, then say "encoded", wait for the start and answer with the seconds until the last receipt."""
    fleet = {}
    for index, name in enumerate(GATEWAYS):
        run = uuid4()
        payloads = [payload(played, index, run, seq) for seq in range(1, played.batches + 1)]
        fleet[name.encode()] = _Gateway(GatewayAddress(TENANT, name).up(Up.DATA).encode(), payloads, run)
    asyncio.run(_play(broker, fleet, answer))


async def _play(broker: BrokerSettings, fleet: dict[bytes, _Gateway], answer: "Connection[Any, Any]") -> None:
    line = _Line(*await asyncio.open_connection(broker.host, broker.port))
    line.packet(0x10, _text(b"MQTT"), b"\x04\x02\x00\x00", _text(b"bench-fleet"))
    await line.read()
    for name in GATEWAYS:
        address = GatewayAddress(TENANT, name)
        line.subscribe(address.down(Down.RECEIPT).encode())
        line.publish(address.up(Up.CATALOG).encode(), catalog_payload(name), retain=True)
    listening = asyncio.create_task(line.listen(fleet))
    answer.send("encoded")
    await asyncio.to_thread(answer.recv)
    started = time.perf_counter()
    await _send_all(line, fleet)
    answer.send(time.perf_counter() - started)
    listening.cancel()
    line.writer.close()


async def _send_all(line: _Line, fleet: dict[bytes, _Gateway]) -> None:
    """Some of each in turn, as gateways that do not know of each other would."""
    while any(gateway.done < len(gateway.payloads) for gateway in fleet.values()):
        bursts = [(gateway.topic, gateway.next_burst()) for gateway in fleet.values()]
        for topic, burst in bursts:
            for data in burst:
                line.publish(topic, data)
        await line.writer.drain()
        if not any(burst for _, burst in bursts):
            async with asyncio.timeout(_PATIENCE_S):
                await line.moved.wait()
            line.moved.clear()
