"""What a tag usually does at this time of the day or week, as far as that explains anything. numpy only.

    deviations from the level, while in one bin of the period ──at its end──► mean of the bin over the last periods
    squared error with the profile / without ──over the last periods──► used only where it saves a tenth

A bin learns when it is left, so a value is compared with what the bin was in earlier periods only: a profile that
follows noise, or a slow wave of its own, saves nothing and is not used. The period has to be seen twice.
"""

import numpy as np
from numpy.typing import NDArray

from anomaly.detectors.block import Float64s, Int64s

DAY_S = 86_400
WEEK_S = 7 * DAY_S
EXPLAINS_LEAST = 0.1
_SHARE_LEAST = 0.5  # of the second period's rows, so that gaps do not put a profile off for ever
_PERIODS_MOST = 6.0  # what a bin remembers
_PERIODS_COMPARED = 3.0
_BOUND = 6.0  # one value counts no more than so many scales


class Season:
    """The profile of one period for `tags` tags in `bins` bins."""

    FIELDS = ("mean", "seen", "error", "plain", "compared", "open_bin", "open_sum", "open_count")

    def __init__(self, tags: int, period_s: int, bins: int) -> None:
        self._period_s, self._bins = period_s, bins
        self.mean = np.zeros((tags, bins), np.float32)
        self.seen = np.zeros((tags, bins), np.float32)
        self.error, self.plain, self.compared = np.zeros(tags), np.zeros(tags), np.zeros(tags)
        self.open_bin = np.zeros(1, np.int64)
        self.open_sum, self.open_count = np.zeros(tags), np.zeros(tags)

    def used(self, step_s: float) -> NDArray[np.bool_]:
        """[k], the tags whose profile explains enough."""
        long_enough = self.compared >= max(_SHARE_LEAST * self._period_s / step_s, 1.0)
        return np.asarray(long_enough & (self.error < (1.0 - EXPLAINS_LEAST) * self.plain))

    def saving(self, step_s: float) -> Float64s:
        """[k], how much smaller deviations are with the profile than without, 1 where it is not used."""
        used = self.used(step_s)
        return np.sqrt(np.where(used, self.error, 1.0) / np.where(used, self.plain, 1.0))

    def expected(self, second: Float64s, step_s: float) -> Float64s:
        """The usual deviation [n, k] at these times, 0 where the profile is not used."""
        used = self.used(step_s)
        if not used.any():
            return np.zeros((len(second), len(used)))
        return np.where(used, self.mean[:, self._bin(second)].T, 0.0)

    def learn(self, second: Float64s, deviation: Float64s, scale: Float64s, step_s: float) -> None:
        """Take in the deviations [n, k] from the level, NaN where nothing was measured; `scale` [k], of values with
        their season, bounds them."""
        at = self._bin(second)
        bounded = np.clip(deviation, -_BOUND * scale, _BOUND * scale)
        starts = np.flatnonzero(np.r_[True, at[1:] != at[:-1]])
        for start, stop in zip(starts.tolist(), [*starts[1:].tolist(), len(at)], strict=True):
            self._enter(int(at[start]))
            self._take(bounded[start:stop], scale, self._period_s / step_s)

    def _enter(self, at: int) -> None:
        """Be in bin `at`; if that is another one, what was seen in the last is learned."""
        last = int(self.open_bin[0])
        if at == last:
            return
        some = self.open_count > 0.0
        self.seen[:, last] += some
        gain = some / np.clip(self.seen[:, last], 1.0, _PERIODS_MOST)
        self.mean[:, last] += gain * (self.open_sum / np.maximum(self.open_count, 1.0) - self.mean[:, last])
        self.open_sum, self.open_count = np.zeros_like(self.open_sum), np.zeros_like(self.open_count)
        self.open_bin[0] = at

    def _take(self, deviation: Float64s, scale: Float64s, rows: float) -> None:
        """Compare and collect rows of the open bin; `rows` are in a period."""
        valid = ~np.isnan(deviation)
        at = int(self.open_bin[0])
        self.open_sum += np.where(valid, deviation, 0.0).sum(0)
        self.open_count += valid.sum(0)
        valid &= self.seen[:, at] >= 1.0
        count = valid.sum(0)
        self.compared += count
        gain = np.minimum(count / np.clip(self.compared, 1.0, max(_PERIODS_COMPARED * rows, 1.0)), 1.0)
        narrow = np.where(
            self.error < self.plain, np.sqrt(self.error / np.where(self.plain > 0.0, self.plain, 1.0)), 1.0
        )
        error = np.clip(deviation - self.mean[:, at], -_BOUND * scale * narrow, _BOUND * scale * narrow)
        self.plain += gain * (_mean_square(deviation, valid) - self.plain)
        self.error += gain * (_mean_square(error, valid) - self.error)

    def _bin(self, second: Float64s) -> Int64s:
        return (second % self._period_s * self._bins // self._period_s).astype(np.int64)


def _mean_square(value: Float64s, valid: NDArray[np.bool_]) -> Float64s:
    """[k], of the valid rows [n, k]."""
    return np.asarray(np.where(valid, value * value, 0.0).sum(0) / np.maximum(valid.sum(0), 1))
