"""Does a tag creep away from where it has been? Page's cumulative sum over blocks of rows, all tags at once. numpy.

    mean of a block - anchor ──in scales of block means, less an allowance──► sum up, sum down ──► the larger
    told for 1,000 rows ──► both sums start at 0, the anchor is where the tag is now

The anchor is the mean of up to 20,000 rows: a drift that the level (1,000 rows) follows leaves it behind. How large a
sum is rare, the tag's tail tells, so autocorrelated noise raises no more alarms than white noise. Sources: Page,
"Continuous Inspection Schemes", Biometrika 41 (1954), restart after a signal included; Hinkley, Biometrika 58 (1971).
"""

import numpy as np
from numpy.typing import NDArray

from anomaly.detectors.block import Float64s

_ANCHOR_BLOCKS = 1250.0
_SPREAD_BLOCKS = 125.0
_ALLOWANCE = 1.0
_BOUND = 4.0
_SETTLED_BLOCKS = 6.0
_MOST = 500.0
_MAD_TO_SIGMA = 1.2533


class Drift:
    """The two sums of `tags` tags."""

    FIELDS = ("blocks", "rows", "anchor", "spread", "up", "down")

    def __init__(self, tags: int) -> None:
        self.blocks, self.rows, self.anchor = np.zeros(tags), np.zeros(tags), np.zeros(tags)
        self.spread, self.up, self.down = np.zeros(tags), np.zeros(tags), np.zeros(tags)

    @property
    def statistic(self) -> Float64s:
        """[k], the larger sum."""
        return np.maximum(self.up, self.down)

    def learn(self, value: Float64s, level: Float64s, scale: Float64s) -> None:
        """Take in a block of rows [n, k] without their season; `level`, `scale` [k] say where the tags stand now."""
        valid = ~np.isnan(value)
        count = valid.sum(0)
        mean = np.where(valid, value, 0.0).sum(0) / np.maximum(count, 1)
        begun = (self.blocks < _SETTLED_BLOCKS) & (count > 0)
        self.anchor[begun] = level[begun]
        some = (count > 0).astype(np.float64)
        self.blocks += some
        self.rows += count
        unit = np.maximum(_MAD_TO_SIGMA * self.spread, 0.1 * scale)
        away = np.clip((mean - self.anchor) / unit, -_BOUND, _BOUND) * some
        known = some * (self.blocks > _SETTLED_BLOCKS)
        self.up = np.clip(self.up + known * (away - _ALLOWANCE), 0.0, _MOST)
        self.down = np.clip(self.down - known * (away + _ALLOWANCE), 0.0, _MOST)
        fresh = 1.0 / np.maximum(self.blocks, 1.0)
        apart = np.minimum(np.abs(mean - level), _BOUND * scale)
        self.spread += some * np.maximum(fresh, 1.0 / _SPREAD_BLOCKS) * (apart - self.spread)
        self.anchor += some * np.maximum(fresh, 1.0 / _ANCHOR_BLOCKS) * away * unit

    def restart(self, tags: NDArray[np.bool_], level: Float64s) -> None:
        """Begin anew at `level` for the tags that have moved for good."""
        self.up[tags], self.down[tags], self.anchor[tags] = 0.0, 0.0, level[tags]
