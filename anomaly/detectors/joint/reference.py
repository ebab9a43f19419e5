"""What each tag is held against: a level that follows slowly and at a limited speed, and the spread about it. Pure.

    residual = (value - level) / spread        level += rate x pace x spread x residual, clipped to ±1

The memory is a quarter of the learning block: how a tag behaves over longer times has not been seen. A tag that did
not move while learning says nothing. Source: Huber (1964) for the clipped pull.
"""

import numpy as np

from anomaly.detectors.state import Arrays
from anomaly.rows import Float64s

MEMORY_SHARE = 0.25
RESIDUAL_MOST = 20.0
_LEARN_MOST = 6.0
_HEAD_SHARE = 0.1  # of the learning block, to find the first level
_SPREAD_SHARE = 0.02  # of the scale: a tag that is still in one mode has the resolution of its range
_FADE = 0.9  # a missing tag is taken to be as far off as before, fading
_MAD_TO_SIGMA = 1.4826
_Q01_TO_Q99 = 4.653


class Reference:
    """Levels and spreads of k tags."""

    def __init__(self, tags: int) -> None:
        self.rate = np.zeros(1)
        self.level, self.spread = np.zeros(tags), np.zeros(tags)
        self.sharpness = np.zeros(tags)  # 1 / spread, 0 where the tag did not move
        self.residual = np.zeros(tags)

    def learn(self, values: Float64s, scale: Float64s) -> Float64s:
        """Learn from [n, k]; the residuals [m, k] of all rows but the head, as they would have been streamed.

        scale: [k], how far each tag moves in all that is known of it, 0 where it never did.
        """
        n = len(values)
        head = max(1, int(_HEAD_SHARE * n))
        self.rate = np.array([1 / max(MEMORY_SHARE * n, 10.0)])
        level = _median(values[: max(head, 10)])
        level = np.where(np.isnan(level), _median(values), level)
        path = np.empty_like(values)
        for row in range(n):
            off = np.nan_to_num(values[row] - level)
            path[row] = off
            level = level + self.rate * off
        path = path[head:]
        deviation = np.sqrt((path**2).mean(axis=0))
        self.spread = np.where(scale > 0, np.maximum(deviation, _SPREAD_SHARE * scale), 0.0)
        self.sharpness = np.where(scale > 0, 1 / np.where(scale > 0, self.spread, 1.0), 0.0)
        self.level = np.nan_to_num(level)
        residuals: Float64s = np.clip(path * self.sharpness, -_LEARN_MOST, _LEARN_MOST)
        self.residual = residuals[-1].copy()
        return residuals

    def look(self, values: Float64s) -> Float64s:
        """The residuals [k] of a row."""
        off = (values - self.level) * self.sharpness
        off = np.where(off == off, off, _FADE * self.residual)  # noqa: PLR0124  (NaN: not measured)
        self.residual = np.minimum(np.maximum(off, -RESIDUAL_MOST), RESIDUAL_MOST)
        return self.residual

    def follow(self, pace: Float64s) -> None:
        """Let the levels follow the row that was looked at, each at its share `pace` [k] of the ordinary speed."""
        pull = np.minimum(np.maximum(self.residual, -1.0), 1.0) * self.spread
        self.level = self.level + self.rate * pace * pull

    def arrays(self) -> Arrays:
        return {
            "rate": self.rate,
            "level": self.level,
            "spread": self.spread,
            "sharpness": self.sharpness,
            "residual": self.residual,
        }


def _median(values: Float64s) -> Float64s:
    """Per column, NaN where nothing was measured."""
    empty = np.isnan(values).all(axis=0)
    result: Float64s = np.where(empty, np.nan, np.nanmedian(np.where(empty, 0.0, values), axis=0))
    return result


def scale_of(values: Float64s) -> Float64s:
    """A robust spread per column; 0 where the column never moved."""
    empty = np.isnan(values).all(axis=0)
    filled = np.where(empty, 0.0, values)
    centre = np.nanmedian(filled, axis=0)
    mad = _MAD_TO_SIGMA * np.nanmedian(np.abs(filled - centre), axis=0)
    low, high = np.nanpercentile(filled, (1, 99), axis=0)
    robust = np.maximum(mad, (high - low) / _Q01_TO_Q99)
    constant = np.nanmax(filled, axis=0) == np.nanmin(filled, axis=0)
    result: Float64s = np.where(constant, 0.0, np.where(robust > 0, robust, np.nanstd(filled, axis=0)))
    return result
