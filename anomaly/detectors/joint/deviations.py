"""Are the tags somewhere else than they should be? Residuals smoothed at two speeds, against their calm spread.

    residual ──EWMA──► deviation / √(variance x widening) ──► distance of all together, and of the farthest alone

A tag whose rows resemble each other for long has shown little of itself: its variance is widened by what it is worth
in independent rows, and goes on being learned while the machine is calm. Sources: Roberts, Technometrics 1 (1959):
EWMA; Lowry et al., Technometrics 34 (1992): the multivariate one.
"""

import math

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaincc, log_ndtr

from anomaly.detectors.joint.independence import decorrelation, effective_rows, implied, smooth, tail_of, widening
from anomaly.detectors.state import Arrays
from anomaly.rows import Float64s

RATES = (0.2, 0.05)
_DOUBT = 0.05
_FOLDS = 4
_HEAD_ROWS = 10
_VARIANCE_LEAST = 0.0025  # of the residual's own
_REMEMBER_SHARE = 5.0  # the variance forgets over so many learning blocks
_USUAL = 2.0  # in its own spread
_PULL_MOST = 9.0  # a wild row counts no more than this many variances
_LN10 = math.log(10)


class Deviations:
    """The smoothed residuals of k tags at each rate."""

    def __init__(self, tags: int) -> None:
        self._tags = tags
        self._rates = np.array(RATES)[:, None]
        self._deviation = np.zeros((len(RATES), tags))
        self._variance = np.ones((len(RATES), tags))
        self._whitening = np.eye(tags)
        self._tails = np.ones((len(RATES), 2))
        self._forget = np.zeros(1)
        self._unit, self._out = self._deviation, np.zeros(tags, bool)

    def learn(self, residuals: Float64s, effective: Float64s) -> None:
        """Learn from residuals [n, k] whose tags are worth `effective` [k] independent rows."""
        self._whitening = decorrelation(residuals)
        for number, rate in enumerate(RATES):
            path = smooth(residuals, rate, np.zeros(self._tags))
            self._deviation[number] = path[-1]
            path = path[_HEAD_ROWS:]
            variance = np.maximum((path**2).mean(axis=0), _VARIANCE_LEAST * rate / RATES[0])
            worth = np.minimum(effective_rows(path), effective)
            self._tails[number] = tail_of(_crossed(path / np.sqrt(variance), residuals[_HEAD_ROWS:]))
            self._variance[number] = variance * widening(worth, _DOUBT)
        self._forget = np.array([1 / (_REMEMBER_SHARE * len(residuals))])

    def surprise(self, residual: Float64s, out: NDArray[np.bool_]) -> float:
        """The surprise of a row of residuals [k]; the tags `out` [k] say nothing, and are where the others put them."""
        self._deviation = self._deviation + self._rates * (residual - self._deviation)
        unit = self._deviation / np.sqrt(self._variance)
        if out.any():
            unit = implied(self._whitening, unit, out)
            self._deviation = unit * np.sqrt(self._variance)
        self._unit, self._out = unit, out
        distance = np.einsum("rk,rk->r", unit @ self._whitening, unit)
        together = -np.log10(np.maximum(gammaincc(self._tails[:, 0], distance / self._tails[:, 1]), 1e-300))
        alone = -log_ndtr(-np.where(out, 0.0, np.abs(unit)).max(axis=1)) / _LN10 - math.log10(2.0 * self._tags)
        return max(float(together.max()), float(alone.max()), 0.0)

    def implied(self, residual: Float64s, out: NDArray[np.bool_]) -> Float64s:
        """`residual` [k] with the tags `out` [k] where the others put them."""
        return implied(self._whitening, residual, out)

    def shares(self) -> Float64s:
        """[k]: how much each tag has to do with the last surprise.

        Source: Alcala & Qin, Automatica 45 (2009): contributions by reconstruction.
        """
        explained = (self._unit @ self._whitening) ** 2 / np.diag(self._whitening)
        result: Float64s = explained.max(axis=0)
        return result

    def rejoin(self) -> None:
        """No tag comes back farther off than is usual."""
        most = _USUAL * np.sqrt(self._variance)
        self._deviation = np.clip(self._deviation, -most, most)

    def doubt(self, tags: NDArray[np.bool_]) -> None:
        """Forget what is smoothed of these tags [k]."""
        self._deviation = np.where(tags, 0.0, self._deviation)

    def remember(self) -> None:
        """The last row was calm: it belongs to what is usual."""
        seen = np.where(self._out, 1.0, np.minimum(self._unit * self._unit, _PULL_MOST))
        self._variance = self._variance * (1.0 + self._forget * (seen - 1.0))

    def arrays(self) -> Arrays:
        return {
            "deviation": self._deviation, "variance": self._variance, "whitening": self._whitening,
            "tails": self._tails, "forget": self._forget,
        }  # fmt: skip


def _crossed(unit: Float64s, residuals: Float64s) -> Float64s:
    """Distances [n] of the rows, each by correlations learned from the other three quarters of the block."""
    distances = np.empty(len(unit))
    for fold in np.array_split(np.arange(len(unit)), _FOLDS):
        whitening = decorrelation(np.delete(residuals, fold, axis=0))
        distances[fold] = ((unit[fold] @ whitening) * unit[fold]).sum(axis=1)
    return distances
