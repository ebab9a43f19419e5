"""Training boosted trees: scikit-learn, in the cloud only. What comes out are `Trees`, which need numpy only.

Friedman (2001), histogram form of Ke et al. (2017). Small steps, shallow trees and large leaves: rows of one unit are
near copies of each other, so a leaf of few rows is a memory of one unit.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from anomaly.life import MissingLibrary
from anomaly.life.trees import LEAF, Trees

Floats = NDArray[np.float64]
ROUNDS = 200
STEP = 0.06
LEAVES = 16
LEAF_OF_ROWS = 0.01
SEED = 1


def fit_trees(features: Floats, left: Floats) -> Trees:
    """Trees from features [n, f] to what is left [n], least squares. Raises MissingLibrary."""
    try:
        from sklearn.ensemble import HistGradientBoostingRegressor  # noqa: PLC0415
        from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]  # noqa: PLC0415
    except ImportError as error:
        raise MissingLibrary(
            "training on ten units and more needs scikit-learn: pip install scikit-learn; a trained model runs without"
        ) from error
    model = HistGradientBoostingRegressor(
        learning_rate=STEP, max_iter=ROUNDS, max_leaf_nodes=LEAVES, l2_regularization=1.0, max_features=0.5,
        min_samples_leaf=max(round(LEAF_OF_ROWS * len(left)), 20), early_stopping=False, random_state=SEED,
    )  # fmt: skip
    with threadpool_limits(1):  # threads that wait for each other on a busy box take ten times as long
        return exported(model.fit(features, left))


def exported(model: Any) -> Trees:
    """The trees of a fitted HistGradientBoostingRegressor without categorical features."""
    nodes = [stage[0].nodes for stage in model._predictors]  # noqa: SLF001 - there is no public way to the nodes
    sizes = np.array([len(tree) for tree in nodes])
    root = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    joined = np.concatenate(nodes)
    offset = np.repeat(root, sizes)
    is_leaf = joined["is_leaf"].astype(bool)
    return Trees(
        start=float(model._baseline_prediction.ravel()[0]),  # noqa: SLF001
        root=root.astype(np.int32),
        feature=np.where(is_leaf, LEAF, joined["feature_idx"]).astype(np.int32),
        threshold=joined["num_threshold"].astype(float),
        missing_left=joined["missing_go_to_left"].astype(bool),
        left=(joined["left"] + offset).astype(np.int32),
        right=(joined["right"] + offset).astype(np.int32),
        value=joined["value"].astype(float),
        depth=int(joined["depth"].max()),
    )
