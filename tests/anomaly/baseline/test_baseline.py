"""Single tags: quiet in calm, loud when something happens, whatever the scale, the same however the rows are cut."""

import numpy as np
import pytest

from anomaly import UnreadableState
from anomaly.baseline import Baseline
from tests.anomaly.baseline.series import autoregressive, daily, onsets, rows_of


@pytest.fixture
def dice():
    return np.random.default_rng(7)


def mixed(dice, rows):
    """Five tags of different kinds, with holes and a fault."""
    value = np.hstack([
        dice.normal(50.0, 2.0, (rows, 1)), autoregressive(dice, rows, 1, 0.95), np.exp(dice.normal(size=(rows, 1))),
        daily(rows) * 5.0 + dice.normal(size=(rows, 1)), np.cumsum(dice.random((rows, 1)) < 0.3)[:, None],
    ])  # fmt: skip
    value[dice.random(value.shape) < 0.1] = np.nan
    value[rows - 60 : rows - 20, 0] += 12.0
    return value


def test_cut_and_restart_make_no_difference(dice):
    rows = rows_of(mixed(dice, 1000))
    whole = Baseline(5).judge(rows)
    cut, restored = Baseline(5), Baseline(5)
    at = 0
    for size in [1] * 40 + [7, 16, 33, 1, 256, 3, 2000]:
        part = rows.part(at, at + size)
        restored.restore(cut.snapshot())
        one, other = cut.judge(part), restored.judge(part)
        expected = slice(at, at + len(part))
        for said in (one, other):
            np.testing.assert_allclose(said.surprise, whole.surprise[expected], rtol=0, atol=1e-9)
            np.testing.assert_allclose(said.rarity, whole.rarity[expected], rtol=0, atol=1e-9)
            np.testing.assert_array_equal(said.alarm, whole.alarm[expected])
        at += len(part)
    assert at == 1000
    assert whole.alarm[:, 0].any()


def test_nothing_depends_on_what_comes_later(dice):
    value = mixed(dice, 600)
    changed = value.copy()
    changed[400:] = 1e6
    early, late = Baseline(5).judge(rows_of(value)), Baseline(5).judge(rows_of(changed))
    np.testing.assert_array_equal(early.rarity[:400], late.rarity[:400])


def test_scale_offset_and_neighbours_do_not_matter(dice):
    value = autoregressive(dice, 1500, 2, 0.8)
    value[1200:1230, 0] += 9.0
    plain = Baseline(2).judge(rows_of(value))
    scaled = Baseline(2).judge(rows_of(np.array([3e-4, 7e5]) * value + np.array([1.0, 2e6])))
    alone = Baseline(1).judge(rows_of(value[:, 0]))
    np.testing.assert_allclose(scaled.rarity, plain.rarity, atol=1e-4)
    np.testing.assert_array_equal(scaled.alarm, plain.alarm)
    np.testing.assert_allclose(alone.rarity[:, 0], plain.rarity[:, 0], rtol=0, atol=1e-9)
    assert onsets(plain.alarm)[1200:1210, 0].any()


@pytest.mark.parametrize("fault", ["leap", "spikes", "restless"])
def test_a_fault_is_found_soon(dice, fault):
    value = dice.normal(10.0, 1.0, (3000, 4))
    value[2500:] = {
        "leap": value[2500:] + 3.0,
        "spikes": value[2500:] + 15.0 * (np.arange(500) % 4 == 0)[:, None],
        "restless": 10.0 + 4.0 * (value[2500:] - 10.0),
    }[fault]
    alarm = Baseline(4).judge(rows_of(value)).alarm
    assert alarm[2500:2560].any(0).all()
    assert onsets(alarm)[2500:2560].any(0).sum() >= 3  # one may have been in alarm by chance


def test_calm_rows_are_as_surprising_as_they_say(dice):
    calm = np.hstack([autoregressive(dice, 6000, 3, memory) for memory in (0.0, 0.5, 0.9)])
    surprise = Baseline(9).update(rows_of(calm))[1000:]
    assert np.isfinite(surprise).all()
    assert 0.02 <= (surprise > 1.0).mean() <= 0.12
    assert (surprise > 2.0).mean() <= 0.012
    assert (surprise > 3.0).mean() <= 0.0015


@pytest.mark.parametrize("memory", [0.0, 0.5, 0.9, 0.99])
def test_false_alarms_keep_to_the_budget_on_noise_of_any_memory(memory):
    noise = autoregressive(np.random.default_rng(11), 9000, 8, memory)
    false = onsets(Baseline(8).judge(rows_of(noise)).alarm)[750:].sum()
    weeks = 8 * (9000 - 750) / 2016
    assert false / weeks <= 1.5


def test_first_alarm_needs_a_past_and_training_rows_are_never_alarmed(dice):
    wild = dice.normal(size=(150, 3)) * dice.choice([1.0, 1000.0], (150, 3))
    judged = Baseline(3).judge(rows_of(wild))
    assert np.isnan(judged.surprise[:100]).all()
    assert not judged.alarm[:100].any()
    detector = Baseline(3)
    detector.learn(rows_of(dice.normal(size=(400, 3))))
    assert np.isfinite(detector.update(rows_of(dice.normal(size=(5, 3))))).all()


def test_what_is_no_measurement_is_never_alarmed(dice):
    rows = 1500
    state = (np.arange(rows) // 200 % 2).astype(float)
    counter = np.cumsum(dice.random(rows) < 0.4) * 1.0
    counter[800:] -= counter[800]
    late = np.where(np.arange(rows) < 1000, np.nan, 4.0)
    value = np.column_stack([np.zeros(rows), np.full(rows, 5.5), state, counter, np.full(rows, np.nan), late])
    judged = Baseline(6).judge(rows_of(value))
    assert not judged.alarm.any()
    measured = np.isfinite(value[1200:])
    np.testing.assert_array_equal(np.isfinite(judged.surprise[1200:]), measured)
    assert (judged.surprise[1200:][measured] == 0.0).all()


def test_a_constant_that_comes_alive_is_an_alarm():
    value = np.full(900, 20.0)
    value[700:] += np.arange(200) % 3
    assert onsets(Baseline(1).judge(rows_of(value)).alarm)[700:710].any()


def test_infinities_and_absurd_numbers_are_holes(dice):
    value = dice.normal(size=(400, 1))
    holes = value.copy()
    value[[300, 310, 320], 0] = [np.inf, -np.inf, 1e300]
    holes[[300, 310, 320], 0] = np.nan
    judged = Baseline(1).judge(rows_of(value))
    assert np.flatnonzero(np.isnan(judged.surprise[200:, 0])).tolist() == [100, 110, 120]
    np.testing.assert_array_equal(judged.rarity, Baseline(1).judge(rows_of(holes)).rarity)


def test_expected_and_band_are_those_of_the_chart(dice):
    detector = Baseline(1)
    value = 100.0 + 20.0 * daily(288 * 6) + dice.normal(size=(288 * 6, 1))
    detector.judge(rows_of(value))
    assert abs(detector.expected()[0] - value[-1, 0]) < 5.0
    assert 0.5 < detector.band()[0] < 25.0


def test_a_state_fits_its_version_and_its_tags_only(dice):
    detector = Baseline(2)
    detector.judge(rows_of(dice.normal(size=(50, 2))))
    state = detector.snapshot()
    with pytest.raises(UnreadableState, match="other tags"):
        Baseline(3).restore(state)
    with pytest.raises(UnreadableState, match="no baseline state"):
        Baseline(2).restore(state[:-40])
    with pytest.raises(UnreadableState, match="no baseline state"):
        Baseline(2).restore(b"")


def test_a_tag_takes_at_most_8_kb(dice):
    detector = Baseline(200)
    detector.judge(rows_of(dice.normal(size=(64, 200))))
    held = sum(getattr(part, name).nbytes for part in detector._parts().values() for name in part.FIELDS)
    assert held / 200 <= 8192
    assert len(detector.snapshot()) / 200 <= 8192


def test_no_rows_are_no_judgement():
    judged = Baseline(2).judge(rows_of(np.empty((0, 2))))
    assert judged.surprise.shape == judged.rarity.shape == judged.alarm.shape == (0, 2)
