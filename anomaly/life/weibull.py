"""How long parts last: the Weibull distribution from lives that ended and lives that go on.

    lives [n], failed [n] ──maximum likelihood──► Weibull(shape, scale) ──► survival, mean, remaining life at an age
                          └─profile likelihood──► bounds of shape and scale
                          └─grid posterior──────► what the next unit of the fleet may reach (`fleet`)

A life that goes on (not failed: taken out in time, or still running) counts with the age that it has reached.
Meeker & Escobar, "Statistical Methods for Reliability Data" (1998), chapters 8 and 10.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import optimize, special

from anomaly.life import BadLives

Floats = NDArray[np.float64]
_SHAPES = (0.02, 200.0)


@dataclass(frozen=True, slots=True)
class Weibull:
    """Survival exp(-(t / scale)^shape); shape < 1: young parts fail most, 1: chance, > 1: wear."""

    shape: float
    scale: float

    def survival(self, age: ArrayLike) -> Floats:
        return np.asarray(np.exp(-((np.asarray(age, float) / self.scale) ** self.shape)))

    def quantile(self, share: float) -> float:
        """The age by which this share has failed."""
        return float(self.scale * (-np.log1p(-share)) ** (1 / self.shape))

    @property
    def mean(self) -> float:
        return float(self.scale * special.gamma(1 + 1 / self.shape))

    def remaining(self, age: float, share: float = 0.5) -> float:
        """How much longer until this share of those that reached `age` has failed."""
        spent = (age / self.scale) ** self.shape
        return float(self.scale * (spent - np.log1p(-share)) ** (1 / self.shape) - age)

    def mean_remaining(self, age: float) -> float:
        """The mean residual life of those that reached `age`: the integral of survival beyond it, over survival."""
        spent = (age / self.scale) ** self.shape
        part = 1 / self.shape
        if spent > 600:  # the survivors' hazard is constant to within rounding
            return float(self.scale / self.shape * (age / self.scale) ** (1 - self.shape))
        tail = special.gammaincc(part, spent) * special.gamma(part)
        return float(np.exp(spent) * self.scale * part * tail)


@dataclass(frozen=True, slots=True)
class WeibullFit:
    """Estimate and bounds; `failed` of `lives` ended."""

    best: Weibull
    shape_bounds: tuple[float, float]
    scale_bounds: tuple[float, float]
    log_likelihood: float
    lives: int
    failed: int


def fit_weibull(lives: ArrayLike, failed: ArrayLike, level: float = 0.9) -> WeibullFit:
    """Maximum likelihood with right censoring; bounds where the profile likelihood falls below its chi-square limit.

    Args:
        lives: [n], ages at failure, or ages reached; positive.
        failed: [n], true where the life ended by failure.
        level: of the bounds.

    Raises:
        BadLives: fewer than two different failures, or a life that is not positive.
    """
    time, ended = _checked(lives, failed)
    unit = float(time.max())
    scaled = time / unit
    shape = _best_shape(scaled, ended)
    scale = _best_scale(scaled, ended, shape)
    most = _log_likelihood(scaled, ended, shape, scale)
    limit = most - float(special.chdtri(1, 1 - level)) / 2

    def by_shape(log_shape: float) -> float:
        trial = float(np.exp(log_shape))
        return _log_likelihood(scaled, ended, trial, _best_scale(scaled, ended, trial)) - limit

    def by_scale(log_scale: float) -> float:
        return _most_for_scale(scaled, ended, float(np.exp(log_scale))) - limit

    shapes = _bounds(by_shape, np.log(shape))
    scales = _bounds(by_scale, np.log(scale))
    return WeibullFit(
        Weibull(shape, scale * unit), shapes, (scales[0] * unit, scales[1] * unit),
        most - int(ended.sum()) * float(np.log(unit)), len(time), int(ended.sum()),
    )  # fmt: skip


def _checked(lives: ArrayLike, failed: ArrayLike) -> tuple[Floats, NDArray[np.bool_]]:
    time, ended = np.asarray(lives, float), np.asarray(failed, bool)
    if not len(time) or not np.isfinite(time).all() or (time <= 0).any():
        raise BadLives("every life must be a number above 0")
    if len(np.unique(time[ended])) < 2:
        raise BadLives("a life distribution needs at least two failures at different ages")
    return time, ended


def _log_likelihood(time: Floats, ended: NDArray[np.bool_], shape: float, scale: float) -> float:
    log = np.log(time[ended] / scale)
    return float(len(log) * np.log(shape / scale) + (shape - 1) * log.sum() - ((time / scale) ** shape).sum())


def _best_scale(time: Floats, ended: NDArray[np.bool_], shape: float) -> float:
    return float(((time**shape).sum() / ended.sum()) ** (1 / shape))


def _best_shape(time: Floats, ended: NDArray[np.bool_]) -> float:
    log = np.log(time)

    def slope(shape: float) -> float:
        power = time**shape
        return float((power * log).sum() / power.sum() - 1 / shape - log[ended].mean())

    return float(optimize.brentq(slope, *_SHAPES))


def _most_for_scale(time: Floats, ended: NDArray[np.bool_], scale: float) -> float:
    found = optimize.minimize_scalar(
        lambda log_shape: -_log_likelihood(time, ended, float(np.exp(log_shape)), scale),
        bounds=tuple(np.log(_SHAPES)), method="bounded", options={"xatol": 1e-10},
    )  # fmt: skip
    return -float(found.fun)


def _bounds(above: Callable[[float], float], best: float) -> tuple[float, float]:
    """Where the function of a logarithm crosses 0 on both sides of `best`, as numbers again."""
    ends = []
    for direction in (-1.0, 1.0):
        reach = 0.1
        while above(best + direction * reach) > 0 and reach < 30:
            reach *= 1.6
        ends.append(float(np.exp(optimize.brentq(above, best, best + direction * reach))) if reach < 30 else np.inf)
    return (ends[0] if np.isfinite(ends[0]) else 0.0, ends[1])
