"""What most parts of the chaos play on: PostgreSQL, a broker and a registry with some gateways, in a folder of its own.

    open_plant ──► Plant: .broker .postgres .ingest() .check(numbers)

Every sample has a number, its value, and no two have the same; the number tells tag and time. So what is stored can be
compared with what was measured without remembering anything but the numbers.
"""

import contextlib
import os
import tempfile
import time
from collections.abc import AsyncIterator, Collection
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np
import psycopg

from database.embedded import start_database
from database.settings import DatabaseSettings
from device_registry.seed import seed
from linewright.broker import Broker
from protocols.sample import Column
from protocols.topics import GatewayAddress
from tests.faults.cloud import Postgres
from tests.ingest_service.gateway_double import ingest
from tests.ingest_service.ingest_parts import column
from tests.plant import PLANT

TAGS = 10
STEP_US = 10
_HOUR_US = 3600 * 10**6

_STORED = """
SELECT tag.slug, (extract(epoch FROM s.time) * 1000000)::bigint, s.value
FROM telemetry.samples((SELECT array_agg(series_id) FROM registry.tag), '1980-01-01', '2100-01-01') s
JOIN registry.tag USING (series_id) WHERE s.value IS NOT NULL
"""
_TENANT = "SELECT set_config('app.tenant', tenant_id::text, true) FROM registry.tenant WHERE slug = %s"


class Finding(NamedTuple):
    """What the checker counts; clean when nothing is missing, there twice, or not what was measured."""

    produced: int
    stored: int
    missing: int
    duplicated: int
    wrong: int

    @property
    def clean(self) -> bool:
        return self.produced > 0 and not (self.missing or self.duplicated or self.wrong)


class Server(Protocol):
    """A database of our own."""

    def dsn(self, role: str) -> str: ...
    def settings(self, role: str) -> DatabaseSettings: ...


def measured(numbers: Collection[int], base_us: int) -> Column:
    """Samples as a gateway reads them."""
    listed = np.fromiter(numbers, np.int64)
    return column(listed.tolist(), aliases=listed % TAGS, times_ns=(base_us + listed * STEP_US) * 1000)


@dataclass
class Plant:
    """The running parts. `base_us`: the time of the sample with number 0."""

    folder: Path
    broker: Broker
    postgres: Server
    gateways: tuple[GatewayAddress, ...]
    base_us: int = field(default_factory=lambda: time.time_ns() // 1000 - _HOUR_US)

    def ingest(self, **more) -> AbstractAsyncContextManager:
        """An ingest process, as a task."""
        return ingest(self.broker, self.postgres, **more)

    def column(self, *numbers: int) -> Column:
        return measured(numbers, self.base_us)

    def ask(self, query: str, *values) -> list[tuple]:
        """As the owner of the schema."""
        with psycopg.connect(self.postgres.dsn("owner")) as connection:
            connection.execute(_TENANT, [PLANT.slug])
            return connection.execute(query, values or None).fetchall()

    def check(self, numbers: Collection[int]) -> Finding:
        """What is stored against the samples that have to be."""
        rows = self.ask(_STORED)
        values = [int(value) for _, _, value in rows]
        wanted = set(numbers)
        wrong = sum(
            value not in wanted or tag != f"tag-{value % TAGS}" or time_us != self.base_us + value * STEP_US
            for value, (tag, time_us, _) in zip(values, rows, strict=True)
        )
        return Finding(len(wanted), len(rows), len(wanted - set(values)), len(values) - len(set(values)), wrong)


async def register(owner_dsn: str, gateways: int) -> tuple[GatewayAddress, ...]:
    """The test plant with so many gateways, in an empty registry."""
    names = tuple(f"gw-{number}" for number in range(1, gateways + 1))
    async with await psycopg.AsyncConnection.connect(owner_dsn) as connection:
        await seed(connection, replace(PLANT, gateways=names))
    return tuple(GatewayAddress(PLANT.slug, name) for name in names)


@contextlib.asynccontextmanager
async def open_plant(gateways: int = 1) -> AsyncIterator[Plant]:
    """For as long as the context is open; its server belongs to it and may be stopped."""
    with tempfile.TemporaryDirectory(prefix="lw-chaos-") as name:
        os.chmod(name, 0o755)  # noqa: PTH101
        folder = Path(name)
        with start_database(folder / "postgres") as server:
            addresses = await register(server.dsn("owner"), gateways)
        postgres = Postgres(folder / "postgres")
        postgres.start()
        try:
            async with Broker(folder / "broker") as broker:
                yield Plant(folder, broker, postgres, addresses)
        finally:
            postgres.stop()
