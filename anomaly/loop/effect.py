"""Did a repair help? How far the tags were from ordinary before it and after it. Pure.

    ordinary │guard│ onset ── fault ── repair begins │ repair │settling│ after ──►
       └─ median and MAD of each tag ─► distance of every block of time ─► shift before → after, with its interval

A window is cut into blocks, each the median of its samples, so that wild values do not count; how long a disturbance
lasts is taken into account by the blocks' own autocorrelation. Sources: Hodges & Lehmann, Annals of Mathematical
Statistics 34 (1963): median of the pairwise differences as shift, and its interval from the Mann-Whitney statistic
(Hollander, Wolfe & Chicken, "Nonparametric Statistical Methods", 3rd edition, §4.3); effective number of independent
values n·(1−r)/(1+r): Bayley & Hammersley, JRSS Supplement 8 (1946).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import sqrt

import numpy as np
from numpy.typing import NDArray

Float64s = NDArray[np.float64]

BLOCKS = 48
BLOCKS_LEAST = 8
WINDOW_MOST = timedelta(days=1)
WINDOW_LEAST = timedelta(minutes=30)
GUARD = timedelta(hours=1)  # a fault begins before it is noticed
SETTLES = timedelta(minutes=30)  # a machine that was open needs a while
CHANGE_LEAST = 1.0  # in scales of the ordinary: less is not worth a word
CHANGE_SHARE = 0.2  # of the distance before
_Z_95 = 1.959964
_MAD_TO_SIGMA = 1.4826
_FLOOR_SHARE, _FLOOR = 1e-3, 1e-9


@dataclass(frozen=True, slots=True)
class Window:
    """From … to, in real time."""

    since: datetime
    until: datetime

    @property
    def lasts(self) -> timedelta:
        return self.until - self.since


@dataclass(frozen=True, slots=True)
class Windows:
    """What is compared with what."""

    ordinary: Window
    before: Window
    after: Window


@dataclass(frozen=True, slots=True)
class Effect:
    """improved, same, worse or too_early; distances and shift in scales of the ordinary, shift with its interval."""

    result: str
    reason: str
    before: float | None = None
    after: float | None = None
    shift: float | None = None
    lower: float | None = None
    upper: float | None = None


def windows(onset: datetime, begun: datetime, done: datetime, now: datetime) -> Windows:
    """At most a day each: before the onset, before the repair began, after it was done."""
    ordinary = Window(onset - GUARD - WINDOW_MOST, onset - GUARD)
    before = Window(max(onset, begun - WINDOW_MOST), max(onset, begun))
    settled = done + SETTLES
    return Windows(ordinary, before, Window(settled, max(settled, min(now, settled + WINDOW_MOST))))


def blocks(time_s: Float64s, value: Float64s, since_s: float, until_s: float, n: int = BLOCKS) -> Float64s:
    """The median of each of `n` equal stretches [n]; NaN where nothing was measured."""
    found = np.full(n, np.nan)
    usable = np.isfinite(value) & (time_s >= since_s) & (time_s < until_s)
    place = ((time_s[usable] - since_s) / (until_s - since_s) * n).astype(np.int64)
    for number in np.unique(place):
        found[number] = np.median(value[usable][place == number])
    return found


def distance(ordinary: Mapping[str, Float64s], seen: Mapping[str, Float64s], share: Mapping[str, float]) -> Float64s:
    """How far each block is from ordinary: scales off the median, the tags weighted by their share of the case."""
    total = np.zeros(BLOCKS)
    weight = np.zeros(BLOCKS)
    for tag, part in share.items():
        known = ordinary[tag][np.isfinite(ordinary[tag])]
        if len(known) < BLOCKS_LEAST:
            continue
        centre = float(np.median(known))
        mad = _MAD_TO_SIGMA * float(np.median(np.abs(known - centre)))
        scale = max(mad, _FLOOR_SHARE * abs(centre), _FLOOR)
        off = np.abs(seen[tag] - centre) / scale
        there = np.isfinite(off)
        total[there] += part * off[there]
        weight[there] += part
    total[weight > 0] /= weight[weight > 0]
    total[weight == 0] = np.nan
    return total


def compare(before: Float64s, after: Float64s, lasted: timedelta) -> Effect:
    """The effect from the distances before and after; `lasted`: how long the window behind the repair is so far."""
    before, after = before[np.isfinite(before)], after[np.isfinite(after)]
    if len(before) < BLOCKS_LEAST:
        return Effect("too_early", "too little was measured before the repair, or nothing ordinary to compare with")
    if lasted < WINDOW_LEAST or len(after) < BLOCKS_LEAST:
        return Effect("too_early", "too little has been measured since the repair")
    shift, lower, upper = hodges_lehmann(before, after)
    was = float(np.median(before))
    least = max(CHANGE_LEAST, CHANGE_SHARE * was)
    result = "same"
    if upper < -least:
        result = "improved"
    elif lower > least:
        result = "worse"
    elif lasted < WINDOW_MOST and not (-least < lower and upper < least):
        result = "too_early"
    told = f"{was:.1f} scales from ordinary before, {float(np.median(after)):.1f} after"
    told += f"; shift {shift:+.1f} (95 % interval {lower:+.1f} to {upper:+.1f}), {least:.1f} would count"
    return Effect(result, told, was, float(np.median(after)), shift, lower, upper)


def hodges_lehmann(before: Float64s, after: Float64s) -> tuple[float, float, float]:
    """Shift from `before` [m] to `after` [n] with its 95 % interval, wider the longer a disturbance lasts."""
    differences = np.sort((after[None, :] - before[:, None]).ravel())
    m, n = len(before), len(after)
    # Fewer independent values: the variance of the Mann-Whitney statistic, m·n·(m+n+1)/12, grows by the same factor.
    grown = max(_inflation(before), _inflation(after))
    reach = _Z_95 * sqrt(m * n * (m + n + 1) / 12 * grown)
    low = max(int(np.floor(m * n / 2 - reach)), 0)
    return float(np.median(differences)), float(differences[low]), float(differences[m * n - 1 - low])


def _inflation(values: Float64s) -> float:
    """(1+r)/(1−r) of the lag-1 autocorrelation, at least 1."""
    off = values - values.mean()
    power = float(off @ off)
    r = float(off[1:] @ off[:-1]) / power if power > 0 else 0.0
    r = min(max(r, 0.0), 0.9)
    return (1 + r) / (1 - r)
