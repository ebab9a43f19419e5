"""The profile of the day and the week: learned where it is there, left alone where it is not."""

import numpy as np
import pytest

from anomaly.baseline import Baseline
from anomaly.baseline.season import DAY_S, WEEK_S, Season
from tests.anomaly.baseline.series import START_NS, autoregressive, daily, onsets, rows_of

STEP_S = 900.0
DAY_ROWS = int(DAY_S / STEP_S)


def learned(value, period_s, bins, step_s=STEP_S):
    """A profile that has seen [n, k] deviations in blocks of 16."""
    season = Season(value.shape[1], period_s, bins)
    second = START_NS / 1e9 + np.arange(len(value)) * step_s
    for start in range(0, len(value) - 15, 16):
        season.learn(second[start : start + 16], value[start : start + 16], np.ones(value.shape[1]), step_s)
    return season, second


@pytest.fixture
def dice():
    return np.random.default_rng(3)


def test_a_season_is_used_after_two_periods_and_not_before(dice):
    value = 2.0 * daily(DAY_ROWS * 8, STEP_S) + 0.5 * dice.normal(size=(DAY_ROWS * 8, 1))
    assert not learned(value[: DAY_ROWS + 16], DAY_S, 96)[0].used(STEP_S).any()
    season, second = learned(value, DAY_S, 96)
    assert season.used(STEP_S).all()
    expected = season.expected(second[:DAY_ROWS] + 8 * DAY_S, STEP_S)
    assert np.abs(expected - 2.0 * daily(DAY_ROWS, STEP_S)).max() < 0.9


@pytest.mark.parametrize("memory", [0.0, 0.9, 0.99])
def test_noise_has_no_season_however_slow_its_waves(dice, memory):
    noise = autoregressive(dice, DAY_ROWS * 10, 12, memory)
    assert learned(noise, DAY_S, 96)[0].used(STEP_S).sum() <= 3


def test_a_wave_of_another_period_is_no_season_of_the_day():
    value = np.sin(2.0 * np.pi * np.arange(DAY_ROWS * 12) / (DAY_ROWS * 0.77))[:, None]
    assert not learned(value, DAY_S, 96)[0].used(STEP_S).any()


def test_a_season_of_a_few_percent_is_not_worth_it(dice):
    value = 0.3 * daily(DAY_ROWS * 10, STEP_S) + dice.normal(size=(DAY_ROWS * 10, 8))
    assert not learned(value, DAY_S, 96)[0].used(STEP_S).any()


def test_weekends_are_the_weeks_profile(dice):
    hours = 24 * 7 * 5
    week = (np.arange(hours) // 24 % 7 < 2).astype(float)[:, None]
    value = 3.0 * week + 0.3 * dice.normal(size=(hours, 1))
    assert learned(value, WEEK_S, 168, 3600.0)[0].used(3600.0).all()
    assert not learned(value[: 24 * 8], WEEK_S, 168, 3600.0)[0].used(3600.0).any()


def test_a_profile_goes_when_the_season_goes(dice):
    value = np.vstack([2.0 * daily(DAY_ROWS * 6, STEP_S), np.zeros((DAY_ROWS * 14, 1))])
    assert not learned(value + 0.5 * dice.normal(size=value.shape), DAY_S, 96)[0].used(STEP_S).any()


def test_a_missing_shift_is_found_and_the_shifts_themselves_are_not(dice):
    """Energy of a hall that works from 6 to 18: a day without work is inside the range of all values."""
    hour = np.arange(DAY_ROWS * 30) * STEP_S % DAY_S / 3600.0
    power = np.where((hour >= 6) & (hour < 18), 80.0, 20.0) + dice.normal(0.0, 3.0, len(hour))
    still = slice(DAY_ROWS * 25, DAY_ROWS * 26)
    power[still] = 20.0 + dice.normal(0.0, 3.0, DAY_ROWS)
    found = np.flatnonzero(onsets(Baseline(1).judge(rows_of(power, STEP_S)).alarm))
    inside = (found >= still.start) & (found < still.stop)
    assert inside.any()
    assert ((found >= DAY_ROWS * 4) & (found < still.start)).sum() <= 4


def test_gaps_do_not_spoil_a_season(dice):
    value = 2.0 * daily(DAY_ROWS * 8, STEP_S) + 0.5 * dice.normal(size=(DAY_ROWS * 8, 1))
    value[dice.random(len(value)) < 0.3] = np.nan
    assert learned(value, DAY_S, 96)[0].used(STEP_S).all()
