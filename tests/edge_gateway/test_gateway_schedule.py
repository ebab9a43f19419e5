"""Polls: spread over their period, on their grid, never stacked, every missed turn counted."""

from edge_gateway.catalog import number
from edge_gateway.schedule import Schedule, group
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


def test_groups_of_one_period_start_evenly_spread():
    schedule = Schedule([1.0, 1.0, 1.0, 1.0, 0.1], 0)
    starts = {}
    for now_ms in range(1000):
        for index in schedule.due(now_ms * MS):
            starts.setdefault(index, now_ms)
            schedule.done(index)
    assert starts == {0: 0, 1: 250, 2: 500, 3: 750, 4: 0}


def test_a_group_keeps_its_grid_however_late_it_is_served():
    schedule = Schedule([1.0], 0)
    for late_ms in (0, 1007, 2900, 3999):
        assert schedule.due(late_ms * MS) == [0]
        assert schedule.done(0) is None
    assert schedule.next_ns() == 4 * NS_PER_S


def test_a_running_group_is_skipped_and_its_missed_turns_are_counted():
    schedule = Schedule([1.0], 0)
    assert schedule.due(0) == [0]
    assert schedule.due(1 * NS_PER_S) == []
    assert schedule.due(2 * NS_PER_S) == []
    missed = schedule.done(0)
    assert (missed.first_ns, missed.turns) == (1 * NS_PER_S, 2)
    assert schedule.due(3 * NS_PER_S) == [0]
    assert schedule.done(0) is None


def test_turns_missed_because_the_whole_loop_stood_still_are_counted_too():
    schedule = Schedule([1.0], 0)
    assert schedule.due(3500 * MS) == [0]
    assert schedule.done(0).turns == 3
    assert schedule.next_ns() == 4 * NS_PER_S


def test_many_groups_cost_little_while_idle():
    schedule = Schedule([60.0] * 6000, 0)
    started = sum(len(schedule.due(now_ms * MS)) for now_ms in range(0, 60_000, 10))
    assert started == 6000
