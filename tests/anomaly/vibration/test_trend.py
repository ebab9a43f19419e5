"""Trends: what is important, how long it must last, streaming, states; real bearings run to failure where they are."""

from pathlib import Path

import numpy as np
import pytest

from anomaly import UnreadableState
from anomaly.vibration.trend import LEARN_SNAPSHOTS, ON_SNAPSHOTS, BadSnapshots, TrendDetector

PRONOSTIA = Path(__file__).parents[3] / "../shared/datasets/pronostia"


def life(snapshots=600, rises_at=400, factor=4.0, seed=1):
    """Two features with scatter; from `rises_at` on the first one is greater."""
    features = np.exp(0.1 * np.random.default_rng(seed).standard_normal((snapshots, 2)))
    features[rises_at:, 0] *= factor
    return features


def test_it_learns_in_silence_then_alarms_soon_after_the_rise():
    trend = TrendDetector(2).update(life())
    assert np.isnan(trend.score[:LEARN_SNAPSHOTS]).all()
    assert np.isfinite(trend.score[LEARN_SNAPSHOTS:]).all()
    assert not trend.alarm[:400].any()
    assert 400 + ON_SNAPSHOTS <= int(np.argmax(trend.alarm)) <= 420
    assert trend.alarm[-1]


@pytest.mark.parametrize("factor", [0.2, 1.0, 2.2])
def test_less_than_eight_decibels_is_no_alarm(factor):
    assert not TrendDetector(2).update(life(factor=factor)).alarm.any()


def test_a_restless_machine_has_a_wider_limit():
    rng = np.random.default_rng(4)
    wild = np.exp(np.cumsum(0.15 * rng.standard_normal(60)) % 1.5)
    features = np.tile(wild, 10)[:, None] + 0.1
    assert not TrendDetector(1).update(features).alarm.any()


def test_one_blow_is_no_trend_and_a_calm_stretch_ends_the_alarm():
    features = life(factor=1.0)
    features[300] *= 50
    assert not TrendDetector(2).update(features).alarm.any()
    features[300:400] *= 5
    alarm = TrendDetector(2).update(features).alarm
    assert alarm[399]
    assert not alarm[-1]


@pytest.mark.parametrize("cut", [1, 59, 60, 61, 333, 415])
def test_cut_saved_and_restored_it_says_the_same_bit_for_bit(cut):
    features = life()
    whole = TrendDetector(2).update(features)
    first = TrendDetector(2)
    before = first.update(features[:cut])
    second = TrendDetector(2)
    second.restore(first.snapshot())
    after = second.update(features[cut:])
    assert np.array_equal(np.r_[before.score, after.score], whole.score, equal_nan=True)
    assert np.array_equal(np.r_[before.alarm, after.alarm], whole.alarm)


def test_holes_say_nothing_and_change_nothing():
    features = life()
    kept = np.random.default_rng(2).random(len(features)) > 0.2
    holed = np.where(kept[:, None], features, np.array([np.nan, -1.0]))
    trend = TrendDetector(2).update(holed)
    assert np.array_equal(trend.score[kept], TrendDetector(2).update(features[kept]).score, equal_nan=True)
    assert np.isnan(trend.score[~kept]).all()


def test_a_repair_begins_anew():
    detector = TrendDetector(2)
    detector.update(life())
    detector.relearn()
    assert not detector.active
    assert not detector.update(life()[:300]).alarm.any()


def test_what_does_not_fit_is_refused():
    with pytest.raises(BadSnapshots, match="2 features"):
        TrendDetector(2).update(np.ones((5, 3)))
    with pytest.raises(UnreadableState):
        TrendDetector(2).restore(TrendDetector(3).snapshot())
    with pytest.raises(UnreadableState):
        TrendDetector(2).restore(b"nonsense")


@pytest.mark.skipif(not PRONOSTIA.is_dir(), reason="the PRONOSTIA bearings are not here")
def test_real_bearings_alarm_before_they_fail():
    for path in sorted(PRONOSTIA.glob("Bearing*.npz")):
        with np.load(path) as archive:
            alarm = TrendDetector(2).update(archive["features"][:, :, 2]).alarm
        assert alarm.any(), path.stem
        assert np.argmax(alarm) < len(alarm) - ON_SNAPSHOTS
