"""The cloud half on one machine, where broker and database can be stopped: broker ──► ingest ──► PostgreSQL."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Coroutine
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import psycopg

from database.embedded import EmbeddedPostgres, start_database
from database.settings import DatabaseSettings
from device_registry.seed import seed
from ingest_service.settings import IngestSettings
from ingest_service.worker import run_ingest
from linewright.broker import Broker
from tests.plant import PLANT

_GOOD_SINCE = """
SELECT EXISTS (SELECT FROM telemetry.stored WHERE time > %s AND quality = 0 AND value IS NOT NULL AND series_id =
  (SELECT series_id FROM registry.tag WHERE slug = %s))
"""


class Postgres:
    """A server of our own: the one of the test session belongs to all tests."""

    def __init__(self, folder: Path) -> None:
        self._server = EmbeddedPostgres(folder)

    def start(self) -> None:
        self._server.__enter__()

    def stop(self) -> None:
        self._server.__exit__(None, None, None)

    @property
    def pid(self) -> int:
        return self._server.pid

    def dsn(self, role: str) -> str:
        return self._server.dsn(role)

    def settings(self, role: str) -> DatabaseSettings:
        return DatabaseSettings.model_validate({"dsn": self.dsn(role)})


@dataclass
class Cloud:
    """What can be broken of it, and the question whether all is well again."""

    broker: Broker
    postgres: Postgres

    async def stored_since(self, tag: str, since_ns: int, within_s: float) -> None:
        """Wait until a good sample of this tag is stored that was measured later than that."""
        since = datetime.fromtimestamp(since_ns / 1e9, UTC)
        async with asyncio.timeout(within_s):
            while not await self._stored(tag, since):
                await asyncio.sleep(0.05)

    async def _stored(self, tag: str, since: datetime) -> bool:
        with contextlib.suppress(psycopg.OperationalError):
            async with await psycopg.AsyncConnection.connect(self.postgres.dsn("owner")) as connection:
                row = await (await connection.execute(_GOOD_SINCE, (since, tag))).fetchone()
                return bool(row and row[0])
        return False


@contextlib.asynccontextmanager
async def open_cloud(folder: Path) -> AsyncIterator[Cloud]:
    """Seeded with tests/plant.py, and running."""
    with start_database(folder / "postgres") as server:
        async with await psycopg.AsyncConnection.connect(server.dsn("owner")) as connection:
            await seed(connection, PLANT)
    postgres = Postgres(folder / "postgres")
    postgres.start()
    try:
        async with Broker(folder / "broker") as broker:
            settings = IngestSettings(broker=broker.settings, database=postgres.settings("lw_ingest"))
            async with running(run_ingest(settings)):
                yield Cloud(broker, postgres)
    finally:
        postgres.stop()


@contextlib.asynccontextmanager
async def running(service: Coroutine[None, None, None]) -> AsyncIterator[None]:
    """A service for as long as the context is open. One that ended by itself says why."""
    task = asyncio.create_task(service)
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
