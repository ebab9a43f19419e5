"""Slow drift: told long before the trip limit, whatever the memory of the noise, and not where there is none."""

import numpy as np
import pytest

from anomaly.baseline import Baseline
from anomaly.baseline.drift import Drift
from tests.anomaly.baseline.series import autoregressive, onsets, rows_of

BEGIN, TRIP = 6000, 10.0


@pytest.mark.parametrize("memory", [0.0, 0.5, 0.9, 0.99])
@pytest.mark.parametrize("duration", [2000, 8000])
def test_a_slow_drift_is_told_before_half_way_to_the_trip_limit(memory, duration):
    half = BEGIN + duration // 2
    noise = autoregressive(np.random.default_rng(5), half, 12, memory)
    drifting = noise + np.clip((np.arange(half) - BEGIN) / duration, 0.0, 1.0)[:, None] * TRIP
    found = onsets(Baseline(12).judge(rows_of(drifting, 60.0)).alarm)
    assert found[BEGIN:].any(0).mean() >= 0.85


@pytest.mark.parametrize("memory", [0.0, 0.5, 0.9, 0.99])
def test_the_sums_alone_raise_few_alarms_on_noise(memory):
    """In-control run length: at most one drift told of in four weeks of five-minute values."""
    noise = autoregressive(np.random.default_rng(8), 8064, 12, memory)
    detector = Baseline(12)
    told = 0
    for chunk in rows_of(noise).chunks(1000):
        before = detector._drifts.active.copy()
        detector.judge(chunk)
        told += (detector._drifts.active & ~before).sum()
    assert told <= 12


def test_the_sum_grows_with_the_drift_and_starts_anew_after_a_restart():
    drift = Drift(2)
    dice = np.random.default_rng(1)
    still, unit = np.zeros(2), np.ones(2)
    for _ in range(50):
        drift.learn(dice.normal(size=(16, 2)), still, unit)
    calm = drift.statistic.copy()
    for _ in range(20):
        drift.learn(dice.normal(size=(16, 2)) + np.array([0.0, 1.5]), still, unit)
    assert drift.statistic[1] > 10.0 > drift.statistic[0]
    assert (calm < 10.0).all()
    drift.restart(np.array([False, True]), np.array([0.0, 1.5]))
    assert drift.statistic[1] == 0.0


def test_a_drift_that_stays_is_told_and_then_normal():
    dice = np.random.default_rng(2)
    value = dice.normal(size=(9000, 1)) + np.clip((np.arange(9000) - 3000) / 3000, 0.0, 1.0)[:, None] * 4.0
    found = np.flatnonzero(onsets(Baseline(1).judge(rows_of(value)).alarm))
    assert 1 <= ((found >= 3000) & (found < 6000)).sum() <= 12
    assert (found >= 8000).sum() <= 1
