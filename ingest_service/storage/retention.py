"""What is older than it shall be kept goes, some rows at a time; samples may go before their rollups."""

from collections.abc import Iterator

from database.pool import Connection
from database.queries import load_queries
from ingest_service.storage.settings import RetentionSettings

queries = load_queries(__file__)

_ROWS = 5000


async def forget_some(connection: Connection, kept: RetentionSettings) -> dict[str, int]:
    """One step for everything that has a limit; how many rows went, {} when there is nothing left to do."""
    gone = {}
    for what, query, days in _limits(kept):
        cursor = await connection.execute(query, {"days": days, "most": _ROWS})
        if cursor.rowcount:
            gone[what] = cursor.rowcount
    return gone


def _limits(kept: RetentionSettings) -> Iterator[tuple[str, str, int]]:
    if kept.rollups_days:
        yield "rollups", queries.forget_rollups, kept.rollups_days
    if kept.samples_days:
        yield "samples", queries.forget_samples, kept.samples_days
    if kept.texts_days:
        yield "texts", queries.forget_texts, kept.texts_days
