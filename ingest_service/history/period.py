"""A period of some series, as fine as asked and as coarse as possible.

    long:  rollups (minute, hour, day) ──► steps ──► points, bad stretches
    short: samples ──► points, or the samples themselves; bad stretches
    texts  ──► changes, bad stretches

At the ends of a period that is read from rollups, the minute, hour or day that the period cuts is shown whole.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime

import numpy as np

from database.pool import Connection
from ingest_service.history.question import Question, queries, rows_by_series
from ingest_service.history.records import History, SeriesHistory
from ingest_service.history.resolution import rollup_s, step_s, whole
from ingest_service.history.steps import SAMPLES_MOST, Steps, shown
from ingest_service.history.stretches import bad_intervals
from ingest_service.history.texts import Texts, read_texts


async def history(
    connection: Connection, series_ids: Sequence[int], since: datetime, until: datetime, points: int = 400
) -> History:
    """At most `points` (≥ 2) points for each series; every sample itself where no series has more than that."""
    asked = Question(tuple(series_ids), since, until, points, step_s(since, until, points))
    numbers = await _from_rollups(connection, asked) or await _from_samples(connection, asked)
    texts = await read_texts(connection, asked)
    series = {key: _with(texts[key], one) if key in texts else one for key, one in numbers.series.items()}
    return History(numbers.resolution_s, series)


def _with(texts: Texts, numbers: SeriesHistory) -> SeriesHistory:
    """A series has either numbers or texts."""
    return replace(numbers, texts=texts.changes, bad=(*numbers.bad, *texts.bad))


async def _from_rollups(connection: Connection, asked: Question) -> History | None:
    """None: too short a period for rollups, or so few samples in it that each can be shown."""
    rollup = rollup_s(asked.step_s)
    if rollup is None:
        return None
    since, until = whole(asked.since, asked.until, rollup)
    values = asked.values(since=since, until=until, rollup_s=rollup)
    found = await rows_by_series(connection, queries.steps, values)
    steps = {key: Steps.of(found.get(key, ()), asked.step_s) for key in asked.series}
    if all(one.n.sum() <= asked.points for one in steps.values()) and _are_few(steps.values()):
        return None
    return History(float(asked.step_s), await shown(connection, asked, steps))


def _are_few(steps: Iterable[Steps]) -> bool:
    """A tag that fails all year has no point to show, and yet millions of samples."""
    return sum(int((one.n + one.bad).sum()) for one in steps) <= SAMPLES_MOST


async def _from_samples(connection: Connection, asked: Question) -> History:
    found = await rows_by_series(connection, queries.samples, asked.values())
    longest = max((rows[0][5] for rows in found.values()), default=0)
    series = {}
    for key in asked.series:
        points = [row[:4] for row in found.get(key, ()) if row[4] is None]
        edges = [(row[0], row[4]) for row in found.get(key, ()) if row[4] is not None]
        time_ms, mean, low, high = np.array(points, np.float64).reshape(-1, 4).T
        series[key] = SeriesHistory(time_ms, mean, low, high, bad_intervals(edges, asked.end_ms))
    return History(0.0 if longest <= asked.points else float(asked.step_s), series)
