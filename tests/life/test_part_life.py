"""The rest of an installed part from the hours that its machine really ran."""

import numpy as np
import pytest

from anomaly.life import BadLives
from anomaly.life.part_life import part_life, run_hours

WORN = ([900.0, 1000, 1100, 950, 1050, 980, 1020, 1300], [True] * 7 + [False])


def test_run_hours_count_running_time_since_installing_once():
    running = [(0, 10), (8, 12), (20, 30), (40, 50)]
    assert run_hours(running, 5, 45) == 7 + 10 + 5
    assert run_hours([], 0, 10) == 0


def test_a_part_that_wears_has_less_left_the_older_it_is():
    young, old = (part_life(*WORN, age_h=age, horizon_h=100) for age in (100, 900))
    assert young.wearing
    assert old.rul_h < 0.3 * young.rul_h
    assert young.failing < 0.02
    assert old.failing > 0.2
    assert old.lower_h < old.rul_h < old.upper_h
    assert "7 failures among 8 lives" in old.reason


def test_chance_failures_are_not_called_wear():
    lives = np.random.default_rng(1).exponential(1000, 30)
    told = part_life(lives.tolist(), [True] * 30, age_h=800, horizon_h=100)
    assert not told.wearing
    assert "no wear to be seen" in told.reason
    assert told.mean_h == pytest.approx(lives.mean(), rel=0.4)


def test_two_failures_tell_nothing():
    with pytest.raises(BadLives, match="at least 3"):
        part_life([100, 200, 300], [True, True, False], age_h=10, horizon_h=10)
