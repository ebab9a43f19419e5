"""Telemetry read back: how a period looked, and what is known now. The way of screens and detectors.

    history(connection, series, since, until, points) ──► mean, least, greatest of each step; bad stretches; texts
    latest(connection, series, within)                ──► newest value of each series

    period ──► step ──► whole minutes, hours or days in it? ──no──► samples
                                     └─yes─► rollups ──► so few samples that each fits on the screen? ──yes──► samples

Inside the caller's tenant transaction: a series that the tenant may not see is as if it had no samples. A spike is
never averaged away, because least and greatest value travel with the mean; a bad stretch is an interval with its
reason, never a line drawn through it.
"""

from ingest_service.history.newest import latest
from ingest_service.history.period import history
from ingest_service.history.records import BadInterval, History, Latest, PartlyBad, SeriesHistory, TextChange
from ingest_service.history.resolution import step_s

__all__ = [
    "BadInterval",
    "History",
    "Latest",
    "PartlyBad",
    "SeriesHistory",
    "TextChange",
    "history",
    "latest",
    "step_s",
]
