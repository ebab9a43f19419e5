"""Drains a backlog through a real broker while live samples come in, and takes the time.

    spool with a backlog, live reads ──recorder, uplink──► broker ──► receiver ──receipts──► uplink

Both ends and the broker share the machine, so this is the least that a gateway of its own reaches.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Coroutine, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from uuid import UUID

import aiomqtt
import numpy as np

from edge_gateway.catalog import Numbering
from edge_gateway.clock.gateway_clock import GatewayClock
from edge_gateway.intake import Intake
from edge_gateway.recorder import Recorder
from edge_gateway.settings import SpoolSettings
from edge_gateway.spool.spool import open_spool
from edge_gateway.uplink.delivery import Delivery
from edge_gateway.uplink.ranges import Ranges
from edge_gateway.uplink.session import Outbox
from edge_gateway.uplink.uplink import Uplink
from linewright.broker import Broker
from protocols.broker import BrokerSettings
from protocols.sample import Columns
from protocols.topics import Down, GatewayAddress, Up
from protocols.wire import columnar, receipt
from protocols.wire.catalog import Catalog
from runtime.clock import NS_PER_S, monotonic_s

ADDRESS = GatewayAddress("bench", "gw-1")
_CREDIT = 256
_READS_PER_S = 20


@dataclass
class Receiver:
    """Receipts everything at once, like an ingest that is fast enough."""

    committed: dict[UUID, Ranges] = field(default_factory=dict)
    samples: int = 0
    live_lag_s: float = 0.0
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self, broker: BrokerSettings, backlog: UUID) -> None:
        async with aiomqtt.Client(broker.host, broker.port) as client:
            client.pending_calls_threshold = 1000
            await client.subscribe(ADDRESS.up(Up.DATA), qos=1)
            self.changed.set()
            async for message in client.messages:
                if isinstance(message.payload, bytes):
                    run = self._take(message.payload, backlog)
                    told = receipt.Receipt(run=run, committed=list(self.committed[run]), credit=_CREDIT)
                    await client.publish(ADDRESS.down(Down.RECEIPT), receipt.encode(told))

    def _take(self, payload: bytes, backlog: UUID) -> UUID:
        header = columnar.read_header(payload)
        self.committed.setdefault(header.run_id, Ranges()).add(header.seq, header.seq)
        if header.run_id == backlog:
            self.samples += header.count
        else:
            newest_ns = max(int(column.time_ns.max()) for column in columnar.decode(payload).columns)
            self.live_lag_s = max(self.live_lag_s, (time.time_ns() - newest_ns) / NS_PER_S)
        self.changed.set()
        return header.run_id


async def _live(intake: Intake, reads: Iterator[Columns]) -> None:
    """The reads of a plant, as if they were made now."""
    for columns in reads:
        now_ns = time.time_ns()
        await intake.put(tuple(replace(column, time_ns=np.full(len(column), now_ns)) for column in columns))
        await asyncio.sleep(1 / _READS_PER_S)


@contextlib.asynccontextmanager
async def _running(*work: Coroutine[None, None, None]) -> AsyncIterator[None]:
    """Tasks for as long as the context is open."""
    tasks = [asyncio.create_task(coroutine) for coroutine in work]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)


@dataclass(frozen=True)
class Drained:
    """How many samples came of the backlog, how long it took, and how late live samples were in the meantime."""

    samples: int
    took_s: float
    live_lag_s: float


async def drain(folder: Path, catalog: Catalog, reads: Iterator[Columns]) -> Drained:
    """Drain `backlog.spool` in this folder."""
    clock, delivery, receiver = GatewayClock(), Delivery(), Receiver()
    settings = SpoolSettings(path=folder / "backlog.spool")
    async with Broker(folder) as broker, open_spool(settings, catalog, clock) as spool:
        (held,) = spool.opened.runs
        wanted = Ranges(held.open)
        delivery.hold(held.run, held.open, held.receipted)
        delivery.begin(spool.runs, monotonic_s(clock))
        intake = Intake(clock)
        async with Recorder(spool, delivery, intake, Numbering(catalog, ()), clock) as recorder:
            uplink = Uplink(broker.settings, Outbox(ADDRESS, catalog, spool, delivery, recorder, clock))
            async with _running(receiver.run(broker.settings, held.run), recorder.run(), _live(intake, reads)):
                await receiver.changed.wait()
                begun_s = time.perf_counter()
                async with _running(uplink.run()):
                    while receiver.committed.get(held.run) != wanted:
                        receiver.changed.clear()
                        await receiver.changed.wait()
                    took_s = time.perf_counter() - begun_s
    return Drained(receiver.samples, took_s, receiver.live_lag_s)
