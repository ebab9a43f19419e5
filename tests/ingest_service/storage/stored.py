"""A database with a few series, written to as ingest does it, packed by hand, and counted as a reader sees it."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from uuid import UUID

import numpy as np
import psycopg

from database.pool import open_pool, transaction
from database.settings import DatabaseSettings
from ingest_service.copy_format import EPOCH_2000_US, Rows, empty_rows, encode_rows
from ingest_service.storage.arrival import minute_of_arrival
from ingest_service.storage.layout import lay_out
from ingest_service.storage.merging import merge_some, note_touched
from ingest_service.storage.packing import arrival, close, copy_packs, drop_packed, pack_slice
from ingest_service.storage.samples import Samples

COPY = "COPY telemetry.sample (time, value, series_id, arrived, quality) FROM STDIN (FORMAT binary)"
HOUR_US = 3_600_000_000
BEGIN_US = 1_790_000_000_000_000 // HOUR_US * HOUR_US - EPOCH_2000_US  # an hour in 2026, as µs since 2000
SERIES = 6
_TAGS = """
WITH machine AS (INSERT INTO registry.machine (tenant_id, slug, name) VALUES (%(tenant)s, 'm', 'M') RETURNING id)
INSERT INTO registry.tag (tenant_id, machine_id, slug, name, kind, series_id) OVERRIDING SYSTEM VALUE
SELECT %(tenant)s, machine.id, 'tag-' || n, 'Tag', 'float', n FROM machine, generate_series(1, %(series)s) n
"""


@dataclass(frozen=True, slots=True)
class Place:
    """A migrated database with SERIES tags of one tenant, numbered from 1."""

    dsn: Callable[[str], str]
    tenant: UUID

    def settings(self, role: str = "lw_ingest") -> DatabaseSettings:
        return DatabaseSettings.model_validate({"dsn": self.dsn(role), "pool_size": 4})

    def ask(self, query: str, *values) -> list[tuple]:
        """As the owner."""
        with psycopg.connect(self.dsn("owner")) as connection:
            cursor = connection.execute(query, values)
            return cursor.fetchall() if cursor.description else []

    def look(self) -> psycopg.Connection:
        """A connection of the API, inside the tenant for the whole session."""
        connection = psycopg.connect(self.dsn("lw_app"))
        connection.execute("SELECT set_config('app.tenant', %s, false)", [str(self.tenant)])
        connection.commit()
        return connection

    def read(self, query: str, *values) -> list[tuple]:
        """As the API, inside the tenant."""
        with self.look() as connection:
            return connection.execute(query, values).fetchall()


def settle(dsn: Callable[[str], str]) -> Place:
    """Make the tenant and its tags."""
    with psycopg.connect(dsn("owner")) as connection:
        [tenant] = connection.execute(
            "INSERT INTO registry.tenant (slug, name) VALUES ('s', 'S') RETURNING tenant_id"
        ).fetchone()
        connection.execute(_TAGS, {"tenant": tenant, "series": SERIES})
        connection.execute("SELECT telemetry.make_partitions(600)")
    return Place(dsn, tenant)


def samples(series, time_us, value, quality=None) -> Samples:
    """Columns of a few samples; a value of None is not there, and BAD."""
    known = np.array([one is not None for one in value], bool)
    return Samples(
        np.broadcast_to(np.array(series, np.int32), known.shape),
        np.array(time_us, np.int64),
        np.array([0.0 if one is None else one for one in value], np.float64),
        known,
        np.where(known, 0, 2 << 8 | 7).astype(np.int16) if quality is None else np.array(quality, np.int16),
    )


def joined(parts: Sequence[Samples]) -> Samples:
    return Samples(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))


def rows_of(batch: Samples) -> Rows:
    rows = empty_rows(len(batch.series))
    rows["time_us"], rows["value"], rows["series"] = batch.time_us, batch.value, batch.series
    rows["quality"] = batch.quality
    return rows


async def store_as_ingest(connection, batch: Samples) -> None:
    """Write inside the transaction of `connection` what is dense as packs, and the rest as hot rows."""
    layout = lay_out(rows_of(batch.at(np.lexsort((batch.time_us, batch.series)))))
    await copy_packs(connection, layout.packs)
    await connection.execute("INSERT INTO telemetry.touched SELECT unnest(%s::timestamptz[])", [sorted(layout.hours)])
    await store_rows(connection, layout.hot)


async def store(connection, batch: Samples) -> None:
    """Write hot rows inside the transaction of `connection`, however many there are."""
    await store_rows(connection, rows_of(batch))


async def store_rows(connection, rows: Rows) -> None:
    rows["arrived"] = await minute_of_arrival(connection)
    async with connection.cursor() as cursor, cursor.copy(COPY) as copy:
        for part in encode_rows(rows):
            await copy.write(part)


async def close_now(pool, minutes: int = 10) -> None:
    """Close what has arrived so far, with the whole partition, whatever the time is."""
    async with transaction(pool) as connection:
        state = await arrival(connection)
        await close(connection, (max(state.closed_until, state.now_min) // minutes + 1) * minutes)


async def pack_all(pool) -> int:
    """Pack what is closed; how many samples."""
    total = 0
    while True:
        async with transaction(pool) as connection:
            packed = await pack_slice(connection)
        if packed is None:
            return total
        total += packed.samples


async def drop_all(pool) -> int:
    async with transaction(pool) as connection:
        return await drop_packed(connection)


async def merge_all(pool) -> int:
    """Merge all hours, as if they had been quiet for long."""
    total = 0
    async with transaction(pool) as connection:
        await note_touched(connection)
    while True:
        async with transaction(pool) as connection:
            step = await merge_some(connection, -7200)
        total += step.merged.samples
        if step.is_last:
            return total


def run(place: Place, work) -> None:
    """`work(pool)` on an event loop of its own, for threads."""

    async def main() -> None:
        async with open_pool(place.settings()) as pool:
            await work(pool)

    asyncio.run(main())
