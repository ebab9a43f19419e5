"""The check of a repair with what is stored: windows of the case's tags ──► effect.

Inside the caller's transaction, whose tenant is already set.
"""

from datetime import datetime

import numpy as np

from anomaly.loop import effect
from anomaly.loop.effect import BLOCKS, Effect, Float64s, Window
from anomaly.records import Alarm
from database.pool import Connection
from database.queries import load_queries
from ingest_service.history import history

queries = load_queries(__file__)

_POINTS = BLOCKS * 10


async def check(conn: Connection, alarm: Alarm, begun: datetime, done: datetime, now: datetime) -> Effect:
    """Whether the repair of [begun, done] brought the tags of `alarm` back to what is ordinary."""
    wanted = effect.windows(alarm.onset_at, begun, done, now)
    share = {part["tag"]: part["share"] for part in alarm.contributions}
    values = {"machine_id": alarm.machine_id, "slugs": list(share)}
    series = dict(await (await conn.execute(queries.series_of_tags, values)).fetchall())
    share = {tag: part for tag, part in share.items() if tag in series}
    ordinary = await _blocks(conn, series, wanted.ordinary)
    before = effect.distance(ordinary, await _blocks(conn, series, wanted.before), share)
    after = effect.distance(ordinary, await _blocks(conn, series, wanted.after), share)
    return effect.compare(before, after, wanted.after.lasts)


async def _blocks(conn: Connection, series: dict[str, int], window: Window) -> dict[str, Float64s]:
    if not series or not window.lasts:
        return {tag: np.full(BLOCKS, np.nan) for tag in series}
    found = await history(conn, list(series.values()), window.since, window.until, _POINTS)
    span = window.since.timestamp(), window.until.timestamp()
    return {
        tag: effect.blocks(found.series[one].time_ms / 1000, found.series[one].mean, *span)
        for tag, one in series.items()
    }
