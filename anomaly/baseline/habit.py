"""Tags that are no measurements: constants, switches and counters have no level to be unlike. numpy only.

values ──at most two different ones so far──► switch or constant ──┐
       ──a hundred times up for once down───────► counter ────────┴──► nothing unusual is ever said of the tag
"""

import numpy as np
from numpy.typing import NDArray

from anomaly.detectors.block import Float64s

_COUNTER_RISES = 3.0
_FALLS_A_RISE = 0.01  # a counter begins anew now and then


class Habit:
    """What `tags` tags have shown of themselves."""

    FIELDS = ("one", "other", "last", "rises", "falls", "several")

    def __init__(self, tags: int) -> None:
        self.one, self.other = np.full(tags, np.nan), np.full(tags, np.nan)
        self.last = np.full(tags, np.nan)
        self.rises, self.falls = np.zeros(tags), np.zeros(tags)
        self.several = np.zeros(tags, bool)

    @property
    def silent(self) -> NDArray[np.bool_]:
        """[k], the tags of which nothing is said."""
        counts = (self.rises >= _COUNTER_RISES) & (self.falls <= _FALLS_A_RISE * self.rises)
        return np.asarray(~self.several | counts)

    def learn(self, value: Float64s) -> None:
        """Take in a block of rows [n, k]."""
        if not self.several.all():
            for row in value:
                self._compare(row)
        steps = np.diff(np.vstack([self.last, value]), axis=0)
        self.rises += (steps > 0.0).sum(0)
        self.falls += (steps < 0.0).sum(0)
        self.last = value[-1].copy()

    def _compare(self, value: Float64s) -> None:
        valid = ~np.isnan(value)
        self.one = np.where(valid & np.isnan(self.one), value, self.one)
        new = valid & (value != self.one)
        self.other = np.where(new & np.isnan(self.other), value, self.other)
        self.several |= new & (value != self.other)
