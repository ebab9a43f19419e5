"""Samples of many series as columns, as the database sends them, in the order in which they are packed. Pure.

array_send(array_agg(column)) ──from_arrays──► Samples ──in_order──► sorted by (series, time)
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

# A column arrives as one array in PostgreSQL's binary form: head, then each element behind its length. A column may
# hold no NULL, so a value that is not there is told by a bit of its quality.
HEAD_BYTES = 20
ABSENT = 1 << 16


class Samples(NamedTuple):
    """Element i of every column belongs to sample i; times are PostgreSQL's µs since 2000."""

    series: NDArray[np.int32]
    time_us: NDArray[np.int64]
    value: NDArray[np.float64]
    present: NDArray[np.bool_]
    quality: NDArray[np.int16]

    def at(self, where: Any) -> "Samples":
        """Some of them: an index array, a mask or a slice."""
        return Samples(*(column[where] for column in self))


def from_arrays(series: bytes, time: bytes, value: bytes, coded: bytes) -> Samples:
    """Four columns as the database sends them; `coded` is the quality, with the bit ABSENT."""
    code = numbers(coded, ">i4").astype(np.int32)
    return Samples(
        numbers(series, ">i4").astype(np.int32),
        numbers(time, ">i8").astype(np.int64),
        numbers(value, ">f8").astype(np.float64),
        code < ABSENT,
        (code & (ABSENT - 1)).astype(np.int16),
    )


def in_order(samples: Samples) -> Samples:
    """Sorted by series and time."""
    return samples.at(np.lexsort((samples.time_us, samples.series)))


def numbers(array: bytes, dtype: str) -> NDArray[Any]:
    """An array as the database sends it; it holds no NULL."""
    element = np.dtype([("bytes", ">i4"), ("it", dtype)])
    return np.frombuffer(array, element, offset=HEAD_BYTES)["it"]
