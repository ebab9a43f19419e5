"""When does a rare row become an alarm, and when is it over: for single tags, which spike, leap and burst. numpy only.

    rarity ≥ the budget of false events ──► alarm at once       48 rows below it ──► off       in between: as it was

A rarity is already one of events, and persistence is in the smoothed statistics it comes from, so there is no delay.
The limit is three expected events in two weeks (in 2,000 rows, where a week has fewer than 1,000), and the longer the
past the more it asks: what was as large twice in all that is remembered is no news. A condition that lasts for weeks,
as a drift does, is told once: its alarm goes off by itself and comes again only after it was gone.
Source of the merging: ISA-18.2-2016 §10.5 (off-delay against chattering).
"""

import math

import numpy as np
from numpy.typing import NDArray

from anomaly.detectors.block import Float64s

OFF_ROWS = 48.0  # twice what parts two events in a tail: what comes back sooner is the same alarm
EVENTS_A_WEEK = 1.5
EVENTS_A_PAST = 2.0
WEEK_ROWS_LEAST = 1000.0
_WEEK_S = 604_800.0


class Onsets:
    """The alarm state of `tags` tags; an alarm lasts at most `told_rows`."""

    FIELDS = ("active", "calm", "age")

    def __init__(self, tags: int, told_rows: float = math.inf) -> None:
        self._told_rows = told_rows
        self.active = np.zeros(tags, bool)
        self.calm, self.age = np.zeros(tags), np.zeros(tags)

    def follow(self, rarity: Float64s, least: Float64s) -> tuple[NDArray[np.bool_], Float64s]:
        """Take in the rarities [n, k] of some rows, NaN where nothing is said; `least` [k] is the limit of each tag.

        Returns:
            which tags are in alarm, and how many rows ago they were last beyond the limit, or began; both [n, k].
        """
        rare, said = rarity >= least, ~np.isnan(rarity)
        found, calm = np.empty(rarity.shape, bool), np.empty(rarity.shape)
        for row in range(len(rarity)):
            self.calm = np.where(rare[row], 0.0, self.calm + said[row])
            self.active = rare[row] | (self.active & (self.calm <= OFF_ROWS))
            self.age = np.where(self.active, self.age + said[row], 0.0)
            found[row], calm[row] = self.active & (self.age <= self._told_rows), self.calm
        return found, calm


def limit(step_s: float, seen: Float64s) -> Float64s:
    """The rarity [k] from which an event is an alarm, for rows `step_s` apart of which `seen` [k] are remembered."""
    weekly = max(_WEEK_S / step_s, WEEK_ROWS_LEAST) / EVENTS_A_WEEK
    return np.asarray(np.log10(np.maximum(weekly, seen / EVENTS_A_PAST)))
