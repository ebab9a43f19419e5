"""How rare is a value of this size? Each statistic's own tail, learned as it comes, for all tags at once. numpy only.

    statistic ──log axis──► counts of rows ──► the edge nearest to the 95 % quantile: here the tail begins
                 └─ beyond it: one event until 24 rows below it ──► counts of the peaks of events
    peaks ──Pareto tail──► surprise = -log10 P(a row like this)      rarity = -log10 (events as large, a row)

A disturbance that lasts an hour is one event, however many rows it has: were its rows counted, one fault would make all
that follow look ordinary. Sources: Coles, "An Introduction to Statistical Modeling of Extreme Values" (2001), ch. 4-5:
peaks over a threshold, declustering by runs; Siffer et al., "Anomaly Detection in Streams with Extreme Value Theory",
KDD 2017: the same on a stream.
"""

import numpy as np
from numpy.typing import NDArray

from anomaly.baseline.counts import BINS, EDGES, Float32s, above, bin_of, place
from anomaly.baseline.pareto import pareto_drop
from anomaly.detectors.block import Float64s
from anomaly.rows import SURPRISE_MOST

READY_ROWS = 100.0  # rows seen before a tail says anything
APART_ROWS = 24.0  # rows below the threshold after which an event is over
_BEYOND = 0.05
_EVENT_ROWS_MOST = 100.0  # what lasts longer is more than one event: a new habit is learned, not waited for
_MEMORY_ROWS = 50_000.0


class Tail:
    """Tails of statistics of any shape [...]; the larger a statistic the rarer it is."""

    FIELDS = ("rows", "peaks", "log10", "seen", "start", "length", "peak", "calm", "lasted")

    def __init__(self, shape: tuple[int, ...]) -> None:
        self.rows: Float32s = np.zeros((*shape, BINS), np.float32)
        self.peaks: Float32s = np.zeros((*shape, BINS), np.float32)
        self.log10: Float32s = np.zeros((*shape, BINS + 1), np.float32)
        self.seen, self.length = np.zeros(shape), np.zeros(shape)
        self.start = np.full(shape, BINS)
        self.peak, self.calm, self.lasted = np.zeros(shape), np.zeros(shape), np.zeros(shape)
        self._index = tuple(np.indices(shape))

    @property
    def ready(self) -> NDArray[np.bool_]:
        return self.seen >= READY_ROWS

    def judge(self, statistic: Float64s) -> tuple[Float64s, Float64s]:
        """Surprise and rarity [n, ...] of statistics [n, ...] by the tails as they stand; NaN stays NaN."""
        missing = np.isnan(statistic)
        at = place(np.where(missing, 0.0, statistic))
        below = bin_of(at)
        low = self.log10[(*self._index, below)]
        high = np.where(below < self.start, low, self.log10[(*self._index, below + 1)])
        surprise = np.minimum(-(low + (high - low) * (at - below)), SURPRISE_MOST)
        surprise[missing] = np.nan
        return surprise, np.minimum(surprise + self.length, SURPRISE_MOST)

    def learn(self, statistic: Float64s) -> None:
        """Count a block of statistics [n, ...], NaN for what does not count."""
        valid = ~np.isnan(statistic)
        filled = np.where(valid, statistic, 0.0)
        index = tuple(np.broadcast_to(one, statistic.shape) for one in self._index)
        np.add.at(self.rows, (*index, bin_of(place(filled))), valid.astype(np.float32))
        self.seen += valid.sum(0)
        beyond = valid & (filled > EDGES[self.start])
        for one, row, counts in zip(filled, beyond, valid, strict=True):
            self._follow_event(one, row, counts)

    def _follow_event(self, statistic: Float64s, beyond: NDArray[np.bool_], valid: NDArray[np.bool_]) -> None:
        self.calm = np.where(beyond, 0.0, self.calm + valid)
        self.peak = np.where(beyond, np.maximum(self.peak, statistic), self.peak)
        self.lasted += valid & (self.peak > 0.0)
        over = np.nonzero((self.peak > 0.0) & ((self.calm >= APART_ROWS) | (self.lasted >= _EVENT_ROWS_MOST)))
        if len(over[0]):
            self.peaks[(*over, bin_of(place(self.peak[over])))] += 1.0
            self.peak[over], self.lasted[over] = 0.0, 0.0

    def refresh(self) -> None:
        """Make the tails anew from the counts, and forget half of those that are full."""
        full = self.seen > _MEMORY_ROWS
        for counts in (self.rows, self.peaks, self.seen):
            counts[full] *= 0.5
        seen = np.maximum(self.seen, 1.0).astype(np.float32)[..., None]
        rows_above = above(self.rows)
        share = rows_above / seen
        start = _nearest(share)[..., None]
        self.start = start[..., 0]
        events, drop = pareto_drop(self.peaks, EDGES[start])
        share = np.log10(np.maximum(share, 0.25 / seen))
        begins = np.take_along_axis(share, start, -1)
        self.log10 = np.where(np.arange(BINS + 1) >= start, begins - drop, share)
        self.log10[~self.ready] = 0.0
        length = np.clip(begins - np.log10((events + 0.5) / seen), 0.0, np.log10(_EVENT_ROWS_MOST))[..., 0]
        self.length = np.where(self.ready, length.astype(np.float64), 0.0)


def _nearest(share: Float32s) -> NDArray[np.int64]:
    """The edge above which the share of rows, falling along the last axis, is nearest to 5 %, but not none."""
    after = np.argmax(share <= _BEYOND, axis=-1)
    before = np.maximum(after - 1, 0)
    fewer = np.take_along_axis(share, after[..., None], -1)[..., 0]
    more = np.take_along_axis(share, before[..., None], -1)[..., 0]
    return np.asarray(np.where((fewer > 0.0) & (fewer * more >= _BEYOND**2), after, before))
