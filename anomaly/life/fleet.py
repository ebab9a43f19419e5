"""What the age of a unit and the lives of others tell, when nothing that was measured tells more.

    lives of units that failed ──grid posterior of a Weibull──► chance of every total life ──given an age──► Belief

Few lives leave shape and scale open, so the chance of a life is averaged over all pairs that agree with the lives.
Prior: shape around 2 (wear; 68 % within 0.7 to 5.4), any scale alike. Meeker & Escobar (1998), chapter 14.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from anomaly.life import BadLives
from anomaly.life.belief import Belief

Floats = NDArray[np.float64]
ASKED_FROM = 0.5
"""A question for the rest is taken to come in the second half of a life, at any moment of it alike."""
_GRID = 25
_LIVES = 100
_STRANGER = 0.1 / float(np.log(100.0))
"""One in ten that the unit is none of this fleet: then lives from 1 to 100 times any length are equally likely."""


@dataclass(frozen=True, slots=True)
class Fleet:
    """Pairs of shape and scale [m] and how much each is believed [m]."""

    shape: Floats
    scale: Floats
    weight: Floats

    def survival(self, age: Floats) -> Floats:
        """The share of the fleet that outlives each age."""
        return np.asarray(np.exp(-((age[:, None] / self.scale) ** self.shape)) @ self.weight)

    def rest(self, age: float) -> Belief:
        """The rest of a unit of which only its age is known, were the question asked at any age: no more than that."""
        total = age + np.geomspace(1e-3, 20.0, _LIVES) * float(self.weight @ self.scale)
        alive = self.survival(np.concatenate([[age], total]))
        return Belief(total - age, np.maximum(-np.diff(alive), 0.0) + 1e-300)

    def rest_when_asked(self, age: float) -> Belief:
        """The rest of a unit of this age when the question comes in the second half of its life.

        The life is then between `age` and twice of it; a long life has its second half at this age as seldom as it
        is long (density 1 / life).
        """
        life = age / np.linspace(ASKED_FROM, 1.0, _LIVES + 1, endpoint=False)[1:]
        ratio = (life[:, None] / self.scale) ** self.shape
        # lives even in age / life stand 1 / life² dense: with the seldomness 1 / life, life² / life times the density
        return Belief(life - age, (self.shape * ratio * np.exp(-ratio)) @ self.weight + _STRANGER)


def learn_fleet(lives: Sequence[float], failed: Sequence[bool] | None = None) -> Fleet:
    """The posterior from lives [n] that all ended, or of which `failed` [n] did. Raises BadLives."""
    time = np.asarray(lives, float)
    ended = np.ones(len(time), bool) if failed is None else np.asarray(failed, bool)
    if not ended.any() or not np.isfinite(time).all() or (time <= 0).any():
        raise BadLives("at least one unit must have failed, and every life must be longer than 0")
    log = np.log(time)
    middle = float(np.log(time.sum() / ended.sum()))
    grid = np.meshgrid(np.geomspace(0.5, 30.0, _GRID), middle + np.linspace(-2.0, 2.0, 4 * _GRID + 1))
    shape, log_scale = grid[0].ravel(), grid[1].ravel()
    ratio = shape * (log[:, None] - log_scale)
    likelihood = (ended[:, None] * (np.log(shape) + ratio) - np.exp(np.minimum(ratio, 50.0))).sum(axis=0)
    prior = -0.5 * np.log(shape / 2.0) ** 2
    weight = np.exp(likelihood + prior - np.max(likelihood + prior))
    kept = weight > 1e-4
    return Fleet(shape[kept], np.exp(log_scale[kept]), weight[kept] / weight[kept].sum())
