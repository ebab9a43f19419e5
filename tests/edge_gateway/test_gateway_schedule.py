"""Polls: spread over their period, on their grid, never stacked, every missed turn counted."""

from collections import Counter
from collections.abc import Iterable

import numpy as np

from edge_gateway.catalog import number
from edge_gateway.polling.schedule import Due, PollGroup, Schedule, group, phases_ns
from runtime.clock import NS_PER_S
from tests.edge_gateway.gateway_parts import modbus_device

MS = NS_PER_S // 1000


def test_groups_are_by_endpoint_and_period_and_leave_out_subscribed_tags():
    devices = [
        modbus_device("a", 5020, {"x": 1.0, "y": 0.1}),
        modbus_device("b", 5020, {"x": 1.0}),
        modbus_device("c", 5021, {"x": 1.0}),
    ]
    groups = group(number(devices).endpoints)
    found = {(one.endpoint, one.period_s): one.aliases for one in groups}
    assert found == {
        ("modbus://127.0.0.1:5020", 1.0): (0, 2),
        ("modbus://127.0.0.1:5020", 0.1): (1,),
        ("modbus://127.0.0.1:5021", 1.0): (3,),
    }


def polled(periods_s: Iterable[float], endpoint: str | None = None) -> list[PollGroup]:
    """Groups of as many endpoints, or of one."""
    return [PollGroup(endpoint or f"plc-{place}", period_s, ()) for place, period_s in enumerate(periods_s)]


def schedule_of(periods_s: Iterable[float]) -> Schedule:
    return Schedule(polled(periods_s), 0)


def started(schedule: Schedule, now_ms: int) -> list[int]:
    return [due.group for due in schedule.due(now_ms * MS) if due.started]


def first_starts(periods_s: list[float], within_s: float) -> dict[int, int]:
    """When each group was first started, in ms."""
    schedule, starts = schedule_of(periods_s), {}
    for now_ms in range(round(within_s * 1000)):
        for index in started(schedule, now_ms):
            starts.setdefault(index, now_ms)
            schedule.done(index)
    return starts


def test_groups_of_one_period_start_evenly_spread():
    assert first_starts([1.0] * 4, 1) == {0: 0, 1: 250, 2: 500, 3: 750}
    in_slots = Counter(first_starts([1.0] * 100, 1).values())
    assert in_slots == dict.fromkeys(range(0, 1000, 50), 5)


def test_groups_of_one_endpoint_do_not_start_together_whatever_their_periods():
    """Over a minute, how many groups of a device with five periods begin within the same 4 ms."""
    periods_ms = [100, 200, 500, 1000, 10_000]
    phases_ms = [phase / MS for phase in phases_ns(polled([period / 1000 for period in periods_ms], "plc"))]
    begins = sorted(t for p, phase in zip(periods_ms, phases_ms, strict=True) for t in np.arange(phase, 60_000, p))
    assert np.count_nonzero(np.diff(begins) < 4) < 0.05 * len(begins)
    together = sorted(t for p in periods_ms for t in np.arange(0, 60_000, p))  # the control: no spreading at all
    assert np.count_nonzero(np.diff(together) < 4) > 0.3 * len(together)


def test_the_same_configuration_is_always_spread_in_the_same_way_and_within_its_periods():
    groups = polled([1.0, 0.1, 1.0, 0.01, 7.0] * 9)
    phases = phases_ns(groups)
    assert phases == phases_ns(groups)
    assert all(0 <= phase < one.period_s * NS_PER_S for one, phase in zip(groups, phases, strict=True))


def test_slow_tags_are_read_soon_after_the_start_and_then_on_their_own_grid():
    schedule = schedule_of([3600.0] * 8)
    begins = {}
    for now_s in range(2 * 3600):
        for index in started(schedule, now_s * 1000):
            begins.setdefault(index, []).append(now_s)
            assert schedule.done(index) is None
    assert all(first <= 10 for first, *_ in begins.values())
    assert {index: second for index, (_, second, *_) in begins.items()} == {
        index: index * 450 or 3600 for index in range(8)
    }


def test_a_group_keeps_its_grid_however_late_it_is_served():
    schedule = schedule_of([1.0])
    for late_ms in (0, 1007, 2900, 3999):
        (due,) = schedule.due(late_ms * MS)
        assert (due.started, due.missed, due.due_ns) == (True, 0, late_ms // 1000 * NS_PER_S)
        assert schedule.done(0) is None
    assert schedule.next_ns() == 4 * NS_PER_S


def test_a_running_group_is_skipped_and_its_missed_turns_are_counted_as_they_pass():
    schedule = schedule_of([1.0])
    assert started(schedule, 0) == [0]
    for second in (1, 2):
        assert schedule.due(second * NS_PER_S) == [Due(0, second * NS_PER_S, missed=1, started=False)]
    missed = schedule.done(0)
    assert (missed.first_ns, missed.turns) == (1 * NS_PER_S, 2)
    assert started(schedule, 3000) == [0]
    assert schedule.done(0) is None


def test_turns_missed_because_the_whole_loop_stood_still_are_counted_too():
    schedule = schedule_of([1.0])
    assert schedule.due(3500 * MS) == [Due(0, 0, missed=3, started=True)]
    assert schedule.done(0).turns == 3
    assert schedule.next_ns() == 4 * NS_PER_S


def test_groups_of_ten_milliseconds_and_of_hours_turn_side_by_side():
    schedule = schedule_of([0.01, 3600.0])
    turns = Counter()
    for now_ms in range(60_000):
        for index in started(schedule, now_ms):
            turns[index] += 1
            assert schedule.done(index) is None
    assert turns == {0: 6000, 1: 1}


def test_many_groups_cost_little_while_idle():
    """Row 23: one timer for all; six thousand groups of a minute are some twenty wake-ups a second."""
    schedule = schedule_of([60.0] * 6000)
    wakes, begun, now_ns = 0, 0, 0
    while now_ns < 60 * NS_PER_S:
        due = schedule.due(now_ns)
        begun += len(due)
        wakes += 1
        for turn in due:
            schedule.done(turn.group)
        now_ns = schedule.next_ns()
    assert begun >= 6000
    assert wakes <= 60 * 21
