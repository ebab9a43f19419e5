"""The tail beyond a threshold from a handful of peaks: a generalised Pareto distribution. numpy only."""

import numpy as np

from anomaly.baseline.counts import EDGES, MIDDLES, Float32s, above
from anomaly.rows import SURPRISE_MOST

_USUAL_SHAPE = 0.2  # what is assumed of a tail before it has shown itself: a bit heavier than exponential
_USUAL_PEAKS = 5.0  # how many peaks that assumption is worth
_SHAPES = (0.0, 0.8)
_SCALE_SHARE = 0.05
_SCALE_UNSEEN = 0.5


def pareto_drop(peaks: Float32s, threshold: Float32s) -> tuple[Float32s, Float32s]:
    """How many decades rarer than `threshold` each edge is.

    Args:
        peaks: [..., BINS] counts of the peaks of events.
        threshold: [..., 1], where the tail begins.

    Returns:
        the number of peaks beyond it [..., 1] and -log10 of the share of them that reaches each edge [..., BINS + 1].
    """
    count = np.where(threshold < MIDDLES, peaks, np.float32(0.0))
    higher = above(count)
    events = higher[..., :1]
    known = np.maximum(events, 1e-9)
    excess = count * np.maximum(MIDDLES - threshold, 0.0)
    mean = excess.sum(-1, keepdims=True) / known
    weighted = (excess * (higher[..., 1:] + 0.5 * count)).sum(-1, keepdims=True) / known**2
    shape = np.clip(2.0 - mean / np.maximum(mean - 2.0 * weighted, 1e-9 * mean + 1e-30), *_SHAPES)
    shape = (events * shape + _USUAL_PEAKS * _USUAL_SHAPE) / (events + _USUAL_PEAKS)
    shape += 1.0 / (events + 1.0)  # not knowing the scale makes an exponential tail a Pareto one, of shape 1 / events
    scale = np.where(
        events >= 1.0, np.maximum(mean * (1.0 - shape), _SCALE_SHARE * threshold), _SCALE_UNSEEN * threshold
    )
    beyond = np.maximum(EDGES - threshold, 0.0) / scale
    return events, np.minimum(np.log10(np.maximum(1.0 + shape * beyond, 1e-12)) / shape, SURPRISE_MOST)
