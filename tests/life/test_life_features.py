"""Features look back only, do not care about scale, and hardly about the sampling rate."""

import numpy as np
import pytest

from anomaly.life import BadHistory
from anomaly.life.features import learn_features
from anomaly.life.histories import History, histories, typical_step


def ramp(rows=200, step=1.0, slope=0.1, seed=0):
    time = np.arange(0, rows, step)
    noise = np.random.default_rng(seed).normal(0, 0.1, (len(time), 2))
    return History("a", time, np.column_stack([slope * time, -slope * time]) + noise)


def learned(one):
    return learn_features(["x", "y"], [one])[0]


def test_a_row_depends_on_earlier_rows_only():
    one = ramp()
    features = learned(one)
    whole = features.of(one)
    for rows in (1, 2, 31, 150):
        np.testing.assert_allclose(features.of(one.until(rows)), whole[:rows], atol=1e-9)


def test_another_unit_of_measure_gives_the_same_features():
    one = ramp()
    other = History("a", one.time, one.value * [1000.0, -0.01] + [5.0, 300.0])
    mine, its = learned(one).of(one), learned(other).of(other)
    mine[:, 1:10:2] *= -1  # the second column was turned round
    np.testing.assert_allclose(its, mine, atol=1e-9)


def test_every_second_row_tells_nearly_the_same():
    one = ramp()
    features = learned(one)
    half = History("a", one.time[::2], one.value[::2])
    whole = features.of(one)[::2]
    assert np.abs(features.of(half) - whole)[40:].max() < 0.25 * np.abs(whole[40:]).std()


def test_the_line_through_the_window_is_the_least_squares_line():
    one = ramp()
    features = learned(one)
    level = features.levels(one)
    window = one.time > 120 - features.window
    window[121:] = False
    slope, height = np.polyfit(one.time[window], level[window, 0], 1)
    mean, _, told_slope, end = features.of(one)[120][[0, 2, 4, 6]]
    assert mean == pytest.approx(level[window, 0].mean())
    assert told_slope == pytest.approx(slope * features.window)
    assert end == pytest.approx(height + slope * one.time[120])


def test_constant_columns_are_left_out():
    one = ramp()
    value = np.column_stack([one.value, np.full(len(one), 7.0), np.full(len(one), np.nan)])
    features, kept = learn_features(["x", "y", "c", "n"], [History("a", one.time, value)])
    assert features.columns == ("x", "y")
    assert kept == [0, 1]


def test_holes_are_looked_past():
    one = ramp()
    value = one.value.copy()
    value[::3, 0] = np.nan
    assert np.isfinite(learned(one).of(History("a", one.time, value))[3:]).all()


def test_rows_come_in_any_order_and_the_later_of_two_at_one_time_counts():
    found = histories(["b", "a", "b", "b"], np.array([2.0, 1.0, 1.0, 2.0]), np.array([[5.0], [1.0], [4.0], [6.0]]))
    assert [one.unit for one in found] == ["b", "a"]
    assert found[0].time.tolist() == [1.0, 2.0]
    assert found[0].value.tolist() == [[4.0], [6.0]]


def test_one_row_a_unit_is_no_history():
    with pytest.raises(BadHistory, match="one row only"):
        typical_step([ramp().until(1)])
