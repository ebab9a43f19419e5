"""Made-up series for the tests of single tags, and the rows they come in."""

import numpy as np
from scipy.signal import lfilter

from anomaly.rows import Rows

NS = 1_000_000_000
START_NS = 1_700_000_000 * NS


def rows_of(value, step_s=300.0):
    value = np.asarray(value, np.float64)
    value = value[:, None] if value.ndim == 1 else value
    return Rows(START_NS + np.round(np.arange(len(value)) * step_s * NS).astype(np.int64), value)


def autoregressive(dice, rows, tags, memory):
    """Noise of variance 1 in which a row is `memory` times the one before, and chance."""
    shocks = dice.normal(size=(rows + 2000, tags)) * np.sqrt(1.0 - memory**2)
    return lfilter([1.0], [1.0, -memory], shocks, axis=0)[2000:]


def onsets(active):
    return active & ~np.vstack([np.zeros((1, active.shape[1]), bool), active[:-1]])


def daily(rows, step_s=300.0):
    """A plain daily wave of amplitude 1."""
    return np.sin(2.0 * np.pi * np.arange(rows) * step_s / 86_400.0)[:, None]
