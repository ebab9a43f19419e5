"""Drift of efficiency on simulated compressors: found while it is small, and no other change is taken for it."""

import numpy as np
import pytest

from anomaly import UnreadableState
from anomaly.energy import NotEnoughData
from anomaly.energy.efficiency import EfficiencyDrift, huber
from anomaly.rows import Rows
from tests.anomaly.energy.machines import WEEK, compressor

ALARM = 6.0  # surprise: one in a million blocks


def rows(time_s, value):
    return Rows((time_s * 1e9).astype(np.int64), value)


def drifting(seed, drift, weeks=4):
    """Two weeks to learn, then `weeks` in which the power drifts away."""
    time_s, calm = compressor(seed, weeks=2)
    _, later = compressor(seed + 1000, weeks=weeks, drift=drift)
    detector = EfficiencyDrift(3)
    detector.learn(rows(time_s, calm))
    return detector, rows(time_s[-1] + 60 + np.arange(len(later)) * 60.0, later)


@pytest.mark.parametrize("seed", range(3))
def test_a_drift_is_found_before_it_is_half_way(seed):
    detector, later = drifting(seed, 0.12)
    surprise = detector.update(later)[:, 0]
    first = int(np.argmax(surprise >= ALARM))
    assert surprise.max() >= ALARM
    assert 0.12 * first / len(later) < 0.06
    assert detector.excess_kw == pytest.approx(0.12 * 36, rel=0.35)


def test_four_calm_weeks_of_seven_machines_raise_nothing_although_products_change():
    false, crossings = 0, 0
    for seed in range(10, 17):
        detector, later = drifting(seed, 0.0)
        false += bool((detector.update(later)[:, 0] >= ALARM).any())
        crossings += bool((later.value[:, 0] > np.percentile(later.value[:WEEK, 0], 99)).any())
    assert false == 0
    assert crossings == 7, "a limit on the power alone would have been crossed on every one"


def test_better_than_before_is_no_alarm():
    detector, later = drifting(3, -0.15)
    assert detector.update(later)[:, 0].max() < ALARM
    assert detector.excess_kw < 0


def test_what_was_never_made_is_not_judged():
    detector, later = drifting(4, 0.0)
    unknown = later.value.copy()
    unknown[:, 1] = np.where(unknown[:, 1] > 0, 900.0, 0.0)
    unknown[:, 0] += np.where(unknown[:, 1] > 0, 100.0, 0.0)
    assert detector.update(later.holding(unknown))[:, 0].max() == 0.0


def test_only_the_power_gets_a_surprise_and_holes_are_stepped_over():
    detector, later = drifting(5, 0.1)
    holed = later.value.copy()
    holed[::3, 1] = np.nan
    surprise = detector.update(later.holding(holed))
    assert np.isfinite(surprise[:, 0]).all()
    assert np.isnan(surprise[:, 1:]).all()
    assert surprise[:, 0].max() >= ALARM


def test_in_pieces_and_after_a_restart_it_says_the_same():
    whole, later = drifting(6, 0.1, weeks=1)
    saved = whole.snapshot()
    wanted = whole.update(later)
    one, found = EfficiencyDrift(3), []
    one.restore(saved)
    rng = np.random.default_rng(0)
    for start, stop in zip((cuts := [0, *np.sort(rng.integers(1, len(later), 20)).tolist(), len(later)]), cuts[1:],
                           strict=False):  # fmt: skip
        found.append(one.update(later.part(start, stop)))
        again = EfficiencyDrift(3)
        again.restore(one.snapshot())
        one = again
    np.testing.assert_allclose(np.concatenate(found), wanted, atol=1e-9, equal_nan=True)
    with pytest.raises(UnreadableState):
        EfficiencyDrift(4).restore(saved)


def test_too_little_to_learn_from_is_said():
    with pytest.raises(NotEnoughData, match="59 rows"):
        EfficiencyDrift(2).learn(rows(np.arange(59.0), np.ones((59, 2))))


def test_the_regression_is_not_moved_by_wild_values():
    rng = np.random.default_rng(0)
    output = rng.uniform(50, 400, 2000)
    power = 9 + 0.11 * output + rng.normal(0, 0.5, 2000)
    power[::20] += 60
    assert huber(output[:, None], power) == pytest.approx([9, 0.11], rel=0.05)
