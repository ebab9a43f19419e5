"""What is normal, learned from rows without a fault: level and noise of each tag, and how the tags go together. Pure.

    rows ──level, noise──► z: deviation of each tag in its own noise      (does it stand elsewhere?)
                    └──the other tags──► e: deviation from what they say   (does it go with the others as before?)

e is the residual of an auto-associative ridge regression, each tag from all others (Hines & Garvey 2006, the family of
MSET); a tag that moves only because another moved has z but no e, a tag that has come loose from the others has both.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Float64s = NDArray[np.float64]

CLIP = 5.0
"""Training rows count at most so many deviations: an outlier among them does not blow up the noise."""

FAR = 100.0
"""Deviations beyond say no more than that; a garbled value does not outweigh a whole window."""

FLAT = 0.01
"""A tag that is flat in training gets this part of its spread elsewhere as noise; else any change were infinite."""


@dataclass(frozen=True, slots=True)
class Normal:
    """`level`, `noise` [k] in the tags' units; `others` [k, k] with empty diagonal; `loose` [k] is the noise of e."""

    level: Float64s
    noise: Float64s
    others: Float64s
    loose: Float64s

    @classmethod
    def learn(cls, rows: Float64s, spread: Float64s) -> "Normal":
        """Learn from rows [n, k] without a fault, NaN = missing; `spread` [k] is the deviation over all known rows."""
        with np.errstate(invalid="ignore"):
            level = _median(rows)
            rough = 1.4826 * _median(np.abs(rows - level))
            held = np.where(rough > 0, np.clip(rows, level - CLIP * rough, level + CLIP * rough), rows)
        deviation = np.sqrt(np.nan_to_num(np.nanvar(np.where(np.isnan(held).all(axis=0), 0.0, held), axis=0)))
        noise = np.maximum(deviation, np.maximum(FLAT * spread, 1e-9 * (np.abs(level) + 1)))
        z = _filled((rows - level) / noise)
        others = _associate(z)
        left_out = (z - z @ others) / (1 - _leverage(z)[:, None])
        return cls(level, noise, others, np.maximum(left_out.std(axis=0), 0.05))

    def deviations(self, rows: Float64s) -> tuple[Float64s, Float64s]:
        """z and e [n, k] of rows [n, k]; what is missing is as it was in the row before, at first 0."""
        z = _filled(np.clip((rows - self.level) / self.noise, -FAR, FAR))
        return z, (z - z @ self.others) / self.loose


def _median(rows: Float64s) -> Float64s:
    known = np.where(np.isnan(rows).all(axis=0), 0.0, rows)
    return np.asarray(np.nanmedian(known, axis=0))


def _filled(z: Float64s) -> Float64s:
    """Missing values replaced by the last one before them, 0 where there is none."""
    there = ~np.isnan(z)
    last = np.maximum.accumulate(np.where(there, np.arange(len(z))[:, None], -1), axis=0)
    filled = np.take_along_axis(z, np.maximum(last, 0), axis=0)
    return np.where(last >= 0, filled, 0.0)


def _ridge(z: Float64s) -> float:
    """Penalty in rows: as many rows of noise as there are tags, so that few rows give cautious predictions."""
    return float(z.shape[1])


def _associate(z: Float64s) -> Float64s:
    """Weights [k, k] that predict each tag from all others: from the inverse of the penalised covariance."""
    precision = np.linalg.inv(z.T @ z + _ridge(z) * np.eye(z.shape[1]))
    weights = -precision / np.diag(precision)
    np.fill_diagonal(weights, 0)
    return np.asarray(weights)


def _leverage(z: Float64s) -> Float64s:
    """How much each training row [n] predicts itself, at most 0.9."""
    precision = np.linalg.inv(z.T @ z + _ridge(z) * np.eye(z.shape[1]))
    return np.asarray(np.minimum(((z @ precision) * z).sum(axis=1), 0.9))
