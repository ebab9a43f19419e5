"""A planned stop and a parent's stop in a real database: silent while they last, told when they are over."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from anomaly import CircularDependency, NotPossible, UnknownDependency, UnknownStop, store
from anomaly.silence import end_silences
from anomaly.suppression import dependencies, stops
from anomaly.suppression.dependencies import NewDependency
from tests.anomaly.desk import AT, S

ONSET = datetime.fromtimestamp(AT / S, UTC)
MINUTE = timedelta(minutes=1)


@pytest.fixture
async def below(desk):
    """pump-1 needs the air of compressor-1, cnc-1 the coolant of pump-1."""
    async with desk.app() as conn:
        for child, parent in (("pump-1", "compressor-1"), ("cnc-1", "pump-1")):
            await dependencies.add(conn, NewDependency(desk.machine(child).id, desk.machine(parent).id))
    return desk


async def planned(desk, slug="pump-1", starts=-MINUTE, ends=MINUTE):
    new = stops.NewStop(
        uuid4(), desk.machine(slug).id, ONSET + starts, None if ends is None else ONSET + ends, "filter change"
    )
    async with desk.app() as conn:
        return await stops.plan(conn, new, desk.person)


async def state(desk, alarm_id):
    alarm = await desk.alarm(alarm_id)
    return alarm.state, alarm.suppressed_by


async def at(desk, slug, seconds=0.0, **fields):
    """An alarm of a machine, `seconds` after the first."""
    return await desk.decide("raise", machine=desk.machine(slug), onset_ns=AT + round(seconds * S), **fields)


async def ends(desk):
    async with desk.worker() as conn:
        await end_silences(conn)


SILENT, TOLD = ("suppressed", "planned_stop"), ("unack_active", None)
EXPLAINED = ("suppressed", "parent")


@pytest.mark.parametrize(
    ("stop", "fields", "wanted"),
    [
        ({}, {}, SILENT),
        ({"ends": None}, {}, SILENT),
        ({"ends": timedelta(0)}, {}, TOLD),  # over when it began
        ({"starts": MINUTE, "ends": 2 * MINUTE}, {}, TOLD),
        ({"slug": "cnc-1"}, {}, TOLD),
        ({"slug": "compressor-1"}, {}, SILENT),  # the machine above stands
        ({}, {"priority": "critical"}, TOLD),
    ],
)
async def test_a_planned_stop_silences_what_begins_in_it(below, stop, fields, wanted):
    await planned(below, **stop)
    assert await state(below, await at(below, "pump-1", **fields)) == wanted


async def test_what_was_there_before_the_stop_stays_told(desk):
    alarm_id = await desk.decide("raise")
    await planned(desk)
    await ends(desk)
    assert await state(desk, alarm_id) == TOLD


async def test_when_the_stop_is_over_what_is_still_there_asks_for_work(desk):
    stop = await planned(desk, ends=None)
    alarm_id = await desk.decide("raise")
    await ends(desk)
    assert await state(desk, alarm_id) == SILENT
    async with desk.app() as conn:
        ended = await stops.end(conn, stop.id, desk.person)
        assert (ended.ended_by, ended.ends_at <= datetime.now(UTC)) == (desk.person, True)
        assert (await stops.end(conn, stop.id, desk.person)).ends_at == ended.ends_at
    await ends(desk)
    assert await state(desk, alarm_id) == TOLD
    assert await desk.outbox() == [("alarm.raised", "high", "by_design"), ("alarm.raised", "high", "none")]
    assert [action for action, _ in await desk.actions()] == ["raise", "suppress", "unsuppress"]


async def test_a_silent_alarm_that_becomes_critical_is_told(desk):
    await planned(desk)
    alarm_id = await desk.decide("raise")
    await desk.decide("grow", priority="critical")
    assert await state(desk, alarm_id) == TOLD
    assert (await desk.outbox())[-1] == ("alarm.raised", "critical", "none")


async def test_a_stop_is_planned_once_and_listed(desk):
    first = await planned(desk)
    async with desk.app() as conn:
        again = stops.NewStop(first.id, desk.pump.id, ONSET, None, "another")
        assert await stops.plan(conn, again, desk.person) == first
        assert await stops.list_stops(conn) == [first]
        with pytest.raises(UnknownStop):
            await stops.end(conn, uuid4(), desk.person)


async def test_a_parents_stop_explains_what_follows_below(below):
    parent = await at(below, "compressor-1", cause="stopped")
    child, grandchild = await at(below, "pump-1", 30), await at(below, "cnc-1", 400)
    assert await state(below, parent) == TOLD
    assert await state(below, child) == EXPLAINED
    assert (await below.alarm(child)).suppressed_by_id == parent
    assert await state(below, grandchild) == EXPLAINED


@pytest.mark.parametrize(
    ("before", "fields"),
    [
        ({"seconds": -301}, {}),  # too long ago
        ({"seconds": 11}, {}),  # after it
        ({"priority": "advisory"}, {}),  # advice explains nothing
        ({}, {"priority": "critical"}),
        ({"slug": "press-1"}, {}),  # no machine above
    ],
)
async def test_what_a_parent_does_not_explain(below, before, fields):
    await at(below, **({"slug": "compressor-1", "cause": "stopped"} | before))
    assert await state(below, await at(below, "pump-1", **fields)) == TOLD


async def test_only_the_named_causes_explain(desk):
    new = NewDependency(desk.pump.id, desk.machine("compressor-1").id, causes=["stopped"])
    async with desk.app() as conn:
        await dependencies.add(conn, new)
    await at(desk, "compressor-1", cause="bearing_wear")
    assert await state(desk, await at(desk, "pump-1", cause="flow_low")) == TOLD
    await at(desk, "compressor-1", cause="stopped")
    assert await state(desk, await at(desk, "pump-1")) == EXPLAINED


async def test_a_child_that_was_told_a_moment_too_early_falls_silent(below):
    child = await at(below, "pump-1", -5)
    long_before = await at(below, "cnc-1", -60)
    parent = await at(below, "compressor-1", cause="stopped")
    assert await state(below, child) == EXPLAINED
    assert (await below.alarm(child)).suppressed_by_id == parent
    assert await state(below, long_before) == TOLD


async def test_what_stays_after_the_parent_has_returned_is_told(below):
    await at(below, "compressor-1", cause="stopped")
    child = await at(below, "pump-1", 30)
    now_ns = round(datetime.now(UTC).timestamp()) * S
    await below.decide("clear", now_ns, machine=below.machine("compressor-1"), cause="stopped")
    await ends(below)
    assert await state(below, child) == EXPLAINED, "it needs a while as well"
    async with below.worker() as conn:
        await conn.execute("UPDATE alarm.alarm SET cleared_at = now() - interval '6 minutes' WHERE cause = 'stopped'")
    await ends(below)
    assert await state(below, child) == TOLD


async def test_dependencies_form_no_circle(below):
    async with below.app() as conn:
        first, second = await dependencies.list_dependencies(conn)
        assert {(one.machine_slug, one.parent_slug) for one in (first, second)} == {
            ("pump-1", "compressor-1"), ("cnc-1", "pump-1"),
        }  # fmt: skip
        same = await dependencies.add(conn, NewDependency(first.machine_id, first.parent_id, 60))
        assert same == first
    for child, parent in (("compressor-1", "cnc-1"), ("compressor-1", "pump-1"), ("pump-1", "pump-1")):
        new = NewDependency(below.machine(child).id, below.machine(parent).id)
        with pytest.raises(CircularDependency):
            async with below.app() as conn:
                await dependencies.add(conn, new)
    async with below.app() as conn:
        await dependencies.remove(conn, first.id)
        with pytest.raises(UnknownDependency):
            await dependencies.remove(conn, first.id)
        assert await dependencies.list_dependencies(conn) == [second]


async def test_out_of_service_has_an_end_and_is_told_to_everybody(desk):
    alarm_id = await desk.decide("raise")
    for duration in (timedelta(days=91), timedelta()):
        with pytest.raises(NotPossible):
            async with desk.app() as conn:
                await store.take_out(conn, alarm_id, desk.person, duration, "overhaul")
    async with desk.app() as conn:
        out = await store.take_out(conn, alarm_id, desk.person, timedelta(days=3), "overhaul, order 17")
    assert out.state == "out_of_service"
    await desk.decide("clear")
    again = await desk.decide("raise")
    assert (await desk.alarm(again)).state == "out_of_service"
    async with desk.worker() as conn:
        await conn.execute("UPDATE alarm.alarm SET suppressed_until = now()")
    assert (await desk.alarm(again)).state == "unack_active"
    await ends(desk)
    assert (await desk.alarm(again)).suppression == "none"
    assert [told for told in await desk.actions() if "service" in told[0] or told[0] == "take_out"] == [
        ("take_out", True), ("return_to_service", False), ("return_to_service", False),
    ]  # fmt: skip
    assert (await desk.outbox())[-1] == ("alarm.raised", "high", "none")


async def test_a_person_returns_it_to_service_before_its_end(desk):
    alarm_id = await desk.decide("raise")
    async with desk.app() as conn:
        await store.take_out(conn, alarm_id, desk.person, timedelta(days=3), "overhaul")
        assert (await store.return_to_service(conn, alarm_id, desk.person)).state == "unack_active"
        with pytest.raises(NotPossible):
            await store.return_to_service(conn, alarm_id, desk.person)
