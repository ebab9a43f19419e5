"""Samples become packs: cut by series and hour, encoded, with their rollups beside them. Pure.

    Samples (sorted) ──cut──► spans of one series and hour ──encode──► Pack ──pack_format──► COPY

Sums, least and greatest values are found for all packs at once; only the encoding looks at each pack by itself.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ingest_service.storage.encoding import Times, Values, encode_times, encode_values
from ingest_service.storage.samples import Samples

HOUR_US = 3_600_000_000
MINUTE_US = 60_000_000
SAMPLES_MOST = 8192
# A pack with fewer samples a minute is read as quickly without rollups of its minutes, and they would outweigh it.
_DENSE = 12
_DENSE_LEAST = 720

Starts = NDArray[np.intp]


class Rollups(NamedTuple):
    """Element i of every column belongs to part i; where `n` is 0 the values mean nothing."""

    n: NDArray[np.int64]
    bad: NDArray[np.int64]
    total: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    last: NDArray[np.float64]
    last_us: NDArray[np.int64]

    def at(self, i: int) -> "Rollup":
        return Rollup(*(column[i].item() for column in self))


class Rollup(NamedTuple):
    """The same of one part."""

    n: int
    bad: int
    total: float
    low: float
    high: float
    last: float
    last_us: int


class Minutes(NamedTuple):
    """The minutes of an hour that have samples; `rollups.last_us` counts from the minute's begin."""

    minute: NDArray[np.int64]
    rollups: Rollups


class Pack(NamedTuple):
    """A row of telemetry.pack."""

    series: int
    t0_us: int
    t1_us: int
    rollup: Rollup
    times: Times
    values: Values
    present: NDArray[np.bool_]
    quality: NDArray[np.int16] | None
    minutes: Minutes | None


def pack(samples: Samples) -> Iterator[Pack]:
    """Packs of samples in order."""
    if not len(samples.series):
        return
    starts = _cut(samples)
    rollups = roll_up(samples, starts)
    ends = np.append(starts[1:], len(samples.series))
    for i, (start, end) in enumerate(zip(starts.tolist(), ends.tolist(), strict=True)):
        yield from _pack(samples.at(slice(start, end)), rollups.at(i))


def roll_up(samples: Samples, starts: Starts) -> Rollups:
    """Rollups of the parts that begin at `starts`; each holds at least one sample."""
    present = samples.present
    place = np.where(present, np.arange(len(present)), -1)
    last_at = np.maximum.reduceat(place, starts)
    n = np.add.reduceat(present, starts, dtype=np.int64)
    return Rollups(
        n,
        np.diff(np.append(starts, len(present))) - n,
        np.add.reduceat(np.where(present, samples.value, 0.0), starts),
        np.minimum.reduceat(np.where(present, samples.value, np.inf), starts),
        np.maximum.reduceat(np.where(present, samples.value, -np.inf), starts),
        samples.value[last_at],
        samples.time_us[last_at],
    )


def _cut(samples: Samples) -> Starts:
    """Where series or hour change, and where a pack would hold too much."""
    hour = samples.time_us // HOUR_US
    changes = (samples.series[1:] != samples.series[:-1]) | (hour[1:] != hour[:-1])
    starts = np.concatenate([[0], np.flatnonzero(changes) + 1])
    lengths = np.diff(np.append(starts, len(hour)))
    if lengths.max() <= SAMPLES_MOST:
        return starts
    return np.concatenate([np.arange(s, s + n, SAMPLES_MOST) for s, n in zip(starts, lengths, strict=True)])


def _pack(samples: Samples, rollup: Rollup) -> Iterator[Pack]:
    times = encode_times(samples.time_us)
    if times is None:  # a burst and a straggler far behind: apart, both are even enough
        middle = int(np.argmax(np.diff(samples.time_us))) + 1
        for part in (samples.at(slice(None, middle)), samples.at(slice(middle, None))):
            yield from _pack(part, roll_up(part, np.zeros(1, np.intp)).at(0))
        return
    yield Pack(
        int(samples.series[0]),
        int(samples.time_us[0]),
        int(samples.time_us[-1]),
        rollup,
        times,
        encode_values(samples.value, samples.present),
        samples.present,
        samples.quality if samples.quality.any() else None,
        _minutes(samples),
    )


def _minutes(samples: Samples) -> Minutes | None:
    n = len(samples.time_us)
    if n < _DENSE_LEAST:
        return None
    minute = samples.time_us // MINUTE_US
    starts = np.concatenate([[0], np.flatnonzero(np.diff(minute)) + 1])
    if n < _DENSE * len(starts):
        return None
    rollups = roll_up(samples, starts)
    begins = minute[starts]
    return Minutes(begins % 60, rollups._replace(last_us=rollups.last_us - begins * MINUTE_US))
