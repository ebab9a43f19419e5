"""Our arrays give what scikit-learn gives, also where values are missing."""

import numpy as np
import pytest

from anomaly.life.boosting import exported, fit_trees


@pytest.fixture(scope="module")
def rows():
    rng = np.random.default_rng(3)
    features = rng.normal(size=(1500, 6))
    features[rng.random(features.shape) < 0.1] = np.nan
    left = np.nan_to_num(features[:, 0]) * 3 + np.abs(np.nan_to_num(features[:, 1])) + rng.normal(0, 0.1, 1500)
    return features, left


def test_the_same_as_scikit_learn(rows):
    ensemble = pytest.importorskip("sklearn.ensemble")
    features, left = rows
    model = ensemble.HistGradientBoostingRegressor(max_iter=60, random_state=0).fit(features, left)
    asked = np.vstack([features, np.full((1, 6), np.nan), np.zeros((1, 6)), np.full((1, 6), 1e9)])
    np.testing.assert_allclose(exported(model).of(asked), model.predict(asked), rtol=0, atol=1e-9)


def test_one_row_or_many_gives_the_same(rows):
    features, left = rows
    trees = fit_trees(features[:400], left[:400])
    whole = trees.of(features[:50])
    assert [trees.of(features[at : at + 1])[0] for at in range(50)] == whole.tolist()


def test_another_threshold_would_be_noticed(rows):
    features, left = rows
    trees = fit_trees(features[:400], left[:400])
    before = trees.of(features).copy()
    trees.threshold[trees.root[0]] += 1.0
    assert np.abs(trees.of(features) - before).max() > 1e-6
