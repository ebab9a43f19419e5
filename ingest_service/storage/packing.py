"""Hot rows become packs: close a slice, pack it, let emptied partitions go.

    close ──► closed_until ──pack_slice──► packs and packed_until, both or neither ──drop_packed──► files gone

Each function is the work of one transaction.
"""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

import numpy as np
import psycopg

from database.pool import Connection
from database.queries import load_queries
from ingest_service import IngestError
from ingest_service.storage.layout import hours_of
from ingest_service.storage.pack_format import COLUMNS, encode_packs
from ingest_service.storage.packs import pack
from ingest_service.storage.plan import EVERY_SERIES, PIECE_ROWS, ROW_BYTES, Arrival, SeriesRange, divide
from ingest_service.storage.samples import Samples, from_arrays, in_order, numbers

queries = load_queries(__file__)

_COPY_PACKS = queries.copy_packs.format(columns=", ".join(COLUMNS))


class WritersBusy(IngestError):
    """No slice can be closed at the moment."""


class Packed(NamedTuple):
    """What was packed of how many series; `hours` are those that it was measured in."""

    samples: int = 0
    packs: int = 0
    series: int = 0
    hours: frozenset[datetime] = frozenset()

    def and_then(self, more: "Packed") -> "Packed":
        """Both, of other series."""
        return Packed(
            self.samples + more.samples, self.packs + more.packs, self.series + more.series, self.hours | more.hours
        )


async def arrival(connection: Connection) -> Arrival:
    """Where arrival stands."""
    row = await (await connection.execute(queries.state)).fetchone()
    assert row
    return Arrival(*row)


async def close(connection: Connection, until: int) -> None:
    """Make all rows that arrived before the minute `until` final; left to another packer that is at work.

    Raises:
        WritersBusy: a writer takes long; whoever comes after it must not wait for us as well.
    """
    await connection.execute(queries.patience)
    if not (await connection.execute(queries.take_packing)).rowcount:
        return
    try:
        await connection.execute(queries.lock_writers)
    except psycopg.errors.LockNotAvailable as error:
        raise WritersBusy("a transaction that writes samples takes long; the slice is closed later") from error
    await connection.execute(queries.close, {"until": until})


async def pack_slice(connection: Connection) -> Packed | None:
    """Pack the oldest closed slice, of one partition at most; None when there is none, or another packer is at it."""
    await connection.execute(queries.use_brin)
    row = await (await connection.execute(queries.take_slice)).fetchone()
    if row is None:
        return None
    packed_until, closed_until = row
    parts = await connection.execute(queries.hot_parts, {"first": packed_until, "until": closed_until})
    part = await parts.fetchone()
    done, end = Packed(), closed_until
    if part:
        first, end, size = part
        slice_ = {"first": first, "until": end}
        for series in await _pieces(connection, slice_, size):
            done = done.and_then(await _pack_piece(connection, slice_ | series._asdict()))
        await connection.execute(queries.touch, {"hours": sorted(done.hours)})
    await connection.execute(queries.packed, {"until": end})
    return done


async def _pieces(connection: Connection, slice_: dict[str, int], size: int) -> list[SeriesRange]:
    """Ranges of series whose rows fit into memory together; a slice of `size` bytes may fit as a whole."""
    if size <= PIECE_ROWS * ROW_BYTES:
        return [EVERY_SERIES]
    async with connection.cursor(binary=True) as cursor:
        await cursor.execute(queries.rows_of_series, slice_)
        row = await cursor.fetchone()
    assert row
    return [] if row[0] is None else divide(numbers(row[0], ">i4"), numbers(row[1], ">i8"))


async def _pack_piece(connection: Connection, asked: dict[str, int]) -> Packed:
    async with connection.cursor(binary=True) as cursor:
        await cursor.execute(queries.hot_samples, asked)
        columns = await cursor.fetchone()
    return await add_packs(connection, columns)


async def add_packs(connection: Connection, columns: Sequence[bytes | None] | None) -> Packed:
    """Pack samples, as columns of the database, and store the packs."""
    assert columns
    series, time, value, coded = columns
    if series is None or time is None or value is None or coded is None:  # an aggregate of no rows
        return Packed()
    samples = await asyncio.to_thread(lambda: in_order(from_arrays(series, time, value, coded)))
    return await store_packs(connection, samples)


async def store_packs(connection: Connection, samples: Samples) -> Packed:
    """Pack samples in the order of series and time, and store the packs."""
    packs = await asyncio.to_thread(pack, samples)
    await copy_packs(connection, await asyncio.to_thread(lambda: b"".join(encode_packs(packs))))
    return Packed(len(samples.series), len(packs), len(np.unique(samples.series)), hours_of(samples.time_us))


async def copy_packs(connection: Connection, stream: bytes) -> None:
    """Store packs that are encoded already."""
    async with connection.cursor() as cursor, cursor.copy(_COPY_PACKS) as copy:
        await copy.write(stream)


async def drop_packed(connection: Connection) -> int:
    """Drop partitions that nobody can need any more; how many were dropped."""
    row = await (await connection.execute(queries.drop_packed)).fetchone()
    assert row
    return int(row[0])
