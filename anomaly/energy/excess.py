"""How much more power a machine takes since something began, for the same output. Pure numpy.

    before ──regression of power on output──► expected        since ──power − expected──► excess kW with its interval

Without an output the power of the running machine is compared with what it was, and the answer says so.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import sqrt

import numpy as np

from anomaly.energy import NotEnoughData
from anomaly.energy.efficiency import huber
from anomaly.energy.use import Bools, Float64s, making, running

ROWS_LEAST = 24
_Z_95 = 1.959964
_BEYOND = 0.1  # of the range that was seen before: farther out nothing is expected


@dataclass(frozen=True, slots=True)
class Load:
    """Power in kW and output in units an hour, in equal steps; output None: not measured."""

    power_kw: Float64s
    output: Float64s | None


@dataclass(frozen=True, slots=True)
class Excess:
    """kW more than expected while working, with its 95 % interval; share: of the time in which it worked since."""

    kw: float
    lower: float
    upper: float
    share: float


def excess(before: Load, since: Load) -> Excess:
    """The excess of the steps `since` over what `before` lets expect.

    Raises:
        NotEnoughData: the machine has worked in fewer than 24 steps before, or since.
    """
    was, now = _works(before), _works(since)
    if before.output is not None and since.output is not None:
        known = before.output[was]
        reach = _BEYOND * float(np.ptp(known)) if len(known) else 0.0
        judged = (
            now & (since.output >= known.min(initial=np.inf) - reach) & (since.output <= known.max(initial=0) + reach)
        )
    else:
        judged = now
    if was.sum() < ROWS_LEAST or judged.sum() < ROWS_LEAST:
        raise NotEnoughData(
            f"it has worked in {int(was.sum())} steps before and {int(judged.sum())} since that can be compared, "
            f"at least {ROWS_LEAST} of each are needed"
        )
    left = since.power_kw[judged] - _expected(before, was)(since, judged)
    error = float(left.std(ddof=1)) * sqrt(_inflation(left) / len(left))
    mean = float(left.mean())
    measured = int(np.isfinite(since.power_kw).sum())
    return Excess(mean, mean - _Z_95 * error, mean + _Z_95 * error, int(now.sum()) / measured)


def _works(load: Load) -> Bools:
    if load.output is None:
        return running(load.power_kw) & np.isfinite(load.power_kw)
    return making(load.output) & np.isfinite(load.output) & np.isfinite(load.power_kw)


def _expected(before: Load, was: Bools) -> Callable[[Load, Bools], Float64s]:
    if before.output is None:
        usual = float(np.median(before.power_kw[was]))
        return lambda _since, judged: np.full(int(judged.sum()), usual)
    base, slope = huber(before.output[was][:, None], before.power_kw[was])

    def of(since: Load, judged: Bools) -> Float64s:
        assert since.output is not None
        expected: Float64s = base + slope * since.output[judged]
        return expected

    return of


def _inflation(left: Float64s) -> float:
    """Neighbouring steps are alike: (1+r)/(1−r) of their lag-1 autocorrelation."""
    off = left - left.mean()
    power = float(off @ off)
    r = min(max(float(off[1:] @ off[:-1]) / power, 0.0), 0.9) if power > 0 else 0.0
    return (1 + r) / (1 - r)
