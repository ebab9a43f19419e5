"""The rows of an export, page by page, each page in a transaction of its own."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from database.pool import Connection
from database.queries import load_queries
from ingest_service import IngestError
from ingest_service.export.planning import WINDOW_ROWS, Plan, Window
from ingest_service.export.wanted import Resolution, Source

queries = load_queries(__file__)

Transaction = Callable[[], AbstractAsyncContextManager[Connection]]

# A window holds fewer, unless it is a single step of the plan: a minute of a very fast tag.
_PAGE_ROWS = WINDOW_ROWS + WINDOW_ROWS // 4
_INSTANT = timedelta(microseconds=1)


class NoLongerThere(IngestError):
    """What was there when the export began is not: the right to see it has ended, or the time to keep it."""


@dataclass(frozen=True, slots=True)
class Page:
    """Rows of one source: (time, value, text, quality code), or of steps (time, n, bad, mean, low, high, last)."""

    source: Source
    rows: list[tuple[Any, ...]]


async def pages(plan: Plan, transaction: Transaction) -> AsyncIterator[Page]:
    """All rows of a plan in its order.

    Raises:
        NoLongerThere: a window that held rows holds none.
    """
    for window in plan.windows:
        since: datetime | None = window.since
        while since is not None:
            rows = await _read(transaction, plan, window._replace(since=since))
            if rows:
                yield Page(window.source, rows)
            elif since == window.since and window.sure:
                raise NoLongerThere(f"{window.source.machine} {window.source.tag}: {window.rows} samples were there")
            since = rows[-1][0] + _INSTANT if len(rows) >= _PAGE_ROWS else None


async def _read(transaction: Transaction, plan: Plan, window: Window) -> list[tuple[Any, ...]]:
    asked = {
        "series": [window.source.series_id], "since": window.since, "until": window.until,
        "most": _PAGE_ROWS, "step_s": plan.wanted.resolution.step_s,
    }  # fmt: skip
    async with transaction() as connection, connection.cursor(binary=True) as cursor:
        await cursor.execute(_query(plan.wanted.resolution, window.source), asked)
        return await cursor.fetchall()


def _query(resolution: Resolution, source: Source) -> str:
    if resolution is not Resolution.RAW:
        return queries.steps
    return queries.texts if source.kind == "text" else queries.samples
