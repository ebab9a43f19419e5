"""Samples become packs: cut by series and hour, encoded, with their rollups beside them. Pure.

    Samples (sorted) ──cut──► spans of one series and hour ──encode──► Packs ──pack_format──► COPY

All packs are made at once, column by column: ten thousand small ones cost what a few large ones cost.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ingest_service.storage.encoding import TimeForm, Times, Values, encode_times, encode_values
from ingest_service.storage.parts import Parts
from ingest_service.storage.samples import Samples

HOUR_US = 3_600_000_000
MINUTE_US = 60_000_000
SAMPLES_MOST = 8192
# A pack with fewer samples a minute is read as quickly without rollups of its minutes, and they would outweigh it.
_DENSE = 12
_DENSE_LEAST = 720


class Rollups(NamedTuple):
    """Element i of every column belongs to part i; where `n` is 0 the values mean nothing."""

    n: NDArray[np.int64]
    bad: NDArray[np.int64]
    total: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    last: NDArray[np.float64]
    last_us: NDArray[np.int64]

    def at(self, where: NDArray[Any]) -> "Rollups":
        """Some of them."""
        return Rollups(
            self.n[where], self.bad[where], self.total[where], self.low[where],
            self.high[where], self.last[where], self.last_us[where],
        )  # fmt: skip


class Minutes(NamedTuple):
    """The minutes of an hour that have samples; `rollups.last_us` counts from the minute's begin."""

    minute: NDArray[np.int64]
    rollups: Rollups


@dataclass(frozen=True, slots=True)
class Packs:
    """Rows of telemetry.pack: pack i is part i of `samples`; `minutes` of those that are dense."""

    samples: Samples
    parts: Parts
    rollups: Rollups
    times: Times
    values: Values
    minutes: Mapping[int, Minutes]

    def __len__(self) -> int:
        return len(self.parts)


def pack(samples: Samples) -> Packs:
    """Packs of samples in the order of series and time."""
    parts = Parts.cut(_starts(samples), len(samples.series))
    times = encode_times(samples.time_us, parts)
    while (uneven := times.form == TimeForm.UNEVEN).any():
        parts = _cut_in_two(parts, uneven, samples.time_us)
        times = encode_times(samples.time_us, parts)
    return Packs(
        samples,
        parts,
        roll_up(samples, parts),
        times,
        encode_values(samples.value, samples.present, parts),
        _minutes(samples, parts),
    )


def roll_up(samples: Samples, parts: Parts) -> Rollups:
    """Rollups of parts."""
    present = samples.present
    last_at = parts.most(np.where(present, np.arange(len(present)), -1))
    n = parts.total_of(present, np.int64)
    return Rollups(
        n,
        parts.lengths - n,
        parts.total_of(np.where(present, samples.value, 0.0)),
        parts.least(np.where(present, samples.value, np.inf)),
        parts.most(np.where(present, samples.value, -np.inf)),
        samples.value[last_at],
        samples.time_us[last_at],
    )


def hour_starts(series: NDArray[np.int32], time_us: NDArray[np.int64]) -> NDArray[np.intp]:
    """Where series or hour change."""
    if not len(series):
        return np.empty(0, np.intp)
    hour = time_us // HOUR_US
    changes = (series[1:] != series[:-1]) | (hour[1:] != hour[:-1])
    return np.concatenate([[0], np.flatnonzero(changes) + 1])


def _starts(samples: Samples) -> NDArray[np.intp]:
    """Where packs begin: none holds too much."""
    starts = hour_starts(samples.series, samples.time_us)
    lengths = Parts.cut(starts, len(samples.series)).lengths
    if not len(lengths) or lengths.max() <= SAMPLES_MOST:
        return starts
    return np.concatenate([np.arange(s, s + n, SAMPLES_MOST) for s, n in zip(starts, lengths, strict=True)])


def _cut_in_two(parts: Parts, uneven: NDArray[np.bool_], time_us: NDArray[np.int64]) -> Parts:
    """A burst and a straggler far behind: apart, both are even enough."""
    cuts = [
        start + int(np.argmax(np.diff(time_us[start : start + length]))) + 1
        for start, length in zip(parts.starts[uneven].tolist(), parts.lengths[uneven].tolist(), strict=True)
    ]
    return Parts.cut(np.sort(np.concatenate([parts.starts, cuts])), len(time_us))


def _minutes(samples: Samples, parts: Parts) -> dict[int, Minutes]:
    found = {}
    for i in np.flatnonzero(parts.lengths >= _DENSE_LEAST).tolist():
        first, length = int(parts.starts[i]), int(parts.lengths[i])
        part = samples.at(slice(first, first + length))
        minute = part.time_us // MINUTE_US
        minutes = Parts.cut(np.concatenate([[0], np.flatnonzero(np.diff(minute)) + 1]), length)
        if length >= _DENSE * len(minutes):
            rollups, begins = roll_up(part, minutes), minute[minutes.starts]
            found[i] = Minutes(begins % 60, rollups._replace(last_us=rollups.last_us - begins * MINUTE_US))
    return found
