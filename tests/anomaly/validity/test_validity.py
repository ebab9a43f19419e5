"""Sensor faults are named, a machine's own faults are let through, and chunks or restarts change nothing."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anomaly import UnreadableState
from anomaly.validity import SensorFault, Validity
from tests.anomaly.validity.made import LEARN, machine, rows_of

AT = 1010  # where the lies begin


def learned(value: np.ndarray, ranges=None) -> Validity:
    validity = Validity(value.shape[1], ranges)
    validity.learn(rows_of(value[:LEARN]))
    return validity


def faults(value: np.ndarray, ranges=None) -> np.ndarray:
    """[rows, tags], 0 in the rows that were learned."""
    usable, fault = learned(value, ranges).update(rows_of(value[LEARN:], LEARN))
    assert not usable[np.isnan(value[LEARN:])].any()
    return np.vstack([np.zeros((LEARN, value.shape[1]), np.uint8), fault])


def named(fault: np.ndarray) -> set[SensorFault]:
    return {SensorFault(code) for code in np.unique(fault)} - {SensorFault.NONE}


@pytest.mark.parametrize("seed", range(6))
def test_a_healthy_machine_has_no_sensor_fault(seed):
    assert named(faults(machine(3000, seed))) == set()


@pytest.mark.parametrize("tag", range(3))
def test_a_value_that_never_moves_again_is_stuck(tag):
    value = machine()
    value[AT:, tag] = value[AT, tag]
    found = faults(value)
    assert named(found) == {SensorFault.STUCK}
    assert (found[-100:, tag] == SensorFault.STUCK).all()
    assert named(np.delete(found, tag, axis=1)) == set()


def test_a_state_may_stand_still_for_ever():
    value = machine(4000)
    value[AT:, 4] = 1.0
    assert named(faults(value)) == set()


def test_a_machine_that_freezes_as_a_whole_has_no_stuck_sensor():
    value = machine()
    value[AT:] = value[AT]
    assert named(faults(value)) == set()


@pytest.mark.parametrize("tag", range(4))
@pytest.mark.parametrize("sentinel", [-9999.0, 65535.0, 0.0])
def test_a_sentinel_is_out_of_range(tag, sentinel):
    value = machine()
    value[AT : AT + 200, tag] = sentinel
    found = faults(value)[:, tag]
    assert (found[AT + 30 : AT + 200] == SensorFault.RANGE).all()
    assert named(found[:AT]) == set()
    assert (found[AT + 210 :] == SensorFault.NONE).all()


def test_the_engineering_range_holds_at_once():
    value = machine()
    value[AT, 3] = 130.5
    ranges = [(-np.inf, np.inf)] * 3 + [(-40.0, 120.0), (0.0, 1.0)]
    found = faults(value, ranges)
    assert found[AT, 3] == SensorFault.RANGE
    assert named(faults(machine(), ranges)) == set()


def test_a_spike_is_not_usable_and_what_follows_is():
    value = machine()
    value[AT, 0] += 60
    found = faults(value)
    assert found[AT, 0] == SensorFault.RATE
    assert (found[AT + 3 :, 0] == SensorFault.NONE).all()


# The flow is too coarse for a small conversion: any step would pass for one.
CONVERSIONS = [(1000, 0), (0.001, 0), (60, 0), (14.5038, 0), (-1, 0), (0.1, 0), (3.6, 0), (1.8, 32)]
CASES = [(tag, *pair) for tag in range(4) for pair in CONVERSIONS if tag != 2 or not 1 < pair[0] < 4]


@pytest.mark.parametrize(("tag", "gain", "offset"), CASES)
def test_another_unit_is_a_unit_switch(tag, gain, offset):
    value = machine()
    value[AT:, tag] = gain * value[AT:, tag] + offset
    found = faults(value)[:, tag]
    assert named(found) <= {SensorFault.RATE, SensorFault.UNIT_SWITCH}
    assert (found[AT + 25 :] == SensorFault.UNIT_SWITCH).all()


def test_the_unit_of_before_is_believed_again():
    value = machine()
    value[AT : AT + 100, 0] *= 1000
    found = faults(value)[:, 0]
    assert (found[AT + 140 :] == SensorFault.NONE).all()


def test_a_sensor_that_spits_is_noise():
    value = machine()
    value[AT : AT + 300 : 17, 0] += 70
    found = faults(value)[:, 0]
    assert (found[AT + 80 : AT + 290] == SensorFault.NOISE).all()
    assert (found[AT + 380 :] == SensorFault.NONE).all()


def test_one_wild_tag_is_noise():
    value = machine()
    value[AT:, 1] += 5 * np.random.default_rng(9).standard_normal(len(value) - AT)
    found = faults(value)[:, 1]
    assert (found[AT + 40 :] == SensorFault.NOISE).mean() > 0.9


def test_long_holes_are_gaps_and_short_ones_are_only_missing():
    value = machine()
    value[AT : AT + 3, 0] = np.nan
    value[AT + 100 : AT + 140, 1] = np.nan
    found = faults(value)
    assert named(found[:, 0]) == set()
    assert (found[AT + 110 : AT + 140, 1] == SensorFault.GAP).all()
    assert found[AT + 140, 1] == SensorFault.NONE


def test_a_stretched_interval_is_a_gap_of_every_tag_but_its_values_count():
    value = machine()
    validity = learned(value)
    rows = rows_of(value[LEARN:], LEARN)
    late = rows.time_ns.copy()
    late[200:] += 3600 * 10**9
    usable, fault = validity.update(type(rows)(late, rows.value))
    assert (fault[200] == SensorFault.GAP).all()
    assert usable.all()
    assert (np.delete(fault, 200, axis=0) == 0).all()


def test_a_machine_fault_in_two_tags_is_let_through():
    value = machine()
    value[AT:, 0] += 12
    value[AT:, 1] -= 6
    usable = faults(value) == 0
    assert usable[AT:].all()


def test_a_step_of_the_machine_in_one_tag_alone_is_believed_after_a_few_rows():
    value = machine()
    value[AT:, 0] += 25
    found = faults(value)[:, 0]
    assert named(found) <= {SensorFault.RATE}
    assert (found[AT:] != 0).sum() <= 1
    usable, _ = learned(value).update(rows_of(value[LEARN:], LEARN))
    assert (~usable).sum() <= 6


@pytest.mark.parametrize("way", ["drift", "oscillation", "lost correlation"])
def test_what_a_tag_can_do_is_no_sensor_fault(way):
    value = machine()
    after = np.arange(len(value) - AT)
    value[AT:, 0] += {
        "drift": 0.05 * after,
        "oscillation": 8 * np.sin(after / 4),
        "lost correlation": 5 * np.sin(after / 30),
    }[way]
    assert named(faults(value)) == set()


def test_a_machine_that_stops_for_the_first_time_has_no_stuck_sensors():
    value = machine()
    rng = np.random.default_rng(3)
    value[AT:, :3] = np.round(0.001 * rng.standard_normal((len(value) - AT, 3)), 2)
    value[AT:, 3] = 20 + 50 * np.exp(-np.arange(len(value) - AT) / 100)
    value[AT:, 4] = 0
    assert not named(faults(value)) & {SensorFault.STUCK, SensorFault.UNIT_SWITCH}


def lied_to() -> np.ndarray:
    """One machine with every lie in it."""
    rng = np.random.default_rng(5)
    value = machine(2600)
    value[700:800, 0] = value[700, 0]
    value[900:960, 1] *= 1000
    value[1100:1200, 0] += 6 * rng.standard_normal(100)
    value[1300:1340, 2] = -9999
    value[1500:1503, 3] += 40
    value[1600:1650, 3] = np.nan
    value[rng.random(value.shape) < 0.05] = np.nan
    return value


WHOLE = faults(lied_to())[LEARN:]


@settings(max_examples=12, deadline=None)
@given(st.lists(st.integers(1, 400), min_size=1, max_size=40), st.booleans())
def test_chunks_and_restarts_change_nothing(sizes, restarts):
    value = lied_to()
    validity = learned(value)
    start, told = LEARN, []
    for size in [*sizes, len(value)]:
        if restarts:
            again = Validity(value.shape[1])
            again.restore(validity.snapshot())
            validity = again
        told.append(validity.update(rows_of(value[start : start + size], start))[1])
        start = min(len(value), start + size)
    assert len(named(WHOLE)) == 6
    np.testing.assert_array_equal(np.vstack(told), WHOLE)


def test_row_by_row_is_the_same():
    value = lied_to()[:1300]
    validity = learned(value)
    told = [validity.update(rows_of(value[row : row + 1], row))[1] for row in range(LEARN, len(value))]
    np.testing.assert_array_equal(np.vstack(told), WHOLE[: len(told)])


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 4), st.floats(1e-3, 1e3), st.integers(0, 10_000))
def test_the_unit_a_tag_comes_in_does_not_matter(tag, scale, seed):
    value = lied_to()
    rescaled = value.copy()
    rescaled[:, tag] *= 2.0 ** round(np.log2(scale))
    order = np.random.default_rng(seed).permutation(value.shape[1])
    np.testing.assert_array_equal(faults(rescaled[:, order])[LEARN:], WHOLE[:, order])


@pytest.mark.parametrize("rows", [0, 1, 2])
def test_almost_nothing_to_learn_from_is_no_reason_to_fail(rows):
    value = machine()
    validity = Validity(5)
    validity.learn(rows_of(value[:rows]))
    usable, fault = validity.update(rows_of(value[rows:], rows))
    assert usable.shape == fault.shape == (len(value) - rows, 5)


def test_tags_without_a_value_are_missing():
    value = machine()
    value[:, 2] = np.nan
    found = faults(value)
    assert not named(np.delete(found, 2, axis=1))
    usable, _ = learned(value).update(rows_of(value[LEARN:]))
    assert not usable[:, 2].any()


def test_a_damaged_state_is_told():
    with pytest.raises(UnreadableState):
        Validity(5).restore(b"nothing")
    with pytest.raises(UnreadableState, match="of 5 tags, not of 4"):
        Validity(4).restore(learned(machine()).snapshot())
