"""Samples of many series as columns, and the ways through them that a detector needs."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

NEVER = np.iinfo(np.int64).min

Int64s = NDArray[np.int64]
Float64s = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Block:
    """Samples sorted by series and time, one sample a series and time, all values finite."""

    series: Int64s
    time_ns: Int64s
    value: Float64s

    @classmethod
    def of(cls, series: NDArray[Any], time_ns: NDArray[Any], value: NDArray[Any]) -> Self:
        """Sort; drop what is not finite; of several samples of one series and time keep the first."""
        finite = np.isfinite(value)
        series, time_ns, value = series[finite], time_ns[finite], value[finite]
        if len(series) < 2:
            return cls(series.astype(np.int64), time_ns.astype(np.int64), value.astype(np.float64))
        order = np.lexsort((time_ns, series))
        series, time_ns = series[order].astype(np.int64), time_ns[order].astype(np.int64)
        repeated = np.zeros(len(series), bool)
        repeated[1:] = (series[1:] == series[:-1]) & (time_ns[1:] == time_ns[:-1])
        return cls(series[~repeated], time_ns[~repeated], value[order].astype(np.float64)[~repeated])

    def __len__(self) -> int:
        return len(self.series)

    def where(self, wanted: NDArray[np.bool_]) -> "Block":
        return Block(self.series[wanted], self.time_ns[wanted], self.value[wanted])

    def rows_of(self, known: Int64s, last_ns: Int64s) -> tuple["Block", Int64s]:
        """The samples of `known` (sorted) series that are newer than `last_ns`, and the row of each in `known`."""
        if not len(known):
            return self.where(np.zeros(len(self), bool)), np.zeros(0, np.int64)
        row = np.minimum(np.searchsorted(known, self.series), len(known) - 1).astype(np.int64)
        wanted = (known[row] == self.series) & (self.time_ns > last_ns[row])
        return self.where(wanted), row[wanted]


def rounds(row: Int64s) -> Iterator[Int64s]:
    """Positions of the first sample of every row, then of every second one, and so on; `row` is sorted."""
    if not len(row):
        return
    starts = starts_of(row)
    lengths = np.diff(starts, append=len(row))
    for number in range(int(lengths.max())):
        yield starts[lengths > number] + number


def starts_of(row: Int64s) -> Int64s:
    """Position of the first sample of every row; `row` is sorted. Spelled out: it is on the way of every event."""
    first = np.ones(len(row), bool)
    np.not_equal(row[1:], row[:-1], out=first[1:])
    return first.nonzero()[0]
