"""Whether a burst can be stored as it is. Pure.

A sample that cannot goes to the quarantine and its neighbours are stored; a burst is one thing, so all of it becomes a
dead letter, whole, and can be looked at and replayed.
"""

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np

from ingest_service.delivery import Delivery, Refusal, Refused
from ingest_service.series_map import UNKNOWN
from runtime.clock import NS_PER_S


def plausible(delivery: Delivery, earliest_ns: int, latest_ns: int) -> Delivery:
    """The same, or refused: a time that cannot be, an alias without a tag."""
    burst = delivery.burst
    if burst is None or delivery.series is None:
        return delivery
    if series_of(delivery) == UNKNOWN:
        return _refused(delivery, f"alias {burst.alias} is not in the catalog of revision {burst.header.revision}")
    if not earliest_ns <= burst.start_ns <= latest_ns:
        told = datetime.fromtimestamp(burst.start_ns // NS_PER_S, UTC)
        return _refused(delivery, f"it says it began at {told:%Y-%m-%d %H:%M:%S} UTC, which cannot be")
    return delivery


def series_of(delivery: Delivery) -> int:
    """The series that a burst belongs to."""
    assert delivery.burst
    assert delivery.series
    return int(delivery.series.find(np.array([delivery.burst.alias], np.uint32))[0])


def _refused(delivery: Delivery, why: str) -> Delivery:
    return replace(delivery, burst=None, rows=0, refusal=Refusal(Refused.UNSTORABLE, why))
