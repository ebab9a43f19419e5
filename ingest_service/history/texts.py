"""Texts of a period (states, alarms of a controller, batch numbers): when they changed, and when they were not known.

first 2,000 of each series ──few enough──► every change
                           └─more────────► the last text of each step, through the index, however many there are
"""

from collections.abc import Sequence
from typing import NamedTuple

from database.pool import Connection
from ingest_service.history.question import Question, queries, rows_by_series
from ingest_service.history.records import BadInterval, TextChange
from ingest_service.history.resolution import whole
from ingest_service.history.stretches import bad_intervals
from protocols.sample import Quality

_EXACT_MOST = 2000


class Texts(NamedTuple):
    """One series of texts."""

    changes: tuple[TextChange, ...] = ()
    bad: tuple[BadInterval, ...] = ()


async def read_texts(connection: Connection, asked: Question) -> dict[int, Texts]:
    """The texts of those among the asked series that have any; two changes within one step may be one."""
    found = await rows_by_series(connection, queries.first_texts, asked.values(most=_EXACT_MOST + 1))
    too_many = [series_id for series_id, rows in found.items() if len(rows) > _EXACT_MOST]
    if too_many:
        since, until = whole(asked.since, asked.until, asked.step_s)
        values = asked.values(series=too_many, since=since, until=until)
        found |= await rows_by_series(connection, queries.text_steps, values)
    return {series_id: _texts(rows, asked.end_ms) for series_id, rows in found.items()}


def _texts(rows: Sequence[tuple[float, str | None, int]], end_ms: float) -> Texts:
    changes: list[TextChange] = []
    for at_ms, text, code in rows:
        known = None if code >> 8 >= Quality.BAD else text
        if not changes or changes[-1].text != known:
            changes.append(TextChange(at_ms, known))
    return Texts(tuple(changes), bad_intervals([(at_ms, code) for at_ms, _, code in rows], end_ms))
