"""From a health score to what may be left: what became of moments like this one in units that were held out.

    held-out scores p [m] and what was really left y [m], by unit ──curve m(p), what it missed y - m(p)──► Outcomes
    score now ──near moments weigh most──► Belief: m(p) + their misses ──► middle, bounds

The interval is split conformal by unit and local in p (Vovk's cross-conformal prediction; Lei et al., JASA 2018,
section 5.2): every score was made by a model that had not seen the unit. Moments of one unit are no independent
witnesses, so it is the number of units that says how well the spread is known:
bounds are stretched by the ratio of Student's quantile for that many units to the normal one.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
LEVEL = 0.9
"""Share of truths that the interval is to hold."""
_REACH = 0.04
_OPEN = 0.02
_KNOTS = 61
_LEAST = 0.01


@dataclass(frozen=True, slots=True)
class Belief:
    """Possible rests [m] and how much each is believed [m], in any order."""

    rest: Floats
    weight: Floats

    def quantile(self, share: float) -> float:
        """The rest that is not reached with this chance."""
        order = np.argsort(self.rest)
        reached = np.cumsum(self.weight[order])
        at = int(np.searchsorted(reached, share * reached[-1], side="left"))
        return float(self.rest[order][min(at, len(order) - 1)])

    def middle(self, step: float) -> float:
        """The geometric mean of rest + `step`, less `step`: a wide belief is told cautiously, a narrow one as it is.

        It minimises the squared error of the logarithm, for which twice as long is as wrong as half as long; so of
        two errors of the same size the late one counts more (as in both PHM challenges, 2008 and 2012).
        """
        log = np.log(np.maximum(self.rest, 0.0) + step)
        return max(float(np.exp(np.average(log, weights=self.weight))) - step, 0.0)


@dataclass(frozen=True, slots=True)
class Bounds:
    """What is left at least and at most; `open_above` where "at most" is not known: the upper end is then the cap."""

    lower: float
    upper: float
    open_above: bool = False


@dataclass(frozen=True, slots=True)
class Outcomes:
    """Held-out moments: score and miss [m], the miss in units of its usual size there; the curve as knots [g], heights
    [g] and usual sizes of a miss [g]; how far a moment is a neighbour."""

    score: Floats
    miss: Floats
    knots: Floats
    heights: Floats
    sizes: Floats
    reach: float
    cap: float
    units: int
    stretch: float

    def expected(self, score: Floats) -> Floats:
        """What is left on average at these scores [n], at most the cap."""
        return np.asarray(np.interp(score, self.knots, self.heights))

    def at(self, score: float) -> Belief:
        """What may be left; `cap` stands for "that much or more"."""
        inside = float(np.clip(score, self.knots[0], self.knots[-1]))
        near = np.exp(-0.5 * ((self.score - inside) / self.reach) ** 2) + 1e-12
        center = np.interp(inside, self.knots, self.heights)
        size = np.interp(inside, self.knots, self.sizes)
        return Belief(np.clip(center + size * self.miss, 0.0, self.cap), near)

    def bounds(self, belief: Belief) -> Bounds:
        """The interval. Where it is open above, three quarters of the chance to miss are spent on its lower end.

        A unit that ends below the interval is one that was told too late, so the lower end is put where a new unit
        of as many as were seen falls below it no more often than promised, not only on average over those seen.
        """
        tail = (1 - LEVEL) / 2
        middle = belief.quantile(0.5)
        upper = middle + self.stretch * (belief.quantile(1 - tail) - middle)
        open_above = upper >= self.cap * (1 - _OPEN)
        lowest = belief.quantile(_seldom(1.5 * tail if open_above else tail, self.units))
        lower = max(middle - self.stretch * (middle - lowest), 0.0)
        return Bounds(lower, self.cap if open_above else upper, open_above)


def learn_outcomes(score: Floats, left: Floats, cap: float, units: int) -> Outcomes:
    """The curve from score to rest, which never falls, and what it missed.

    Args:
        score: [m], of held-out moments, spread evenly over each unit's life.
        left: [m], what was really left, at most `cap`.
        cap: the most that is told apart.
        units: how many units the moments come from.
    """
    reach = cap * _REACH
    lowest, highest = np.quantile(score, (0.005, 0.995))
    knots = np.linspace(lowest, max(highest, lowest + 1e-6 * cap), _KNOTS)
    near = np.exp(-0.5 * ((score - knots[:, None]) / reach) ** 2) + 1e-9
    heights = np.maximum.accumulate(_local_line(knots, near, score, left))
    heights = np.clip(heights, 0.0, cap)
    miss = left - np.interp(score, knots, heights)
    sizes = np.maximum(np.sqrt(near @ miss**2 / near.sum(axis=1)), 1e-3 * cap)
    return Outcomes(
        score, miss / np.interp(score, knots, sizes), knots, heights, sizes, reach, cap, units, _student(units)
    )


def _local_line(knots: Floats, near: Floats, score: Floats, left: Floats) -> Floats:
    """The height at every knot of the straight line through the moments near it (Fan & Gijbels 1996)."""
    total = near.sum(axis=1)
    middle = near @ score / total
    height = near @ left / total
    spread = near @ score**2 / total - middle**2
    slope = (near @ (score * left) / total - middle * height) / np.maximum(spread, 1e-12)
    return np.asarray(height + slope * (knots - middle))


def _student(units: int) -> float:
    """How much wider the interval of the next unit is when spread is known from few units only."""
    from scipy import special  # noqa: PLC0415 - for training; predicting needs numpy only

    tail = 0.5 + LEVEL / 2
    return float(special.stdtrit(max(units - 1, 1), tail) / special.ndtri(tail) * np.sqrt(1 + 1 / units))


def _seldom(share: float, units: int) -> float:
    """The share of those seen that leaves `share` for a new one: ((n + 1) share - 1) / n, as far as n allows."""
    return max(((units + 1) * share - 1) / units, _LEAST)
