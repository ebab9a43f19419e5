"""When a slice is closed: its age or its rows, whichever comes first; and how it is cut to fit into memory. Pure."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ingest_service.storage.settings import SliceSettings

ROW_BYTES = 60
PIECE_ROWS = 500_000
# Packs with fewer samples cost more than what they hold: with many series, a slice waits until it is worth it.
_ROWS_PER_SERIES = 64


class Arrival(NamedTuple):
    """Where arrival stands, in minutes of the database's clock, and what the partitions hold.

    Open: not closed as a whole; hot: not packed as a whole; held: packed and not yet dropped.
    """

    closed_until: int
    packed_until: int
    now_min: int
    open_bytes: int
    hot_bytes: int
    held_bytes: int

    @property
    def lag_s(self) -> int:
        return max(0, self.now_min - self.packed_until) * 60 if self.packed_until else 0


def closes_at(arrival: Arrival, bytes_at_last_close: int, series: int, limits: SliceSettings) -> int | None:
    """Up to which minute to close now; None: wait. `series` is how many there were in the slice before."""
    if arrival.now_min <= arrival.closed_until:
        return None
    age_s = (arrival.now_min - arrival.closed_until) * 60
    rows = (arrival.open_bytes - bytes_at_last_close) // ROW_BYTES
    if age_s >= limits.age_s or rows >= max(limits.rows, series * _ROWS_PER_SERIES):
        return arrival.now_min
    return None


class SeriesRange(NamedTuple):
    """Series from `low` to `high`, both included."""

    low: int
    high: int


EVERY_SERIES = SeriesRange(-(2**31), 2**31 - 1)


def divide(series: NDArray[Any], rows: NDArray[Any], most: int = PIECE_ROWS) -> list[SeriesRange]:
    """Cut series, in ascending order, into ranges of at most so many rows; a series with more stands alone."""
    ranges: list[SeriesRange] = []
    begin = 0
    before = np.concatenate([[0], np.cumsum(rows)])
    while begin < len(series):
        end = max(int(np.searchsorted(before, before[begin] + most, side="right")) - 1, begin + 1)
        ranges.append(SeriesRange(int(series[begin]), int(series[end - 1])))
        begin = end
    return ranges
