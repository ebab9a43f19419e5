"""Counts on a log axis: bounded memory for a distribution of any width. numpy only."""

import numpy as np
from numpy.typing import NDArray

from anomaly.detectors.block import Float64s

BINS = 80
_BINS_PER_OCTAVE = 6
_LEAST_LOG2 = -3.0  # statistics are in units of their own scale: below an eighth nothing is told apart

Float32s = NDArray[np.float32]

EDGES: Float32s = (2.0 ** (_LEAST_LOG2 + np.arange(BINS + 1) / _BINS_PER_OCTAVE)).astype(np.float32)
MIDDLES: Float32s = np.sqrt(EDGES[1:] * EDGES[:-1])


def place(value: Float64s) -> Float64s:
    """Where on the axis, 0 to BINS."""
    return np.asarray(
        np.clip((np.log2(np.maximum(value, EDGES[0])) - _LEAST_LOG2) * _BINS_PER_OCTAVE, 0.0, float(BINS))
    )


def bin_of(at: Float64s) -> NDArray[np.int64]:
    """The bin of a place."""
    return np.minimum(at.astype(np.int64), BINS - 1)


def above(counts: Float32s) -> Float32s:
    """How many lie above each edge: [..., BINS] becomes [..., BINS + 1]."""
    found = np.zeros((*counts.shape[:-1], BINS + 1), np.float32)
    found[..., :-1] = np.cumsum(counts[..., ::-1], axis=-1)[..., ::-1]
    return found
