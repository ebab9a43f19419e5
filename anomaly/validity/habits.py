"""What a tag was like while it was learned: how it steps, how long it lies flat, where it lives.

Rows ──learn_habits──► Habits: one entry a tag and trait; nothing here changes afterwards
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from anomaly.rows import Rows
from anomaly.validity.rest import near_zero
from anomaly.validity.runs import Bools, Floats, Ints, filled_forward, of_the_others, run_lengths, steps_of

RESTS = 8  # values at which a tag may lie still, e.g. 0 while the machine is off
REST_ROWS = 30
FLAT_ROWS = 5  # flat for so long counts as lying still
_STATE_VALUES, _STATE_FLAT_SHARE = 8, 0.8  # a state: being flat is its nature
_LIVELY_SHARE = 0.2
_OTHERS_LEAST = 2
_RESTS_OF_SLOW, _SLOW_SHARE = 2, 0.3
_REACH_SHARE = 0.02  # of the band that the tag lives in
_TINY_SHARE = 0.02  # of an ordinary step; nothing moves by less
_STUCK_LEAST, _STUCK_TIMES = 10, 3
_LONE_TIMES, _LONE_TIMES_MOST = 3.0, 1.2
_BIG_TIMES, _WILD_TIMES = 1.5, 2.5
_GAP_TIMES, _GAP_TIMES_SEEN = 10.0, 2.0
_MISSING_LEAST, _MISSING_TIMES = 5, 3
_DEAD_LEAST, _DEAD_MOST = 5, 20
_FLOOR = 1e-9
_Q90_OF_STEPS = 2.326  # of white noise, in σ: 1.645 · √2
_TICK_SHARE = 0.5  # what rounding hides
_COARSE_SHARE = 0.3  # of the band that the tag lives in; white noise steps by a sixth of it


@dataclass(slots=True)
class Habits:
    """[k] each, in the unit of the tag, in rows, or in ns."""

    low: Floats
    high: Floats
    tiny: Floats  # a step up to this is none
    scale: Floats  # what the tag moves within a few rows
    big: Floats  # a step that tells the neighbours that something has happened
    wild: Floats  # a step that the tag's own noise never makes
    lone: Floats  # a step beyond this that no neighbour shares is in doubt
    stuck_rows: Floats  # flat for so long is stuck; inf for states and constants
    dead_rows: Floats  # flat for so long right behind a step in doubt is dead
    rest: Floats  # [k, RESTS], NaN where there are fewer
    reach: Floats  # so near to a rest is at rest
    rest_rows: Floats  # flat for so long at a rest is odd
    rest_others: Floats  # least share of the lively others that lie still meanwhile
    coarse: Bools  # few steps: how long it lies flat depends on where between two steps it is
    lively: Bools  # rarely lies still: what its neighbours are measured by
    near_zero: Floats  # below this the tag is at rest; NaN where zero is nothing special
    missing_rows: Floats
    gap_ns: Floats


def learn_habits(rows: Rows) -> Habits:
    """The habits of k tags from n rows; a tag without two values gets habits that it cannot break."""
    k = rows.tags
    first = np.array([_first(rows.value[:, tag]) for tag in range(k)])
    filled = filled_forward(rows.value, first)
    step, present = np.abs(steps_of(filled)), ~np.isnan(rows.value)
    ordinary = np.array([np.median(step[present[:, tag], tag]) if present[:, tag].any() else 0.0 for tag in range(k)])
    tiny = _TINY_SHARE * ordinary
    flat = step <= tiny
    run = run_lengths(flat & present, ~flat & present, np.zeros(k, np.int64))
    q99, tick = _quantiles(step, present, tiny)
    big = _BIG_TIMES * np.maximum(q99, tick)
    known = [present[:, tag] for tag in range(k)]
    states = np.array([_is_state(rows.value[at, tag], flat[at, tag]) for tag, at in enumerate(known)], bool)
    big = np.where(states & (q99 == 0), 0.5 * tick, big)
    low, high = _band(rows.value, present)
    size = np.maximum(np.abs(low), np.abs(high))
    noise = _column_quantile(step, present, 0.9) / _Q90_OF_STEPS
    scale = np.maximum(np.maximum(noise, _TICK_SHARE * tick), _FLOOR * size + _FLOOR**2)
    still = run >= FLAT_ROWS
    lively = ~states & (still.mean(axis=0) < _LIVELY_SHARE if len(still) else True)
    others = others_still(still, lively)
    near = near_zero(rows.value)
    reach: Floats = _REACH_SHARE * (high - low)
    resting: Bools = np.abs(filled[1:]) < near
    lying = [_lying(run[:, tag], filled[1:, tag], resting[:, tag], reach[tag], others[:, tag]) for tag in range(k)]
    return Habits(
        low, high, tiny, scale, big, _WILD_TIMES * np.maximum(q99, tick), _lone(step, present, big),
        stuck_rows=np.where(states, np.inf, np.array([one.stuck_rows for one in lying])),
        dead_rows=np.array([one.dead_rows for one in lying], np.float64),
        rest=np.array([one.rest for one in lying]).reshape(k, RESTS),
        rest_rows=np.array([one.rest_rows for one in lying]),
        rest_others=np.array([one.rest_others for one in lying]),
        coarse=tick >= _COARSE_SHARE * (high - low),
        lively=lively,
        near_zero=near,
        reach=reach,
        missing_rows=_missing_rows(present),
        gap_ns=np.full(k, _gap_ns(rows.time_ns)),
    )  # fmt: skip


def no_habits(k: int) -> Habits:
    """Of k tags that nothing is known of: arrays of the right form."""
    return learn_habits(Rows(np.zeros(0, np.int64), np.zeros((0, k))))


@dataclass(frozen=True, slots=True)
class _Lying:
    """How one tag lies flat."""

    stuck_rows: float
    dead_rows: float
    rest: Floats
    rest_rows: float
    rest_others: float


def at_rest(value: Floats, rest: Floats, reach: float) -> Bools:
    """[n]: values [n] that lie at one of the rests [RESTS] of their tag."""
    return np.asarray((np.abs(value[:, None] - rest) <= reach).any(axis=1), np.bool_)


def _lying(run: Ints, value: Floats, resting: Bools, reach: float, still_others: Floats) -> _Lying:
    """From the run [n] that each row belongs to, the values, which of them are near zero, and who else lies still."""
    ends = np.flatnonzero((run > 0) & (np.append(run[1:], 0) == 0)) if len(run) else np.zeros(0, np.int64)
    lengths, values = run[ends], value[ends]
    rests = np.unique(values[lengths >= REST_ROWS])
    rest = np.full(RESTS, np.nan)
    still = float((run >= REST_ROWS).mean()) if len(run) else 0.0
    # A slow or coarse tag lies flat wherever it happens to be; a tag that rests is lively elsewhere.
    slow = len(rests) > RESTS or (len(rests) > _RESTS_OF_SLOW and still > _SLOW_SHARE)
    if not slow:
        rest[: len(rests)] = rests
    short = lengths[~resting[ends] & ~at_rest(values, rest, reach)]
    long = (run >= REST_ROWS) & np.isin(value, rest)
    others = float(np.quantile(still_others[long], 0.1)) if long.any() else 0.0
    usual = float(np.quantile(short, 0.95)) if len(short) else 0.0
    return _Lying(
        max(_STUCK_LEAST, _STUCK_TIMES * float(short.max(initial=0))),
        min(max(_DEAD_LEAST, usual + 2), _DEAD_MOST),
        rest,
        _STUCK_TIMES * float(lengths.max(initial=REST_ROWS)),
        others,
    )


def others_still(still: Bools, lively: Bools) -> Floats:
    """[n, k]: share of the lively other tags that lie still; 0 where there are fewer than two of them."""
    count = of_the_others(still & lively)
    many = lively.sum() - lively
    share: Floats = np.where(many >= _OTHERS_LEAST, count / np.maximum(many, 1), 0.0)
    return share


def _lone(step: Floats, present: Bools, big: Floats) -> Floats:
    """The largest steps that no neighbour shared, with what is above them as margin."""
    count = of_the_others(step > big)
    shared = count > 0
    for shift in (1, 2):  # a neighbour may be a little earlier or later
        shared[shift:] |= count[:-shift] > 0
        shared[:-shift] |= count[shift:] > 0
    alone = present & ~shared
    most = np.where(alone, step, 0.0).max(axis=0, initial=0.0)
    limit: Floats = np.maximum(_LONE_TIMES * _column_quantile(step, alone, 0.999), _LONE_TIMES_MOST * most)
    return limit


def _quantiles(step: Floats, present: Bools, tiny: Floats) -> tuple[Floats, Floats]:
    """The 99 % quantile of the steps, and the median of those that are one: the tick of a coarse tag."""
    moved = present & (step > tiny)
    tick = np.where(_column_quantile(step, moved, 0.5) < np.inf, _column_quantile(step, moved, 0.5), 0.0)
    return _column_quantile(step, present, 0.99), tick


def _column_quantile(value: Floats, where: Bools, share: float) -> Floats:
    columns = (value[where[:, tag], tag] for tag in range(value.shape[1]))
    return np.array([float(np.quantile(column, share)) if len(column) else 0.0 for column in columns])


def _band(value: Floats, present: Bools) -> tuple[Floats, Floats]:
    return _column_quantile(value, present, 0.001), _column_quantile(value, present, 0.999)


def _missing_rows(present: Bools) -> Floats:
    longest = run_lengths(~present, present, np.zeros(present.shape[1], np.int64)).max(axis=0, initial=0)
    limit: Floats = np.maximum(_MISSING_LEAST, _MISSING_TIMES * longest).astype(np.float64)
    return limit


def _gap_ns(time_ns: NDArray[np.int64]) -> float:
    waits = np.diff(time_ns)
    if not len(waits):
        return float(np.inf)
    return max(_GAP_TIMES * float(np.median(waits)), _GAP_TIMES_SEEN * float(np.quantile(waits, 0.999)))


def _is_state(known: Floats, flat: Bools) -> bool:
    """Few values, each held for a while; a coarse instrument has few as well, but does not hold them."""
    return len(known) == 0 or (len(np.unique(known)) <= _STATE_VALUES and float(flat.mean()) > _STATE_FLAT_SHARE)


def _first(column: Floats) -> float:
    known = column[~np.isnan(column)]
    return float(known[0]) if len(known) else np.nan
