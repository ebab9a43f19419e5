"""Clocks that step by hours and years, boxes without a battery: stamps go forward, and doubt is told."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_gateway.clock.timeline import MADE_NS, Timeline
from runtime.clock import NS_PER_S, ClockState

NOW_NS = MADE_NS + 86_400 * NS_PER_S
HOUR_S, YEAR_S = 3600, 365 * 86_400
SYNCED, UNSYNCED = ClockState.SYNCED, ClockState.UNSYNCED


class Box:
    """A wall clock, a monotonic clock and the timeline that looks at both every second."""

    def __init__(
        self, wall_ns: int = NOW_NS, state: ClockState = SYNCED, known_ns: int = 0, was_synced: bool = False
    ) -> None:
        self.wall_ns, self.monotonic_ns, self.state = wall_ns, 5 * NS_PER_S, state
        self.true_ns = NOW_NS
        self.timeline = Timeline(wall_ns, self.monotonic_ns, state, wait_s=120)
        self.timeline.learn(known_ns, was_synced=was_synced)

    def run(self, seconds: float, drift: float = 0.0) -> list[int]:
        """Let time pass; the corrections of the timeline."""
        corrections = []
        for _ in range(round(seconds)):
            self.monotonic_ns += NS_PER_S
            self.true_ns += NS_PER_S
            self.wall_ns += round(NS_PER_S * (1 + drift))
            corrections.append(self.timeline.observe(self.wall_ns, self.monotonic_ns, self.state))
        return [ns for ns in corrections if ns]

    def sync(self) -> None:
        self.wall_ns, self.state = self.true_ns, SYNCED

    @property
    def now_ns(self) -> int:
        return self.timeline.now_ns(self.monotonic_ns)


def test_a_disciplined_clock_is_followed_without_a_step():
    box = Box()
    assert box.run(600, drift=0.0004) == []
    assert abs(box.now_ns - box.wall_ns) < 1_000_000
    assert not box.timeline.in_doubt


@pytest.mark.parametrize("seconds", [HOUR_S, -HOUR_S, 4 * YEAR_S, -4 * YEAR_S])
def test_a_step_that_time_synchronisation_makes_is_taken_over(seconds):
    box = Box()
    box.wall_ns += seconds * NS_PER_S
    assert box.run(3) == [seconds * NS_PER_S]
    assert box.now_ns == box.wall_ns
    assert not box.timeline.in_doubt


@pytest.mark.parametrize("seconds", [HOUR_S, -HOUR_S, 4 * YEAR_S, -4 * YEAR_S])
def test_a_step_that_nobody_vouches_for_is_not_believed(seconds):
    box = Box()
    box.state = UNSYNCED
    box.wall_ns += seconds * NS_PER_S
    assert box.run(60) == []
    assert box.timeline.in_doubt
    assert not box.timeline.waits
    assert box.timeline.distrusted_step
    assert box.now_ns == box.true_ns
    box.sync()
    assert box.run(2) == []
    assert not box.timeline.in_doubt
    assert box.now_ns == box.true_ns


def test_a_box_without_a_battery_doubts_until_it_is_told_the_time():
    box = Box(wall_ns=3600 * NS_PER_S, state=UNSYNCED)
    assert box.timeline.in_doubt
    box.run(300)
    assert box.timeline.in_doubt
    assert box.timeline.waits
    stamp_ns = box.now_ns
    true_ns = box.true_ns
    box.sync()
    (correction_ns,) = box.run(1)
    assert stamp_ns + correction_ns == true_ns
    assert not box.timeline.in_doubt


def test_a_person_sets_the_clock_of_a_box_without_a_battery():
    box = Box(wall_ns=0, state=UNSYNCED)
    box.run(3)
    box.wall_ns = box.true_ns
    (correction_ns,) = box.run(1)
    assert correction_ns > 50 * YEAR_S * NS_PER_S
    assert not box.timeline.in_doubt


def test_a_box_that_was_never_synchronised_is_not_made_to_wait():
    box = Box(state=UNSYNCED)
    assert not box.timeline.in_doubt


def test_a_box_that_is_used_to_synchronisation_waits_for_it_but_not_for_ever():
    box = Box(wall_ns=NOW_NS + 8 * HOUR_S * NS_PER_S, state=UNSYNCED, was_synced=True)  # its battery keeps local time
    assert box.timeline.in_doubt
    box.run(20)
    box.sync()
    assert box.run(1) == [-8 * HOUR_S * NS_PER_S]
    assert not box.timeline.in_doubt
    lonely = Box(state=UNSYNCED, was_synced=True)
    lonely.run(119)
    assert lonely.timeline.in_doubt
    lonely.run(2)
    assert not lonely.timeline.in_doubt


def test_a_clock_behind_the_last_start_waits_a_while():
    box = Box(state=UNSYNCED, known_ns=NOW_NS + 2 * HOUR_S * NS_PER_S)
    assert box.timeline.waits
    box.wall_ns = box.true_ns = box.true_ns + 3 * HOUR_S * NS_PER_S  # a person sets it
    assert box.run(1)
    assert not box.timeline.in_doubt
    wrong_once = Box(state=UNSYNCED, known_ns=NOW_NS + 9 * YEAR_S * NS_PER_S)  # an earlier process was in the future
    wrong_once.run(121)
    assert not wrong_once.timeline.in_doubt


UNVOUCHED = st.sampled_from([UNSYNCED, ClockState.UNKNOWN])


@given(st.lists(st.tuples(st.integers(-(10**12), 10**12), UNVOUCHED), max_size=30))
def test_without_anybody_to_vouch_stamps_only_go_forward(steps):
    box = Box()
    last_ns = box.now_ns
    for step_ns, state in steps:
        box.wall_ns += step_ns
        box.state = state
        assert box.run(1) == []
        assert box.now_ns > last_ns
        last_ns = box.now_ns
