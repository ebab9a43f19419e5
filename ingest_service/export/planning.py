"""How an export is cut into windows that are read one at a time, and how many rows it will have.

samples: rollups tell how many there are ──► windows of about WINDOW_ROWS; empty stretches are left out
steps:   so many fit into the period     ──► windows of WINDOW_ROWS steps
texts:   counted through their index     ──► one window, read page by page through that index
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import NamedTuple

from database.pool import Connection
from database.queries import load_queries
from ingest_service.export.wanted import Resolution, Source, Wanted

queries = load_queries(__file__)

WINDOW_ROWS = 20_000
_COUNTS_MOST = 1500  # steps of a series that are looked at to plan
_ROLLUPS_S = (60, 3600, 86400)

Part = tuple[datetime, datetime, int]  # since, until, rows


class Window(NamedTuple):
    """A part of the period of one source, with the rows it had when it was planned."""

    source: Source
    since: datetime
    until: datetime
    rows: int
    sure: bool  # that there are rows, because it lies wholly within the period


@dataclass(frozen=True, slots=True)
class Plan:
    """Windows in the order in which their rows leave."""

    wanted: Wanted
    windows: tuple[Window, ...]

    @property
    def rows(self) -> int:
        """So many rows at most; at the ends of the period, what its first and last step hold is counted whole."""
        return sum(window.rows for window in self.windows)


async def plan(connection: Connection, wanted: Wanted, rows_most: int) -> Plan:
    """Windows for all that is wanted. Texts are counted up to `rows_most` + 1, because counting more helps nobody."""
    if wanted.resolution is not Resolution.RAW:
        return Plan(wanted, tuple(_of_steps(wanted)))
    numbers = {source.series_id: source for source in wanted.sources if source.kind != "text"}
    texts = {source.series_id: source for source in wanted.sources if source.kind == "text"}
    windows = [
        *await _of_samples(connection, wanted, numbers),
        *await _of_texts(connection, wanted, texts, rows_most),
    ]
    places = {source.series_id: place for place, source in enumerate(wanted.sources)}
    return Plan(wanted, tuple(sorted(windows, key=lambda window: places[window.source.series_id])))


def _of_steps(wanted: Wanted) -> Iterator[Window]:
    step = timedelta(seconds=wanted.resolution.step_s)
    first, end = _whole(wanted, wanted.resolution.step_s)
    for source in wanted.sources:
        since = first
        while since < end:
            until = min(since + step * WINDOW_ROWS, end)
            yield _window(wanted, source, (since, until, (until - since) // step), sure=False)
            since = until


async def _of_samples(connection: Connection, wanted: Wanted, sources: dict[int, Source]) -> list[Window]:
    span_s = (wanted.until - wanted.since).total_seconds()
    step_s = next((step for step in _ROLLUPS_S if span_s / step <= _COUNTS_MOST), _ROLLUPS_S[-1])
    since, until = _whole(wanted, step_s)
    cursor = await connection.execute(
        queries.counts, {"series": list(sources), "since": since, "until": until, "step_s": step_s}
    )
    step = timedelta(seconds=step_s)
    return [
        _window(wanted, sources[series_id], part)
        for series_id, counts in groupby(await cursor.fetchall(), key=lambda row: row[0])
        for part in joined(((t0, n) for _, t0, n in counts), step)
    ]


def _whole(wanted: Wanted, step_s: int) -> tuple[datetime, datetime]:
    """The period widened to whole steps."""
    first, end = int(wanted.since.timestamp() // step_s), int(-(-wanted.until.timestamp() // step_s))
    return datetime.fromtimestamp(first * step_s, UTC), datetime.fromtimestamp(end * step_s, UTC)


def _window(wanted: Wanted, source: Source, part: Part, *, sure: bool = True) -> Window:
    """A part of the widened period, cut back to the wanted one."""
    since, until = max(part[0], wanted.since), min(part[1], wanted.until)
    return Window(source, since, until, part[2], sure and (since, until) == part[:2])


def joined(counts: Iterable[tuple[datetime, int]], step: timedelta) -> list[Part]:
    """Neighbouring steps together, as long as they hold at most WINDOW_ROWS."""
    parts: list[Part] = []
    for t0, n in counts:
        if parts and parts[-1][2] + n <= WINDOW_ROWS:
            parts[-1] = (parts[-1][0], t0 + step, parts[-1][2] + n)
        else:
            parts.append((t0, t0 + step, n))
    return parts


async def _of_texts(connection: Connection, wanted: Wanted, sources: dict[int, Source], rows_most: int) -> list[Window]:
    if not sources:
        return []
    asked = {"series": list(sources), "since": wanted.since, "until": wanted.until, "most": rows_most + 1}
    cursor = await connection.execute(queries.count_texts, asked)
    parts = {key: (wanted.since, wanted.until, n) for key, n in await cursor.fetchall() if n}
    return [_window(wanted, sources[key], part) for key, part in parts.items()]
