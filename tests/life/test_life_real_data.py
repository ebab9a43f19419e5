"""Real run-to-failure data: engines with a cold start, bearings that give no sign."""

import numpy as np
import pytest

from anomaly.life.training import train
from benchmarks.analytics import cmapss, pronostia_life
from benchmarks.analytics.life_scores import cuts, judge, last_row, random_cuts, rmse
from tests.life.parts import DATASETS

pytestmark = pytest.mark.skipif(not (DATASETS / "cmapss").exists(), reason="no ../shared/datasets beside the checkout")


def test_five_failed_engines_teach_more_than_a_spreadsheet():
    engines = cmapss.read(DATASETS / "cmapss" / "train_FD001_units001-080.txt")
    columns = [f"c{at}" for at in range(24)]
    asked = random_cuts(engines[20:60], 2, seed=1)
    judged = judge(train(columns, engines[:5]), columns, asked)
    left = np.minimum(judged.left, 125.0)
    assert rmse(judged.rul, left) < 20
    assert rmse(judged.rul, left) < 0.85 * rmse(last_row(engines[:5], 125.0).told(asked), left)
    assert judged.covered(left).mean() >= 0.8


def test_bearings_without_a_sign_are_told_by_age_and_widely():
    bearings = [pronostia_life.read(path) for path in sorted((DATASETS / "pronostia").glob("*.npz"))]
    columns = [f"c{at}" for at in range(8)]
    model = train(columns, bearings[:5])
    judged = judge(model, columns, cuts(bearings[5:], (0.5, 0.7, 0.9)))
    assert model.kind == "age"
    assert judged.covered(judged.left).all()
