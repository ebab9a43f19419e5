"""Small packs of an hour that is over become one for each series. Each step is one transaction, and may be the last.

    telemetry.unmerged: hour, merged_up_to ──next series──► packs ──take──► samples ──pack──► one pack ──► merged_up_to

Late data put their hour on the list again.
"""

from collections.abc import Sequence
from typing import NamedTuple

from database.pool import Connection
from database.queries import load_queries
from ingest_service.storage.packing import Packed, add_packs

queries = load_queries(__file__)

_SERIES = 1000
_SMALL = 2048  # packs of more samples gain nothing by being merged
_SAMPLES_MOST = 500_000


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
    merged = Packed()
    if chosen:
        async with connection.cursor(binary=True) as cursor:
            await cursor.execute(queries.take_packs, {"hour": begin, "series": chosen})
            merged = await add_packs(connection, await cursor.fetchone())
    await connection.execute(queries.merged_up_to, {"hour": begin, "series": up_to})
    return Step(merged, is_last=False)


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
