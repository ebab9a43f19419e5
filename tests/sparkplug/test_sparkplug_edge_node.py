"""What an edge node says when: births of machines that answer, changes only, history, deaths of the silent."""

import pytest

from edge_gateway.sparkplug.node import REBIRTH
from edge_gateway.sparkplug.outlet import figures
from protocols.sample import Quality, Reason, ValueKind, bad, quality_code
from protocols.sparkplug.topics import EdgeNode
from protocols.topics import BadTopic
from runtime.clock import NS_PER_S, ClockState, ManualClock
from tests.sparkplug.edge_parts import (
    DISCONNECTED,
    FIGURES,
    PRESS_A,
    PRESS_B,
    PUMP_A,
    columns,
    node,
    reads,
    said,
)
from tests.sparkplug.edge_rules import metric

ALIAS = 100


@pytest.fixture
def clock():
    return ManualClock()


@pytest.fixture
def born(clock):
    """After its births; every tag was 1.0."""
    one = node(clock)
    one.connect(0)
    one.take(reads(clock, 1.0, 1.0, 1.0))
    list(one.births(FIGURES))
    clock.advance(1)
    return one


def values(messages, clock):
    """(device, alias, value, historical) of all metrics."""
    return [
        (
            message.device,
            found.alias - ALIAS,
            getattr(found, field) if (field := found.WhichOneof("value")) else None,
            found.is_historical,
        )
        for message in said(messages, clock)
        for found in message.told.metrics
    ]


def test_births_tell_everything_that_is_known(clock):
    one = node(clock)
    one.take(columns((PRESS_A, clock.now_ns() - NS_PER_S, 4.5, 0), (PUMP_A, clock.now_ns(), 2.0, 0)))
    nbirth, press, pump = said(one.births(FIGURES), clock)
    assert {found.name for found in nbirth.told.metrics} >= {"bdSeq", REBIRTH, "Node Info/Lost Batches"}
    assert [(found.name, found.is_null) for found in press.told.metrics] == [("a", False), ("b", True)]
    assert metric(press, "a").timestamp == clock.now_ns() // 1_000_000 - 1000
    assert metric(press, "a").double_value == 4.5
    assert (press.device, pump.device) == ("press-1", "pump-2")


def test_time_that_passes_while_a_birth_is_made_does_not_disorder_it():
    class Running(ManualClock):
        def now_ns(self) -> int:
            self.advance(0.001)
            return super().now_ns()

    clock = Running()
    one = node(clock)
    one.take(reads(clock, 1.0, 2.0, 3.0))
    for birth in said(one.births(FIGURES), clock):
        times = [found.timestamp for found in birth.told.metrics]
        assert times == sorted(times)


def test_nothing_is_said_without_a_session(clock):
    one = node(clock)
    assert list(one.take(reads(clock, 1.0, 2.0, 3.0))) == []
    assert list(one.figures(figures(ClockState.SYNCED, 7))) == []
    assert list(one.bury()) == []


def test_only_what_has_changed_is_said(born, clock):
    assert values(born.take(reads(clock, 1.0, 2.0, 1.0)), clock) == [("press-1", PRESS_B, 2.0, False)]
    clock.advance(1)
    assert values(born.take(reads(clock, 1.0, 2.0, 1.0)), clock) == []


def test_a_quality_that_changes_is_a_change(born, clock):
    doubt = quality_code(Quality.UNCERTAIN, Reason.CLAMPED)
    (message,) = said(born.take(columns((PRESS_A, clock.now_ns(), 1.0, doubt))), clock)
    (told,) = message.told.metrics
    assert list(told.properties.keys) == ["Quality", "Reason"]
    assert next(value.int_value for value in told.properties.values) == 500
    assert told.properties.values[1].string_value == "clamped"
    clock.advance(1)
    (message,) = said(born.take(columns((PRESS_A, clock.now_ns(), 1.0, 0))), clock)
    assert message.told.metrics[0].properties.values[0].int_value == 192


def test_a_failed_read_is_null_and_bad_and_never_an_old_value(born, clock):
    (message,) = said(born.take(columns((PRESS_A, clock.now_ns(), 1.0, bad(Reason.OUT_OF_RANGE)))), clock)
    (told,) = message.told.metrics
    assert told.is_null
    assert told.WhichOneof("value") is None
    assert told.properties.values[0].int_value == 0


def test_a_sample_that_comes_late_does_not_move_the_live_value(born, clock):
    late_ns = clock.now_ns() - 10 * NS_PER_S
    assert values(born.take(columns((PRESS_A, late_ns, 9.0, 0))), clock) == [("press-1", PRESS_A, 9.0, True)]
    clock.advance(1)
    rebirth = said(born.births(FIGURES), clock)
    assert metric(rebirth[1], "a").double_value == 1.0


def test_a_late_sample_and_a_live_one_in_one_batch(born, clock):
    """The live one equals the late one before it, but not what the host holds."""
    now_ns = clock.now_ns()
    both = columns((PRESS_A, now_ns - 9 * NS_PER_S, 9.0, 0), (PRESS_A, now_ns, 9.0, 0))
    assert values(born.take(both), clock) == [("press-1", PRESS_A, 9.0, True), ("press-1", PRESS_A, 9.0, False)]


def test_every_change_within_a_batch_is_said_in_order(born, clock):
    start_ns = clock.now_ns()
    steps = columns(*((PRESS_A, start_ns + step, float(value), 0) for step, value in enumerate([2, 2, 3, 2])))
    assert [value for _, _, value, _ in values(born.take(steps), clock)] == [2.0, 3.0, 2.0]


def test_what_waited_is_history_with_its_own_time(born, clock):
    then_ns = clock.now_ns() - 3600 * NS_PER_S
    message = said(born.history(columns((PRESS_A, then_ns, 5.0, 0), (PRESS_A, then_ns + 1, 5.0, 0))), clock)[0]
    (told,) = message.told.metrics
    assert (told.is_historical, told.timestamp) == (True, then_ns // 1_000_000)


def test_a_machine_that_goes_silent_dies_once_and_is_born_when_it_answers(born, clock):
    silent = columns((PUMP_A, clock.now_ns(), 0.0, DISCONNECTED))
    list(born.take(silent))
    assert [(one.verb, one.device, len(one.told.metrics)) for one in said(born.bury(), clock)] == [
        ("DDEATH", "pump-2", 0)
    ]
    assert list(born.bury()) == []
    clock.advance(1)
    again = columns((PUMP_A, clock.now_ns() - 5, 8.0, 0), (PUMP_A, clock.now_ns(), 9.0, 0))
    birth, older = said(born.take(again), clock)
    assert (birth.verb, metric(birth, "a").double_value) == ("DBIRTH", 9.0)
    assert [(found.double_value, found.is_historical) for found in older.told.metrics] == [(8.0, True)]


def test_what_comes_late_of_a_dead_machine_is_not_lost(born, clock):
    list(born.take(columns((PUMP_A, clock.now_ns(), 0.0, DISCONNECTED))))
    list(born.bury())
    late = born.take(columns((PUMP_A, clock.now_ns() - 5 * NS_PER_S, 4.0, 0)))
    told = [*said(late, clock), *said(born.bury(), clock)]
    assert [message.verb for message in told] == ["DBIRTH", "DDATA", "DDEATH"]
    assert told[1].told.metrics[0].is_historical


def test_a_rebirth_tells_the_newest_figures(born, clock):
    nbirth = said(born.births(figures(ClockState.SYNCED, 9)), clock)[0]
    assert metric(nbirth, "Node Info/Lost Batches").long_value == 9


def test_a_machine_that_refuses_an_address_is_not_dead(born, clock):
    refused = bad(Reason.EXCEPTION_0 + 2)
    list(born.take(columns((PUMP_A, clock.now_ns(), 0.0, refused))))
    assert list(born.bury()) == []


def test_a_dead_machine_is_not_revived_by_what_only_says_that_nothing_came(born, clock):
    list(born.take(columns((PUMP_A, clock.now_ns(), 0.0, DISCONNECTED))))
    list(born.bury())
    for reason in (Reason.STALE, Reason.OVERRUN, Reason.TIMEOUT):
        clock.advance(1)
        assert list(born.take(columns((PUMP_A, clock.now_ns(), 0.0, bad(reason))))) == []


def test_one_tag_without_an_answer_does_not_kill_its_machine(born, clock):
    list(born.take(columns((PRESS_A, clock.now_ns(), 0.0, bad(Reason.TIMEOUT)))))
    assert list(born.bury()) == []


def test_a_machine_that_never_answered_is_not_born(clock):
    one = node(clock)
    one.take(columns((PRESS_A, clock.now_ns(), 1.0, 0), (PUMP_A, clock.now_ns(), 0.0, DISCONNECTED)))
    assert one.heard_all
    assert [message.device for message in said(one.births(FIGURES), clock)] == [None, "press-1"]


def test_the_history_of_a_dead_machine_comes_between_a_birth_and_a_death(clock):
    one = node(clock)
    one.take(columns((PRESS_A, clock.now_ns(), 1.0, 0), (PUMP_A, clock.now_ns(), 0.0, DISCONNECTED)))
    list(one.births(FIGURES))
    told = [*said(one.history(columns((PUMP_A, clock.now_ns() - 9, 3.0, 0))), clock), *said(one.bury(), clock)]
    assert [(one.verb, one.device) for one in told] == [(verb, "pump-2") for verb in ("DBIRTH", "DDATA", "DDEATH")]


def test_a_rebirth_keeps_the_bd_seq_and_begins_the_numbers_again(born, clock):
    list(born.take(reads(clock, 5.0, 5.0, 5.0)))
    births = said(born.births(FIGURES), clock)
    assert [one.told.seq for one in births] == [0, 1, 2]
    assert metric(births[0], "bdSeq").long_value == 0


def test_long_batches_are_cut(born, clock):
    start_ns = clock.now_ns()
    many = columns(*((PRESS_A, start_ns + step, float(step), 0) for step in range(1200)))
    messages = said(born.take(many), clock)
    assert [len(message.told.metrics) for message in messages] == [500, 500, 200]
    assert [found.double_value for message in messages for found in message.told.metrics] == list(range(1200))


def test_the_nodes_own_figures_are_said_when_they_change(born, clock):
    assert list(born.figures(figures(ClockState.SYNCED, 0))) == []
    (message,) = said(born.figures(figures(ClockState.SYNCED, 3)), clock)
    assert (message.verb, [found.long_value for found in message.told.metrics]) == ("NDATA", [3])


def test_another_kind_of_value_under_an_old_name_is_left_out(born, clock):
    texts = columns((PRESS_A, clock.now_ns(), 1, 0), kind=ValueKind.INT)
    assert values(born.history(texts), clock) == []


@pytest.mark.parametrize("name", ["a/b", "a+", "#", ""])
def test_an_id_that_no_topic_can_hold_is_refused(name):
    with pytest.raises(BadTopic):
        EdgeNode("demo", name)
    with pytest.raises(BadTopic):
        EdgeNode(name, "gw-1")
