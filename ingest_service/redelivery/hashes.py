"""A sample as 64 bits: two with the same hash are taken for one. Pure.

With a million samples of a gateway in the window, one new sample in 10^13 is dropped for another's hash.
"""

from collections.abc import Sequence
from hashlib import blake2b
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ingest_service.copy_format import Rows, TextRow
from protocols.sample import Quality

Hashes: TypeAlias = NDArray[np.uint64]

DTYPE = np.dtype("<u8")


def hash_rows(rows: Rows) -> Hashes:
    """Of numbers; a BAD one has no value, only its reason."""
    value = rows["value"].astype("<f8").view(DTYPE)
    value[(rows["quality"] >> 8) == Quality.BAD] = 0
    mixed = _mix(rows["series"].astype(DTYPE))
    for field in (rows["time_us"].astype("<i8").view(DTYPE), value, rows["quality"].astype(DTYPE)):
        mixed = _mix(mixed ^ field)
    return mixed


def hash_texts(texts: Sequence[TextRow]) -> Hashes:
    """Of texts."""
    digests = [blake2b(repr(text[1:]).encode(), digest_size=8).digest() for text in texts]
    return np.frombuffer(b"".join(digests), DTYPE)


def _mix(value: NDArray[Any]) -> Hashes:
    """A bijection that spreads every bit over all.

    Source: Steele, Lea, Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014 (SplitMix64).
    """
    value = value + np.uint64(0x9E3779B97F4A7C15)
    value = (value ^ (value >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    value = (value ^ (value >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    spread: Hashes = value ^ (value >> np.uint64(31))
    return spread
