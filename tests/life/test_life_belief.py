"""Intervals hold what they promise on made-up scores whose truth is known."""

import numpy as np
import pytest

from anomaly.life.belief import Belief, learn_outcomes


def scores(units, seed, noise=0.1):
    """The farther from the end, the worse the score; every unit is off in its own way too."""
    rng = np.random.default_rng(seed)
    left = np.tile(np.linspace(0, 100, 50), units)
    own = np.repeat(rng.normal(0, noise, units), 50)
    return left * (1 + own + rng.normal(0, noise, len(left))) + 2, np.minimum(left, 80)


def covered(units, seed=0):
    outcomes = learn_outcomes(*scores(units, seed), cap=80.0, units=units)
    asked, truth = scores(200, seed + 100)
    hit = []
    for score, left in zip(asked[::7], truth[::7], strict=True):
        bounds = outcomes.bounds(outcomes.at(score))
        hit.append(bounds.lower <= left and (bounds.open_above or left <= bounds.upper))
    return float(np.mean(hit))


def test_nine_of_ten_truths_are_inside_with_many_units():
    assert 0.86 <= covered(60) <= 0.96


def test_few_units_do_not_make_it_overconfident():
    assert np.mean([covered(5, seed) for seed in range(4)]) >= 0.86


def test_near_the_end_the_interval_is_narrow():
    outcomes = learn_outcomes(*scores(60, 0), cap=80.0, units=60)
    near, far = (outcomes.bounds(outcomes.at(score)) for score in (10.0, 50.0))
    assert near.upper - near.lower < 0.4 * (far.upper - far.lower)


def test_far_from_the_end_it_is_open_above():
    outcomes = learn_outcomes(*scores(60, 0), cap=80.0, units=60)
    assert outcomes.bounds(outcomes.at(100.0)).open_above
    assert not outcomes.bounds(outcomes.at(20.0)).open_above


def test_a_wide_belief_is_told_cautiously_and_a_narrow_one_as_it_is():
    wide = Belief(np.array([10.0, 90.0]), np.ones(2))
    narrow = Belief(np.array([49.0, 51.0]), np.ones(2))
    assert wide.middle(1.0) == pytest.approx(np.sqrt(11 * 91) - 1)
    assert narrow.middle(1.0) == pytest.approx(50.0, abs=0.02)


def test_quantiles_follow_the_weights():
    belief = Belief(np.array([3.0, 1.0, 2.0]), np.array([0.2, 0.5, 0.3]))
    assert [belief.quantile(share) for share in (0.0, 0.5, 0.51, 0.8, 0.81, 1.0)] == [1, 1, 2, 2, 3, 3]
