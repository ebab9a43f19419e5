"""Alarms in a real database: one case, one transaction, what people do to them, and what they may not."""

import asyncio
import hashlib
import json
from datetime import timedelta
from uuid import uuid4

import psycopg
import pytest

from anomaly import NotPossible, UnknownAlarm, store
from tests.anomaly.desk import AT, S

HOUR = timedelta(hours=1)


async def test_raising_writes_alarm_event_evidence_and_outbox(desk):
    alarm_id = await desk.decide("raise")
    async with desk.app() as conn:
        (alarm,) = await store.list_alarms(conn, active=True)
        frozen = await store.load_evidence(conn, alarm_id)
    assert (alarm.id, alarm.state, alarm.machine_slug, alarm.class_) == (alarm_id, "unack_active", "pump-1", "machine")
    assert alarm.contributions == [{"tag": "vibration", "share": 1.0}]
    assert alarm.onset_at.timestamp() * S == AT
    assert frozen.sha256 == hashlib.sha256(frozen.snapshot.encode()).digest()
    assert json.loads(frozen.snapshot)["cause"] == "bearing_wear"
    assert await desk.outbox() == [("alarm.raised", "high", "none")]


async def test_raising_twenty_times_at_once_is_one_alarm(desk):
    assert len(set(await asyncio.gather(*(desk.decide("raise") for _ in range(20))))) == 1
    async with desk.app() as conn:
        assert len(await store.list_alarms(conn)) == 1


async def test_a_life_raise_acknowledge_clear(desk):
    alarm_id = await desk.decide("raise")
    async with desk.app() as conn:
        assert (await store.acknowledge(conn, alarm_id, desk.person)).state == "ack_active"
        assert (await store.acknowledge(conn, alarm_id, desk.person)).state == "ack_active"
    await desk.decide("clear", AT + 60 * S)
    async with desk.app() as conn:
        alarm = await store.load_alarm(conn, alarm_id)
        assert await store.list_alarms(conn, active=True) == []
    assert (alarm.state, (alarm.cleared_at - alarm.onset_at).total_seconds()) == ("norm", 60)
    assert await desk.actions() == [("raise", False), ("ack", True), ("clear", False)]
    assert [topic for topic, *_ in await desk.outbox()] == ["alarm.raised", "alarm.cleared"]
    assert await desk.decide("clear") is None


async def test_a_return_nobody_has_seen_waits_for_being_seen(desk):
    alarm_id = await desk.decide("raise")
    await desk.decide("clear")
    async with desk.app() as conn:
        assert (await store.load_alarm(conn, alarm_id)).state == "rtn_unack"
        assert (await store.acknowledge(conn, alarm_id, desk.person)).state == "norm"


async def test_growing_keeps_one_alarm_and_more_urgent_means_look_again(desk):
    alarm_id = await desk.decide("raise", priority="medium")
    async with desk.app() as conn:
        await store.acknowledge(conn, alarm_id, desk.person)
    both = (("vibration", 0.6), ("temperature", 0.4))
    assert await desk.decide("grow", priority="medium", contributions=both) == alarm_id
    async with desk.app() as conn:
        assert (await store.load_alarm(conn, alarm_id)).state == "ack_active"
    assert await desk.decide("grow", priority="critical", contributions=both) == alarm_id
    async with desk.app() as conn:
        alarm = await store.load_alarm(conn, alarm_id)
    assert (alarm.state, alarm.priority, len(alarm.contributions)) == ("unack_active", "critical", 2)
    assert await desk.outbox() == [("alarm.raised", "medium", "none"), ("alarm.raised", "critical", "none")]


async def test_a_shelf_holds_across_a_return_and_asks_for_work_when_it_ends(desk):
    first = await desk.decide("raise")
    async with desk.app() as conn:
        assert (await store.shelve(conn, first, desk.person, HOUR, "belt is being changed")).state == "shelved"
    await desk.decide("clear")
    second = await desk.decide("raise")
    async with desk.app() as conn:
        assert (await store.load_alarm(conn, second)).state == "shelved"
        assert (await store.unshelve(conn, second, desk.person)).state == "unack_active"
        with pytest.raises(NotPossible):
            await store.unshelve(conn, second, desk.person)
    raised = [
        (priority, suppression) for topic, priority, suppression in await desk.outbox() if topic == "alarm.raised"
    ]
    assert raised == [("high", "none"), ("high", "shelved"), ("high", "none")]


async def test_nothing_is_shelved_for_longer_than_a_shift(desk):
    alarm_id = await desk.decide("raise")
    for duration in (timedelta(hours=8, seconds=1), timedelta(), timedelta(hours=-1)):
        with pytest.raises(NotPossible):
            async with desk.app() as conn:
                await store.shelve(conn, alarm_id, desk.person, duration, "x")


async def test_lists_counts_and_limits(desk):
    for cause in ("a", "b", "c"):
        await desk.decide("raise", cause=cause)
    await desk.decide("clear", cause="b")
    async with desk.app() as conn:
        seen, after = [], None
        while page := await store.list_alarms(conn, after=after, limit=2):
            seen += [alarm.cause for alarm in page]
            after = (page[-1].raised_at, page[-1].id)
        assert sorted(seen) == ["a", "b", "c"]
        assert {alarm.cause for alarm in await store.list_alarms(conn, desk.pump.id, active=True)} == {"a", "c"}
        assert await store.list_alarms(conn, uuid4()) == []
        assert await store.active_counts(conn, [desk.pump.id, uuid4()]) == {desk.pump.id: 2}
        tag = desk.tenant.tags["pump-1", "vibration"]
        assert await store.limits_of_tags(conn, [tag, uuid4()]) == {tag: {"high": 4.5}}


async def test_what_is_not_there_is_unknown(desk):
    async with desk.app() as conn:
        for call in (store.load_alarm, store.load_evidence):
            with pytest.raises(UnknownAlarm):
                await call(conn, uuid4())
        with pytest.raises(UnknownAlarm):
            await store.acknowledge(conn, uuid4(), desk.person)


async def test_nobody_rewrites_evidence_or_raises_by_hand(desk):
    await desk.decide("raise")
    for statement in (
        "UPDATE alarm.evidence SET snapshot = '{}'",
        "DELETE FROM alarm.evidence",
        "UPDATE alarm.alarm SET active = false",
        "DELETE FROM alarm.event",
    ):
        for transaction in (desk.app, desk.worker):
            if "alarm.alarm" in statement and transaction == desk.worker:
                continue
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                async with transaction() as conn:
                    await conn.execute(statement)
