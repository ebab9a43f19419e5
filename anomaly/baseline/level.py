"""Where a tag stands, how much it moves, and how far from there it is: slow and fast memory, all tags at once. numpy.

    value - season - level ──bounded──► smoothed over 3, 8 and 32 rows ──in scales──► burst, short, long
        size of what is left after the longest mean, over 64 rows against its usual size ──► restless
                           ──every block of rows──► level, scale, usual size

The level stands still within a block of 16 rows, so that rows are judged by what was known before them. Its memory is
1,000 rows: what stays away that long is normal. A deviation counts no more than 6 scales (20 in the longest mean, which
has to tell a day of spikes from one spike). Sources: Roberts, "Control Chart Tests Based on Geometric Moving Averages",
Technometrics 1 (1959); Huber, "Robust Estimation of a Location Parameter" (1964): bounded influence.
"""

import numpy as np
from numpy.typing import NDArray

from anomaly.detectors.block import Float64s

SPANS_ROWS = np.array([3.0, 8.0, 32.0])
STATISTICS = len(SPANS_ROWS) + 1
_GAINS = 2.0 / (SPANS_ROWS + 1.0)  # an exponential mean of this gain is as steady as a mean of so many rows
_BOUNDS = np.array([6.0, 6.0, 20.0])
_LEVEL_BOUND = 6.0
_SLOW_ROWS = 1000.0
_START_ROWS = 32.0
_STILL = 1e-9
_LEAST = 1e-150
_MAD_TO_SIGMA = 1.2533  # mean absolute deviation of a normal distribution, √(π/2)
_RESTLESS_GAIN = 2.0 / 65.0
_RESTLESS_LEAST = 1e-3
_RESTLESS_UNITS = 4.0  # a doubled spread is worth as much as four scales


class Level:
    """Slow and fast memory of `tags` tags."""

    FIELDS = ("seen", "level", "spread", "smoothed", "recent", "usual", "saving")

    def __init__(self, tags: int) -> None:
        self.seen, self.level, self.spread = np.zeros(tags), np.zeros(tags), np.zeros(tags)
        self.smoothed = np.zeros((tags, len(SPANS_ROWS)))
        self.recent, self.usual = np.zeros(tags), np.zeros(tags)
        self.saving = np.ones(tags)

    @property
    def scale(self) -> Float64s:
        """[k], size of one standard deviation without the season, never zero."""
        return self.wide * self.saving

    @property
    def now(self) -> Float64s:
        """[k], the mean of the last rows, longest span."""
        return self.level + self.smoothed[:, -1] * self.scale

    @property
    def wide(self) -> Float64s:
        """[k], size of one standard deviation with the season, never zero."""
        return np.asarray(_MAD_TO_SIGMA * self.spread + _STILL * np.abs(self.level) + _LEAST)

    def judge(self, value: Float64s) -> Float64s:
        """Statistics [n, k, 4] of rows [n, k] without their season; NaN where nothing was measured."""
        begun = np.where(self.seen > 0.0, 1.0, 0.0)
        bounded = np.clip(((value - self.level) / self.scale * begun)[..., None], -_BOUNDS, _BOUNDS)
        missing = np.isnan(value)
        found = np.empty((*value.shape, STATISTICS))
        usual = np.maximum(self.usual, _RESTLESS_LEAST)
        for row, one in enumerate(bounded):
            moved = self.smoothed + _GAINS * (one - self.smoothed)
            size = np.abs(one[:, 0] - np.clip(moved[:, -1], -_BOUNDS[0], _BOUNDS[0]))
            recent = self.recent + _RESTLESS_GAIN * (size - self.recent)
            found[row, :, :-1] = np.abs(moved)
            found[row, :, -1] = recent / usual
            if missing[row].any():
                moved = np.where(missing[row][:, None], self.smoothed, moved)
                recent = np.where(missing[row], self.recent, recent)
            self.smoothed, self.recent = moved, recent
        found[..., -1] = _RESTLESS_UNITS * np.log2(np.maximum(found[..., -1], 1.0))
        return found

    def learn(self, value: Float64s, usual: Float64s, saving: Float64s) -> None:
        """Take in a block of rows.

        Args:
            value: [n, k], without their season.
            usual: [n, k], the season that was taken off.
            saving: [k], what the season leaves of a deviation. The spread is that of the values with their season, so
                that a profile that comes into use narrows the scale at once.
        """
        self._begin(value)
        self.saving = saving
        valid = ~np.isnan(value)
        count = valid.sum(0)
        self.seen += count
        gain = np.minimum(count * np.maximum(1.0 / np.maximum(self.seen, 1.0), 1.0 / _SLOW_ROWS), 1.0)
        bound = np.where(self.seen > _START_ROWS, _LEVEL_BOUND, np.inf)
        deviation = _bounded_mean(value - self.level, bound * self.scale, valid)
        spread = _bounded_mean(np.abs(value + usual - self.level), bound * self.wide, valid)
        self.level += gain * deviation
        self.spread += gain * (spread - self.spread)
        self.usual += gain * (self.recent - self.usual)

    def _begin(self, value: Float64s) -> None:
        new = (self.seen == 0.0) & ~np.isnan(value).all(0)
        if new.any():
            self.level[new] = np.nanmedian(value[:, new], axis=0)


def _bounded_mean(value: Float64s, bound: Float64s, valid: NDArray[np.bool_]) -> Float64s:
    """[k], of the valid rows [n, k]."""
    total = np.where(valid, np.clip(value, -bound, bound), 0.0).sum(0)
    return np.asarray(total / np.maximum(valid.sum(0), 1))
