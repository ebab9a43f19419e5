"""A gateway that measures pump-1, the processes that watch it, and looking at what they have written."""

import asyncio
import contextlib
import socket
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from uuid import UUID, uuid4

import aiomqtt
import numpy as np
import psycopg
import pytest

from anomaly.settings import AnomalySettings
from anomaly.worker import run_anomaly
from ingest_service.settings import IngestSettings
from ingest_service.worker import run_ingest
from maintenance.settings import MaintenanceSettings
from maintenance.worker import run_maintenance
from protocols.sample import Column, ValueKind
from protocols.topics import GatewayAddress, Up
from protocols.wire import catalog, columnar
from protocols.wire.batch import BatchHeader
from runtime.clock import ClockState

S = 1_000_000_000
WAIT_S = 15.0
TAGS = ("vibration", "flow")
ADDRESS = GatewayAddress("demo", "gw-1")


@dataclass
class Gateway:
    """Publishes batches; times are given as ages in seconds."""

    client: aiomqtt.Client
    run: UUID = field(default_factory=uuid4)
    seq: int = 0
    clock: ClockState = ClockState.SYNCED

    async def publish_catalog(self, revision: int = 1) -> None:
        tags = [
            catalog.CatalogTag(alias=alias, machine="pump-1", tag=tag, kind="float") for alias, tag in enumerate(TAGS)
        ]
        body = catalog.encode(catalog.Catalog(revision=revision, tags=tags))
        await self.client.publish(ADDRESS.up(Up.CATALOG), body, qos=1, retain=True)

    def batch(
        self, tag: str, values: Sequence[float], ages_s: Sequence[float], code: int = 0, revision: int = 1
    ) -> bytes:
        self.seq += 1
        n, now_ns = len(values), time.time_ns()
        column = Column(
            ValueKind.FLOAT,
            np.full(n, TAGS.index(tag), np.uint32),
            np.array([now_ns - round(age * S) for age in ages_s], np.int64),
            np.array(values, np.float64),
            np.full(n, code, np.uint16),
        )
        return columnar.encode(BatchHeader(self.run, self.seq, 1, self.clock, n), (column,))

    async def send(self, tag: str, values: Sequence[float], ages_s: Sequence[float], **more) -> bytes:
        data = self.batch(tag, values, ages_s, **more)
        await self.client.publish(ADDRESS.up(Up.DATA), data, qos=1)
        return data


@contextlib.asynccontextmanager
async def gateway(broker) -> AsyncIterator[Gateway]:
    async with aiomqtt.Client(broker.host, broker.port) as client:
        yield Gateway(client)


@contextlib.asynccontextmanager
async def running(main) -> AsyncIterator[asyncio.Task]:
    """A process as a task; what it dies of is raised here."""
    task = asyncio.create_task(main)
    try:
        yield task
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


@contextlib.asynccontextmanager
async def watching(broker, database, **more):
    """The anomaly process, from the moment it says that it is ready."""
    settings = AnomalySettings(broker=broker.settings, database=database.settings("lw_worker"), **more)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as line, pytest.MonkeyPatch.context() as patch:
        name = f"linewright-test-{uuid4()}"
        line.bind(f"\0{name}")
        line.setblocking(False)
        patch.setenv("NOTIFY_SOCKET", f"@{name}")
        async with running(run_anomaly(settings)) as task:
            async with asyncio.timeout(WAIT_S):
                assert await asyncio.get_running_loop().sock_recv(line, 100) == b"READY=1"
            yield task


def ingesting(broker, database):
    return running(run_ingest(IngestSettings(broker=broker.settings, database=database.settings("lw_ingest"))))


def maintaining(database):
    return running(run_maintenance(MaintenanceSettings(database=database.settings("lw_worker"))))


@dataclass(frozen=True)
class Look:
    """Reads and writes as the owner of the database, who sees everything."""

    dsn: str
    tenant_id: UUID

    async def rows(self, query: str, *values) -> list[tuple]:
        async with await psycopg.AsyncConnection.connect(self.dsn) as connection:
            await connection.execute("SELECT set_config('app.tenant', %s, true)", [str(self.tenant_id)])
            cursor = await connection.execute(query, values)
            return await cursor.fetchall() if cursor.description else []

    async def until(self, query: str, wanted) -> list[tuple]:
        """The rows as soon as they are as `wanted` (a list of rows, or a condition)."""
        condition = wanted if callable(wanted) else lambda rows: rows == wanted
        rows: list[tuple] = []
        try:
            async with asyncio.timeout(WAIT_S):
                while not condition(rows := await self.rows(query)):
                    await asyncio.sleep(0.03)
        except TimeoutError:
            raise AssertionError(f"{query}: still {rows}") from None
        return rows
