"""Do the tags still move together as they did? What neither the row before nor the other tags explain, its energy.

    residual, the one before ──ridge──► expected ──► innovation / spread ──decorrelated, squared──EWMA──► surprise

Cross-fitted: the distribution of the energy is that of quarters of the block by models learned from the others.
Sources: Hoerl & Kennard, Technometrics 12 (1970): ridge; Ku, Storer & Georgakis (1995): dynamic PCA, of which this is
the regression form; Hawkins, Technometrics 33 (1991): regression adjusted variables.
"""

import numpy as np
from scipy.special import gammaincc

from anomaly.detectors.joint.independence import decorrelation, effective_rows, implied, smooth, tail_of, widening
from anomaly.detectors.state import Arrays
from anomaly.rows import Float64s

RATE = 0.2
_RIDGE = 0.1
_DOUBT = 0.1
_FOLDS = 4
_INNOVATION_MOST = 6.0
_SPREAD_LEAST = 0.05
_REMEMBER_SHARE = 5.0
_PULL_MOST = 9.0


class Innovations:
    """The regression of k residuals on the row before, and the energy of what it leaves."""

    def __init__(self, tags: int) -> None:
        self._weights = np.zeros((tags, tags))
        self._spread = np.ones(tags)
        self._variance = np.ones(tags)
        self._whitening = np.eye(tags)
        self._tail = np.ones(2)
        self._energy = np.zeros(1)
        self._before, self._expected = np.zeros(tags), np.zeros(tags)
        self._forget = np.zeros(1)
        self._innovation = np.zeros(tags)

    def learn(self, residuals: Float64s) -> None:
        """Learn from residuals [n, k]."""
        n, k = residuals.shape
        before, after = residuals[:-1], residuals[1:]
        energy, square = self._crossed(before, after)
        self._weights, self._spread, self._whitening = _fit(before, after)
        self._spread = self._spread * np.sqrt(np.maximum(square, 1.0))
        path = smooth(energy[:, None], RATE, np.array([energy.mean()]))
        worth = effective_rows(path)
        self._tail = tail_of(path[:, 0])
        self._tail[1] *= float(np.sqrt(widening(worth, _DOUBT))[0]) / max(float(square.mean()), 1.0)
        self._energy = path[-1] / max(float(square.mean()), 1.0)
        self._before = residuals[-1].copy()
        self._expected = self._before @ self._weights
        self._forget = np.array([1 / (_REMEMBER_SHARE * n)])
        self._variance = np.ones(k)

    def _crossed(self, before: Float64s, after: Float64s) -> tuple[Float64s, Float64s]:
        energy, squares = np.empty(len(before)), np.empty_like(before)
        for fold in np.array_split(np.arange(len(before)), _FOLDS):
            weights, spread, whitening = _fit(np.delete(before, fold, axis=0), np.delete(after, fold, axis=0))
            unit = _clipped((after[fold] - before[fold] @ weights) / spread)
            energy[fold] = ((unit @ whitening) * unit).sum(axis=1)
            squares[fold] = unit**2
        return energy, squares.mean(axis=0)

    def expected(self) -> Float64s:
        """[k]: what the residuals of the coming row should be."""
        return self._expected

    def surprise(self, residual: Float64s, measured: Float64s) -> float:
        """The surprise of a row of residuals [k]; `measured` [k] is 1 where the tag was measured, else 0."""
        raw = (residual - self._expected) * measured / (self._spread * np.sqrt(self._variance))
        self._before, self._expected = residual, residual @ self._weights
        self._innovation = np.minimum(np.maximum(raw, -_INNOVATION_MOST), _INNOVATION_MOST)
        if not measured.all():
            self._innovation = implied(self._whitening, self._innovation, measured == 0)
        seen = max(float(measured.sum()), 1.0)
        energy = float(self._innovation @ self._whitening @ self._innovation) * len(measured) / seen
        self._energy = self._energy + RATE * (energy - self._energy)
        rare = float(gammaincc(self._tail[0], self._energy[0] / self._tail[1]))
        return -float(np.log10(max(rare, 1e-300)))

    def shares(self) -> Float64s:
        """[k]: how much each tag has to do with the last energy."""
        result: Float64s = (self._innovation @ self._whitening) ** 2 / np.diag(self._whitening)
        return result

    def rejoin(self, residual: Float64s) -> None:
        """Go on from `residual` [k], with no more energy than is usual."""
        self._before, self._expected = residual, residual @ self._weights
        self._energy = np.minimum(self._energy, self._tail[:1] * self._tail[1:])

    def doubt(self) -> None:
        """Forget what runs on, not what was learned."""
        self._before, self._expected = np.zeros_like(self._before), np.zeros_like(self._expected)
        self._energy = self._tail[:1] * self._tail[1:]  # the mean

    def remember(self, measured: Float64s) -> None:
        """The last row was calm: it belongs to what is usual."""
        seen = np.minimum(self._innovation**2, _PULL_MOST)
        self._variance = self._variance * (1.0 + self._forget * measured * (seen - 1.0))

    def arrays(self) -> Arrays:
        return {
            "weights": self._weights,
            "spread": self._spread,
            "variance": self._variance,
            "whitening": self._whitening,
            "tail": self._tail,
            "energy": self._energy,
            "before": self._before,
            "expected": self._expected,
            "forget": self._forget,
        }


def _clipped(innovations: Float64s) -> Float64s:
    return np.clip(innovations, -_INNOVATION_MOST, _INNOVATION_MOST)


def _fit(before: Float64s, after: Float64s) -> tuple[Float64s, Float64s, Float64s]:
    """Weights [k, k], spread of what is left [k], and its decorrelation [k, k]."""
    n, k = before.shape
    weights = np.linalg.solve(before.T @ before + _RIDGE * n * np.eye(k), before.T @ after)
    left = after - before @ weights
    spread = np.maximum(np.sqrt((left**2).mean(axis=0)), _SPREAD_LEAST)
    return weights, spread, decorrelation(_clipped(left / spread))
