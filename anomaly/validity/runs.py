"""Steps and runs along the rows of all tags at once; a missing value neither ends a run nor lengthens it."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]


def filled_forward(value: Floats, held: Floats) -> Floats:
    """[n + 1, k]: `held` [k], then `value` [n, k] with the last known value where one is missing."""
    whole = np.vstack([held, value])
    last = np.maximum.accumulate(np.where(np.isnan(whole), 0, np.arange(len(whole))[:, None]), axis=0)
    return np.take_along_axis(whole, last, axis=0)


def steps_of(filled: Floats) -> Floats:
    """[n, k] from [n + 1, k]; 0 where the tag has never been seen before."""
    return np.nan_to_num(np.diff(filled, axis=0), nan=0.0)


def run_lengths(goes_on: Bools, ends: Bools, start: Ints) -> Ints:
    """[n, k]: rows on which it has gone on since the last end; rows that are neither leave it as it is."""
    count = np.cumsum(goes_on, axis=0, dtype=np.int64) + start
    return count - np.maximum.accumulate(np.where(ends, count, 0), axis=0)


def window_counts(flags: NDArray[np.int64], rows: int) -> Ints:
    """[n - rows + 1, …]: how many of the last `rows` flags are set; integers, so that chunks change nothing."""
    count = np.cumsum(flags, axis=0, dtype=np.int64)
    total = count[rows - 1 :].copy()
    total[1:] -= count[:-rows]
    return total


def of_the_others(flags: Bools) -> Ints:
    """[n, k]: in how many of the other tags the flag is set."""
    count: Ints = flags.sum(axis=1, keepdims=True, dtype=np.int64) - flags
    return count
