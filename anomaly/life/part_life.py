"""The rest of an installed part from how long its like lasted, in hours that the machine really ran.

    machine's running intervals ──since installed──► run hours ─┐
    run hours of parts taken out: failed, or still good ──► Fleet ─┴─► rest, bounds, chance to fail soon, reason

A part that was taken out still good counts as "longer than this", not as a failure: leaving it out, or counting it as
failed, would make parts look worse than they are.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from anomaly.life import BadLives
from anomaly.life.belief import LEVEL
from anomaly.life.fleet import learn_fleet
from anomaly.life.weibull import WeibullFit, fit_weibull

FAILURES_LEAST = 3
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class PartForecast:
    """What is left of a part, in run hours; `failing` is the chance to fail within the horizon asked for.

    mean: the mean residual life by the best fit; `rul`, `lower`, `upper` also allow for what the fit does not know.
    wearing: whether failures grow more likely with age; if not, changing a good part early gains nothing.
    """

    age_h: float
    rul_h: float
    lower_h: float
    upper_h: float
    mean_h: float
    failing: float
    wearing: bool
    fit: WeibullFit
    reason: str


def run_hours(running: ArrayLike, installed_h: float, now_h: float) -> float:
    """Hours that a machine ran from `installed_h` to `now_h`, of its running intervals [n, 2] in hours.

    Intervals may touch or overlap; overlapping time counts once.
    """
    clipped = np.clip(np.asarray(running, float).reshape(-1, 2), installed_h, now_h)
    total, reached = 0.0, -np.inf
    for begin, end in clipped[np.argsort(clipped[:, 0])]:
        total += max(0.0, float(end - max(begin, reached)))
        reached = max(reached, float(end))
    return total


def part_life(lives_h: Sequence[float], failed: Sequence[bool], age_h: float, horizon_h: float) -> PartForecast:
    """What is left of a part that ran `age_h`.

    Args:
        lives_h: [n], run hours of parts of this kind, from installing to the end or to today.
        failed: [n], true where the part failed, false where it was taken out good or still runs.
        age_h: run hours of the part asked for.
        horizon_h: for the chance to fail soon.

    Raises:
        BadLives: fewer than three failures, or lives that are not positive.
    """
    count = int(np.sum(np.asarray(failed, bool)))
    if count < FAILURES_LEAST:
        raise BadLives(
            f"{count} failures of this part are known: at least {FAILURES_LEAST} are needed to tell its rest"
        )
    fit = fit_weibull(lives_h, failed, LEVEL)
    fleet = learn_fleet(lives_h, failed)
    rest = fleet.rest(age_h)
    alive = fleet.survival(np.array([age_h, age_h + horizon_h]))
    wearing = fit.shape_bounds[0] > 1.0
    reason = f"{count} failures among {fit.lives} lives; " + (
        "wears with age" if wearing else "no wear to be seen: failures come at any age alike"
    )
    tail = (1 - LEVEL) / 2
    return PartForecast(
        age_h, rest.quantile(0.5), rest.quantile(tail), rest.quantile(1 - tail), fit.best.mean_remaining(age_h),
        float(1 - alive[1] / max(alive[0], 1e-300)), wearing, fit, reason,
    )  # fmt: skip
