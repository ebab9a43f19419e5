"""What a stretch of rows looks like, as one line of numbers a window: what a fault is recognised by. Pure.

    z, e ──windows──► level, trend, noise, roughness of each tag; level and noise of what the other tags do not explain

Levels and trends are drawn in by asinh, noises by log: 50 deviations differ from 40 less than 5 from 0.
"""

import numpy as np
from numpy.typing import NDArray

Float64s = NDArray[np.float64]

KINDS = ("level", "trend", "noise", "roughness", "unexplained level", "unexplained noise")
NOISE_LEAST = 0.05


def window_starts(rows: int, length: int, step: int) -> list[int]:
    """Where windows begin, the last one at the end of the rows."""
    if rows <= length:
        return [0]
    starts = list(range(0, rows - length + 1, step))
    return starts if starts[-1] == rows - length else [*starts, rows - length]


def features(z: Float64s, e: Float64s, length: int, step: int) -> Float64s:
    """One line for each window of `length` rows, [windows, 6 k], in the order of KINDS."""
    return np.vstack([_window(z[at : at + length], e[at : at + length]) for at in window_starts(len(z), length, step)])


def _window(z: Float64s, e: Float64s) -> Float64s:
    ramp = np.linspace(-1, 1, len(z))[:, None] if len(z) > 1 else np.zeros((1, 1))
    trend = (ramp * z).sum(axis=0) / max(float((ramp**2).sum()), 1e-9)
    level = z.mean(axis=0)
    detrended = z - level - ramp * trend
    parts = (
        np.arcsinh(level),
        np.arcsinh(trend),
        _log_noise(detrended),
        _log_noise(np.diff(z, axis=0) / np.sqrt(2)),
        np.arcsinh(e.mean(axis=0)),
        _log_noise(e - e.mean(axis=0)),
    )
    return np.concatenate(parts)


def _log_noise(deviation: Float64s) -> Float64s:
    return np.log(np.sqrt((deviation**2).mean(axis=0) if len(deviation) else np.ones(deviation.shape[1])) + NOISE_LEAST)
