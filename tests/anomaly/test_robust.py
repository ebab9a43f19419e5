"""The statistical detector: quiet while it learns and on healthy data, loud on a shift, the same after a restart."""

import numpy as np
import pytest

from anomaly import UnreadableState
from anomaly.detectors.block import Block
from anomaly.detectors.robust import CALIBRATE_ROWS, LEARN_ROWS, OFF_ROWS, ON_ROWS, RobustDetector, baseline

S = 1_000_000_000
READY = LEARN_ROWS + CALIBRATE_ROWS


def blocks(values: np.ndarray, cut: int, first: int = 0):
    """(rows, series) values as blocks of `cut` rows; series are numbered from 0."""
    rows, width = values.shape
    for start in range(0, rows, cut):
        part = values[start : start + cut]
        time_ns = (np.arange(start, start + len(part)) + first) * S
        yield Block.of(np.tile(np.arange(width), len(part)), np.repeat(time_ns, width), part.ravel())


def run(detector, values, cut=50, first=0):
    return [transition for part in blocks(values, cut, first) for transition in detector.update(part)]


def healthy(rows, width=4, seed=0):
    return np.random.default_rng(seed).normal(50.0, 1.0, (rows, width))


def test_nothing_is_said_while_learning_however_wild():
    wild = healthy(READY, 3) * np.random.default_rng(1).choice([1, 1000], (READY, 3))
    detector = RobustDetector([0, 1, 2])
    assert run(detector, wild) == []
    assert detector.ready == {0, 1, 2}
    assert RobustDetector([0]).ready == frozenset()
    assert RobustDetector([0]).expected(0) is None


def test_a_shift_is_found_with_its_onset_and_its_return():
    values = healthy(READY + 600)
    values[READY + 200 : READY + 400, 2] += 6.0
    detector = RobustDetector(range(4))
    raised, cleared = run(detector, values)
    assert (raised.series, raised.active, cleared.series, cleared.active) == (2, True, 2, False)
    assert READY + 200 <= raised.onset_ns // S < READY + 200 + 10
    assert raised.time_ns // S < READY + 200 + 10 + ON_ROWS
    assert READY + 400 <= cleared.time_ns // S < READY + 400 + 20 + OFF_ROWS
    assert raised.score >= 1.0


def test_a_hundred_thousand_healthy_rows_stay_quiet():
    assert run(RobustDetector(range(20)), healthy(5_000, 20, seed=7), cut=500) == []


def test_a_single_wild_value_is_not_an_anomaly():
    values = healthy(READY + 300)
    values[READY + 100, 0] = 1e9
    assert run(RobustDetector(range(4)), values) == []


def test_slow_drift_of_a_healthy_machine_is_followed():
    values = healthy(READY + 8_000, 1)
    values[:, 0] += np.r_[np.zeros(READY), np.linspace(0, 8, 8_000)]
    assert run(RobustDetector([0]), values, cut=500) == []


@pytest.mark.parametrize("level", [0.0, 1e-300, -3.0, 1e12])
def test_a_flat_signal_never_divides_by_zero(level):
    detector = RobustDetector([0])
    with np.errstate(all="raise"):
        assert run(detector, np.full((READY + 500, 1), level)) == []
        assert len(run(detector, np.full((40, 1), level + 1e14), first=READY + 500)) == 1


def test_what_was_a_mode_in_learning_is_no_anomaly_later():
    values = healthy(READY + 1_000, 1)
    values[:, 0] += np.where(np.arange(len(values)) // 25 % 4 == 0, 20.0, 0.0)
    assert run(RobustDetector([0]), values) == []


def test_counters_are_left_alone():
    values = np.cumsum(np.random.default_rng(3).integers(0, 3, (READY + 3_000, 1)), axis=0).astype(float)
    detector = RobustDetector([0])
    assert run(detector, values) == []
    assert detector.ready == frozenset()


def test_the_baseline_stands_still_while_active_and_learns_anew_when_told():
    values = healthy(READY + 2_000, 1)
    values[READY + 100 :, 0] += 10.0
    detector = RobustDetector([0])
    assert [transition.active for transition in run(detector, values[: READY + 200])] == [True]
    before = detector.expected(0)
    assert run(detector, values[READY + 200 :], first=READY + 200) == []
    assert detector.expected(0) == before
    detector.relearn([0])
    assert detector.active == frozenset()
    new_normal = healthy(READY + 300, 1, seed=5) + 10.0
    assert run(detector, new_normal, first=READY + 2_000) == []
    assert detector.expected(0) == pytest.approx(60.0, abs=0.5)


def trouble(rows, width):
    """Shifts, spikes and a flat tag: everything that moves the state."""
    values = healthy(rows, width, seed=9)
    values[READY + 60 : READY + 140, 0] += 9.0
    values[READY + 20 :, 1] -= 7.0
    values[::37, 2] += 40.0
    values[:, 3] = 5.0
    return values


def test_every_cut_into_blocks_says_the_same_bit_for_bit():
    values = trouble(READY + 250, 4)
    whole = RobustDetector(range(4))
    expected = run(whole, values, cut=len(values))
    assert len(expected) >= 3
    for cut in (1, 7, 50, 301):
        other = RobustDetector(range(4))
        assert sorted(run(other, values, cut), key=repr) == sorted(expected, key=repr)
        assert other.snapshot() == whole.snapshot()


def test_a_restart_at_any_row_changes_nothing():
    values = trouble(READY + 250, 4)
    undisturbed, expected = RobustDetector(range(4)), []
    restarted, got = RobustDetector(range(4)), []
    for part in blocks(values, 1):
        expected += undisturbed.update(part)
        state, restarted = restarted.snapshot(), RobustDetector(range(4))
        restarted.restore(state)
        got += restarted.update(part)
    assert got == expected != []
    assert restarted.snapshot() == undisturbed.snapshot()


def test_a_prefix_says_what_it_says_in_the_whole():
    values = trouble(READY + 250, 4)
    whole = run(RobustDetector(range(4)), values, cut=13)
    for end in range(READY, READY + 250, 31):
        prefix = run(RobustDetector(range(4)), values[:end], cut=13)
        assert prefix == [transition for transition in whole if transition.time_ns < end * S]


def test_neighbours_do_not_matter():
    values = trouble(READY + 250, 4)
    together = run(RobustDetector(range(4)), values)
    alone = []
    for series in range(4):
        detector = RobustDetector([series])
        alone += [transition for part in blocks(values, 50) for transition in detector.update(part)]
    assert sorted(alone, key=repr) == sorted(together, key=repr)


def test_tags_come_and_go_and_the_others_keep_their_state():
    values = healthy(READY + 50, 3)
    detector = RobustDetector([0, 1, 2])
    run(detector, values)
    other = RobustDetector([1, 2, 5])
    other.restore(detector.snapshot())
    assert other.ready == {1, 2}
    assert other.expected(1) == detector.expected(1)


def test_a_damaged_state_is_refused():
    other = RobustDetector([0])
    for state in (b"", b"rubbish", RobustDetector([0]).snapshot()[:-30]):
        with pytest.raises(UnreadableState):
            other.restore(state)


def test_the_baseline_is_not_moved_by_a_tenth_of_rubbish():
    values = healthy(300, 1)[:, 0]
    values[::10] = 1e6
    centre, _ = baseline(values)
    assert centre == pytest.approx(50.0, abs=0.5)
