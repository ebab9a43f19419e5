"""Boosted trees as arrays of our own: what a gateway needs to run them, numpy only, no pickle.

    trees of a trained model ──`boosting`──► Trees (all nodes of all trees in one row) ──of(features)──► rest of life

The same sums in the same order as scikit-learn's `HistGradientBoostingRegressor.predict`.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
LEAF = -1


@dataclass(frozen=True, slots=True)
class Trees:
    """Nodes [m] of all trees one after the other; a tree starts at `root` [t]; `left` and `right` are node numbers.

    A value at most the threshold goes left; a missing one goes where training sent it. `feature` is LEAF at leaves.
    """

    start: float
    root: NDArray[np.int32]
    feature: NDArray[np.int32]
    threshold: Floats
    missing_left: NDArray[np.bool_]
    left: NDArray[np.int32]
    right: NDArray[np.int32]
    value: Floats
    depth: int

    def of(self, features: Floats) -> Floats:
        """The sum of all trees for every row [n] of features [n, f]."""
        row = np.arange(len(features))[:, None]
        node = np.broadcast_to(self.root, (len(features), len(self.root)))
        for _ in range(self.depth):
            asked = self.feature[node]
            measured = features[row, np.maximum(asked, 0)]
            missing = np.isnan(measured)
            to_left = np.where(missing, self.missing_left[node], measured <= self.threshold[node])
            below = np.where(to_left, self.left[node], self.right[node])
            node = np.where(asked == LEAF, node, below)
        return np.asarray(self.start + self.value[node].sum(axis=1))
