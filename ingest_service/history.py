"""Telemetry read back: how a period looked, and what is known now. The way of screens and detectors.

    history(connection, series, since, until, points) ──► mean, least and greatest value of each step; bad intervals
    latest(connection, series, within)                ──► newest value of each series

Inside the caller's tenant transaction: a series that the tenant may not see is as if it had no samples. A spike is
never averaged away, because least and greatest value travel with the mean; a bad stretch is an interval with its
reason, never a line drawn through it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from database.pool import Connection
from database.queries import load_queries
from protocols.sample import Quality, reason_of

queries = load_queries(__file__)

# Steps that people read off an axis; beyond, whole days.
_STEPS_S = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400)
_DAY_S = 86400
# A living series is found in the last seconds, which are few pages; only for the others does one look further.
_NEAR = (timedelta(seconds=20), timedelta(minutes=5), timedelta(hours=1))


class BadInterval(NamedTuple):
    """Nothing usable was measured in [from_ms, to_ms)."""

    from_ms: float
    to_ms: float
    reason: str


@dataclass(frozen=True, slots=True)
class SeriesHistory:
    """Points of one series in the order of time; `bad` tells where there are none, and why."""

    time_ms: NDArray[np.float64]
    mean: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    bad: tuple[BadInterval, ...]


@dataclass(frozen=True, slots=True)
class History:
    """What a period looked like; `resolution_s` 0 means that every point is a single sample."""

    resolution_s: float
    series: dict[int, SeriesHistory]


class Latest(NamedTuple):
    """The newest sample of a series; no value when it is BAD."""

    series_id: int
    time: datetime
    value: float | str | None
    code: int


def step_s(since: datetime, until: datetime, points: int) -> int:
    """The finest readable step that cuts the period into at most `points` buckets."""
    span_s = (until - since).total_seconds()
    for step in _STEPS_S:
        # A bucket begins at a multiple of its step, so a period may touch one more than its length holds.
        if span_s / step + 1 <= points:
            return step
    return max(1, -(-int(span_s) // (max(1, points - 1) * _DAY_S))) * _DAY_S


async def history(
    connection: Connection, series_ids: Sequence[int], since: datetime, until: datetime, points: int = 400
) -> History:
    """At most `points` (≥ 2) points for each series; every sample itself where no series has more than that."""
    step = step_s(since, until, points)
    asked = {"series": list(series_ids), "since": since, "until": until, "points": points, "step_s": step}
    async with connection.cursor(binary=True) as cursor:
        await cursor.execute(queries.history, asked)
        rows = await cursor.fetchall()
    found: dict[int, _Rows] = {series_id: _Rows() for series_id in series_ids}
    longest = 0
    for series_id, at_ms, mean, low, high, code, counted in rows:
        if code is None:
            found[series_id].points.append((at_ms, mean, low, high))
            longest = counted
        else:
            found[series_id].edges.append((at_ms, code))
    end_ms = until.timestamp() * 1000
    return History(
        0.0 if longest <= points else float(step),
        {series_id: _series(part, end_ms) for series_id, part in found.items()},
    )


@dataclass(slots=True)
class _Rows:
    points: list[tuple[float, float, float, float]] = field(default_factory=list)
    edges: list[tuple[float, int]] = field(default_factory=list)


def _series(rows: _Rows, end_ms: float) -> SeriesHistory:
    table: NDArray[Any] = np.array(rows.points, np.float64).reshape(-1, 4)
    return SeriesHistory(table[:, 0], table[:, 1], table[:, 2], table[:, 3], tuple(_intervals(rows.edges, end_ms)))


def _intervals(edges: list[tuple[float, int]], end_ms: float) -> list[BadInterval]:
    """Each edge ends what was bad before it, and begins another stretch unless it is the return of good values."""
    ends = [*(at_ms for at_ms, _ in edges), end_ms][1:]
    return [
        BadInterval(at_ms, to_ms, reason_of(code))
        for (at_ms, code), to_ms in zip(edges, ends, strict=True)
        if code >> 8 >= Quality.BAD
    ]


async def latest(
    connection: Connection, series_ids: Sequence[int], within: timedelta = timedelta(days=1)
) -> dict[int, Latest]:
    """The newest sample of each series that has one within the last `within`."""
    newest: dict[int, Latest] = {}
    for period in [*(near for near in _NEAR if near < within), within]:
        missing = [series_id for series_id in series_ids if series_id not in newest]
        if missing:
            newest |= await _latest_of(connection, missing, period)
    return newest


async def _latest_of(connection: Connection, series_ids: list[int], within: timedelta) -> dict[int, Latest]:
    cursor = await connection.execute(queries.latest_samples, {"series": series_ids, "within": within})
    newest: dict[int, Latest] = {}
    for series_id, time, value, text, code in await cursor.fetchall():
        if series_id not in newest or time > newest[series_id].time:
            newest[series_id] = Latest(series_id, time, text if value is None else value, code)
    return newest
