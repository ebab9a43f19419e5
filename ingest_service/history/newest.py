"""What is known now: the newest sample of each series."""

from collections.abc import Sequence
from datetime import timedelta

from database.pool import Connection
from ingest_service.history.question import queries
from ingest_service.history.records import Latest

# A living series is found in the last seconds, which are few pages; only for the others does one look further.
_NEAR = (timedelta(seconds=20), timedelta(minutes=5))


async def latest(
    connection: Connection, series_ids: Sequence[int], within: timedelta = timedelta(days=1)
) -> dict[int, Latest]:
    """The newest sample of each series that has one within the last `within`."""
    newest = await _newest(connection, queries.newest_texts, list(series_ids), within)
    for period in [*(near for near in _NEAR if near < within), within]:
        missing = [series_id for series_id in series_ids if series_id not in newest]
        if missing:
            newest |= await _newest(connection, queries.newest_samples, missing, period)
    return newest


async def _newest(connection: Connection, query: str, series_ids: list[int], within: timedelta) -> dict[int, Latest]:
    cursor = await connection.execute(query, {"series": series_ids, "within": within})
    return {series_id: Latest(series_id, *rest) for series_id, *rest in await cursor.fetchall()}
