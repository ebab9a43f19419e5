"""The closed orders most like a text, and what their labels say when they vote. Pure.

similarity [texts, orders] ──10 nearest──► each votes for its label with the cube of its similarity
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

NEAREST = 10
VOTE_POWER = 3
LEAST_VOTE = 1e-3

Float64s = NDArray[np.float64]
Ints = NDArray[np.int64]


def nearest(similarity: Float64s, most: int = NEAREST) -> Ints:
    """Positions [texts, ≤ most] of the most similar orders, most similar first; of equals the later order."""
    most = min(most, similarity.shape[1])
    later_first = similarity[:, ::-1]
    order = np.argsort(-later_first, axis=1, kind="stable")[:, :most]
    return np.asarray(similarity.shape[1] - 1 - order, np.int64)


def votes(similarity: Float64s, label: Sequence[int] | Ints, labels: int) -> Float64s:
    """Share of the vote for each label [texts, labels]; every label keeps a little, so that its logarithm exists."""
    at = nearest(similarity)
    strength = np.maximum(np.take_along_axis(similarity, at, axis=1), 0) ** VOTE_POWER
    counted = np.zeros((len(similarity), labels))
    rows = np.repeat(np.arange(len(similarity)), at.shape[1])
    np.add.at(counted, (rows, np.asarray(label)[at].reshape(-1)), strength.reshape(-1))
    counted += LEAST_VOTE
    return np.asarray(counted / counted.sum(axis=1, keepdims=True))
