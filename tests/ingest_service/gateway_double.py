"""A gateway as ingest sees it: publishes a catalog and batches, forgets a batch when a receipt covers it."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from uuid import UUID, uuid4

import aiomqtt
import pytest

from ingest_service.settings import IngestSettings
from ingest_service.worker import run_ingest
from protocols.topics import Down, GatewayAddress, Up
from protocols.wire import catalog, receipt
from tests.ingest_service.ingest_parts import GATEWAY, column, payload


@dataclass
class Gateway:
    """`open` holds what is not receipted; `receipts` everything that was told."""

    client: aiomqtt.Client
    address: GatewayAddress
    run: UUID = field(default_factory=uuid4)
    open: dict[int, bytes] = field(default_factory=dict)
    receipts: list[receipt.Receipt] = field(default_factory=list)
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    async def publish_catalog(self, tags: int = 50, revision: int = 1, kind: str = "float") -> None:
        listed = [
            catalog.CatalogTag(alias=alias, machine="pump-1", tag=f"tag-{alias}", kind=kind) for alias in range(tags)
        ]
        body = catalog.encode(catalog.Catalog(revision=revision, tags=listed))
        await self.client.publish(self.address.up(Up.CATALOG), body, qos=1, retain=True)

    def add(self, seq: int, *columns, **more) -> bytes:
        self.open[seq] = payload(*(columns or [column([float(seq)])]), run=self.run, seq=seq, **more)
        return self.open[seq]

    async def send(self, data: bytes) -> None:
        await self.client.publish(self.address.up(Up.DATA), data, qos=1)

    async def deliver(self, within_s: float = 20, again_after_s: float = 1.0) -> None:
        """Send what is open, again and again, until it is receipted."""
        async with asyncio.timeout(within_s):
            while self.open:
                for data in list(self.open.values()):
                    await self.send(data)
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(again_after_s):
                        while self.open:
                            await self.changed.wait()
                            self.changed.clear()

    async def listen(self) -> None:
        await self.client.subscribe(self.address.down(Down.RECEIPT), qos=1)
        async for message in self.client.messages:
            told = receipt.decode(bytes(message.payload))
            self.receipts.append(told)
            if told.run == self.run:
                for seq in list(self.open):
                    if any(low <= seq <= high for low, high in told.committed):
                        del self.open[seq]
            self.changed.set()


@contextlib.asynccontextmanager
async def gateway(broker, address: GatewayAddress = GATEWAY) -> AsyncIterator[Gateway]:
    """A connected gateway that listens to its receipts."""
    async with aiomqtt.Client(broker.host, broker.port, max_queued_incoming_messages=None) as client:
        one = Gateway(client, address)
        listening = asyncio.create_task(one.listen())
        try:
            yield one
        finally:
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)


@contextlib.asynccontextmanager
async def ingest(broker, database, **more) -> AsyncIterator[asyncio.Task]:
    """An ingest process, as a task that has said it is ready."""
    settings = IngestSettings(broker=broker.settings, database=database.settings("lw_ingest"), **more)
    with _notify_socket() as line:
        task = asyncio.create_task(run_ingest(settings))
        try:
            async with asyncio.timeout(20):
                assert await asyncio.get_running_loop().sock_recv(line, 100) == b"READY=1"
            yield task
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


@contextlib.contextmanager
def _notify_socket() -> Iterator[socket.socket]:
    """What systemd listens on."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as line, pytest.MonkeyPatch.context() as patch:
        name = f"linewright-test-{uuid4()}"
        line.bind(f"\0{name}")
        line.setblocking(False)
        patch.setenv("NOTIFY_SOCKET", f"@{name}")
        yield line
