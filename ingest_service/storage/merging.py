"""Small packs of an hour that is over become one for each series. Each step is one transaction, and may be the last.

    telemetry.unmerged: hour, merged_up_to ──next series──► packs ──take──► samples ──pack──► one pack ──► merged_up_to

Late data put their hour on the list again.
"""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from database.pool import Connection
from database.queries import load_queries
from ingest_service.storage.packing import Packed, store_packs
from ingest_service.storage.samples import in_order
from ingest_service.storage.taken import samples_of

queries = load_queries(__file__)

_SERIES = 250
_SMALL = 2048  # packs of more samples gain nothing by being merged
_SAMPLES_MOST = 500_000


async def note_touched(connection: Connection) -> None:
    """Put on the list what writers have packed themselves."""
    await connection.execute(queries.note_touched)


class Step(NamedTuple):
    """What a step did; `is_last`: no hour is due any more."""

    merged: Packed
    is_last: bool


async def merge_some(connection: Connection, quiet_s: int) -> Step:
    """Merge the packs of some series in the oldest hour that has been quiet for so long."""
    hour = await (await connection.execute(queries.take_hour, {"quiet_s": quiet_s})).fetchone()
    if hour is None:
        return Step(Packed(), is_last=True)
    begin, after = hour
    asked = {"hour": begin, "after": after, "most": _SERIES, "small": _SMALL}
    found = await (await connection.execute(queries.split_series, asked)).fetchall()
    if not found:
        await connection.execute(queries.merged, {"hour": begin})
        return Step(Packed(), is_last=False)
    chosen, up_to = _affordable(found)
    merged = await _merge(connection, begin, chosen) if chosen else Packed()
    await connection.execute(queries.merged_up_to, {"hour": begin, "series": up_to})
    return Step(merged, is_last=False)


async def _merge(connection: Connection, hour: datetime, series: Sequence[int]) -> Packed:
    async with connection.cursor(binary=True) as cursor:
        await cursor.execute(queries.take_packs, {"hour": hour, "series": series})
        row = await cursor.fetchone()
    if row is None or row[0] is None:  # an aggregate of no rows
        return Packed()
    return await store_packs(connection, await asyncio.to_thread(lambda: in_order(samples_of(row))))


def _affordable(found: Sequence[tuple[int, int]]) -> tuple[list[int], int]:
    """The first of the series that fit into memory together, at least one; and the last series that was looked at."""
    chosen: list[int] = []
    total = 0
    for series, samples in found:
        total += samples
        if chosen and total > _SAMPLES_MOST:
            return chosen, chosen[-1]
        if samples:
            chosen.append(series)
    return chosen, found[-1][0]
