"""What is asked of a period, and how it is put to the database."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from database.pool import Connection
from database.queries import load_queries

queries = load_queries(__file__)


@dataclass(frozen=True, slots=True)
class Question:
    """Which series, which period, how fine."""

    series: tuple[int, ...]
    since: datetime
    until: datetime
    points: int
    step_s: int

    @property
    def end_ms(self) -> float:
        return self.until.timestamp() * 1000

    def values(self, **more: Any) -> dict[str, Any]:
        """As parameters of a query; `more` goes before what the question says."""
        asked = {"since": self.since, "until": self.until, "points": self.points, "step_s": self.step_s}
        return {"series": list(self.series), **asked, **more}


async def rows_by_series(connection: Connection, query: str, values: dict[str, Any]) -> dict[int, list[Any]]:
    """The rows of each series (their first column) in the order in which they come, without that column."""
    found: defaultdict[int, list[Any]] = defaultdict(list)
    async with connection.cursor(binary=True) as cursor:
        await cursor.execute(query, values)
        for series_id, *row in await cursor.fetchall():
            found[series_id].append(row)
    return found
