"""One mode unless the rows clearly show more; the same modes in chunks and after a restart."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anomaly import UnreadableState
from anomaly.modes import STANDING, UNKNOWN, Modes
from anomaly.rows import Rows
from tests.anomaly.validity.made import rows_of


def steady(rows: int = 3000, tags: int = 6, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    common = np.cumsum(0.02 * rng.standard_normal(rows))
    return 50 + common[:, None] * rng.uniform(0.2, 1, tags) + rng.standard_normal((rows, tags))


def stays(wanted: list[tuple[int, int]]) -> np.ndarray:
    return np.repeat([mode for mode, _ in wanted], [rows for _, rows in wanted])


def switched(mode: np.ndarray, seed: int = 0) -> np.ndarray:
    """Power and flow tell the mode, a temperature follows it slowly, one tag does not care."""
    rng = np.random.default_rng(seed)
    power, flow = np.array([1.0, 12.0, 30.0])[mode], np.array([0.5, 0.8, 9.0])[mode]
    warm = np.zeros(len(mode))
    for row in range(1, len(mode)):
        warm[row] = warm[row - 1] + (power[row] - warm[row - 1]) / 20
    noise = rng.standard_normal((len(mode), 4)) * [0.3, 0.1, 0.3, 1.0]
    return np.column_stack([power, flow, 20 + warm, np.full(len(mode), 5.0)]) + noise


TRUE = stays([(0, 120), (2, 200), (1, 60), (2, 150), (0, 150), (1, 90), (2, 200), (0, 100), (1, 80), (2, 150)] * 3)


def learned(value: np.ndarray, state_tag: int | None = None) -> Modes:
    modes = Modes(value.shape[1], state_tag)
    modes.learn(rows_of(value))
    return modes


@pytest.mark.parametrize("seed", range(5))
def test_a_steady_machine_has_one_mode(seed):
    value = steady(seed=seed)
    modes = learned(value)
    assert modes.count == 1
    assert (modes.update(rows_of(value)) == 0).all()


@pytest.mark.parametrize(
    "strange",
    [
        lambda row: np.where(row > 1500, 20.0, 0.0),  # a change for good
        lambda row: np.where((row > 1500) & (row < 2000), 20.0, 0.0),  # once and never again
        lambda row: 20.0 * np.sin(row / 150),  # a season
        lambda row: np.where(row % 2, 20.0, 0.0),  # too quick to be held
        lambda row: np.round(8 * np.sin(row / 150)),  # a coarse instrument
        lambda row: 20.0 * (row % 300) / 300,  # a sawtooth
    ],
)
def test_what_is_no_mode(strange):
    value = steady()
    value[:, 2] += strange(np.arange(len(value)))
    assert learned(value).count == 1


def test_modes_that_are_held_and_come_back_are_told_apart():
    modes = learned(switched(TRUE))
    assert modes.count == 3
    told = modes.update(rows_of(switched(TRUE, seed=1)))
    known = told != UNKNOWN
    assert known.mean() > 0.5
    pairs = {(true, mode) for true, mode in zip(TRUE[known].tolist(), told[known].tolist(), strict=True)}
    assert len(pairs) == 3


def test_behind_a_change_nothing_is_known_until_it_has_settled():
    modes = learned(switched(TRUE))
    told = modes.update(rows_of(switched(TRUE, seed=1)))
    starts = np.flatnonzero(np.diff(TRUE)) + 1
    assert modes.settle_rows.max() > 5
    assert (told[starts] == UNKNOWN).mean() > 0.9
    assert modes.settle_rows.max() <= 120


def test_a_machine_fault_does_not_become_another_mode():
    modes = learned(switched(TRUE))
    steady_load = switched(stays([(2, 400)]), seed=2)
    steady_load[200:, 2] += 15  # the temperature leaves; power and flow say load
    told = modes.update(rows_of(steady_load))
    assert (told[100:] == told[150]).all()
    assert told[150] != UNKNOWN


def test_a_state_tag_is_taken_at_its_word():
    value = np.column_stack([switched(TRUE), TRUE.astype(float)])
    modes = learned(value, state_tag=4)
    assert modes.count == 3
    again = np.column_stack([switched(TRUE, seed=1), np.where(TRUE == 1, 7.0, TRUE)])
    told = modes.update(rows_of(again))
    assert (told[TRUE == 1] == UNKNOWN).all()  # a state never seen before
    assert set(told[TRUE == 2].tolist()) <= {2, UNKNOWN}


def test_a_stop_never_seen_before_and_the_start_behind_it_are_left_alone():
    value = steady()
    modes = learned(value)
    stopped = steady(seed=1)
    stopped[500:540, :4] = 0.0
    told = modes.update(rows_of(stopped))
    assert (told[500:615] == STANDING).all()
    assert (told[625:] == 0).all()
    assert (told[:500] == 0).all()


def test_one_tag_at_zero_is_no_stop():
    value = steady()
    modes = learned(value)
    value[500:, 1] = 0.0
    assert (modes.update(rows_of(value)) == 0).all()


@settings(max_examples=12, deadline=None)
@given(st.lists(st.integers(1, 300), min_size=1, max_size=40), st.booleans(), st.integers(0, 3))
def test_chunks_and_restarts_change_nothing(sizes, restarts, seed):
    value = switched(TRUE, seed=seed)
    value[600:640, :3] = 0.0
    value[np.random.default_rng(seed).random(value.shape) < 0.05] = np.nan
    train = switched(TRUE)
    whole = learned(train).update(rows_of(value))
    modes, told, start = learned(train), [], 0
    for size in [*sizes, len(value)]:
        if restarts:
            again = Modes(4)
            again.restore(modes.snapshot())
            modes = again
        told.append(modes.update(rows_of(value[start : start + size], start)))
        start = min(len(value), start + size)
    np.testing.assert_array_equal(np.concatenate(told), whole)


@pytest.mark.parametrize("rows", [0, 1, 5])
def test_almost_nothing_to_learn_from_is_one_mode(rows):
    modes = Modes(4)
    modes.learn(rows_of(switched(TRUE)[:rows]))
    assert modes.count == 1
    assert (modes.update(rows_of(switched(TRUE)[:50])) == 0).all()


def test_empty_tags_do_not_matter():
    value = switched(TRUE)
    value[:, 3] = np.nan
    assert learned(value).count == 3
    assert Modes(2).update(Rows(np.zeros(0, np.int64), np.zeros((0, 2)))).shape == (0,)


def test_a_damaged_state_is_told():
    with pytest.raises(UnreadableState):
        Modes(4).restore(b"nothing")
    with pytest.raises(UnreadableState):
        Modes(3).restore(learned(switched(TRUE)).snapshot())
