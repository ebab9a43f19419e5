"""A false alarm in a real database: silent when it comes again, told when it is something else, revocable."""

from datetime import timedelta
from uuid import uuid4

import psycopg
import pytest

from anomaly import UnknownPattern
from anomaly.loop import pattern_store
from anomaly.silence import end_silences

BOTH = (("vibration", 0.6), ("flow", 0.4))


async def false_once(desk, verdict="false_alarm"):
    """It began with the vibration, the flow joined, and somebody found nothing."""
    alarm_id = await desk.unusual("raise")
    await desk.unusual("grow", contributions=BOTH)
    await desk.unusual("clear", contributions=BOTH)
    await desk.judge(alarm_id, verdict)
    return alarm_id


async def patterns(desk):
    async with desk.app() as conn:
        return await pattern_store.list_patterns(conn)


async def ends(desk):
    async with desk.worker() as conn:
        await end_silences(conn)


async def age(desk, alarm_id, interval):
    async with desk.worker() as conn:
        await conn.execute(
            "UPDATE alarm.alarm SET raised_at = raised_at - %s::interval WHERE id = %s", [interval, alarm_id]
        )


async def test_it_comes_again_silently_and_is_listed(desk):
    first = await false_once(desk)
    again = await desk.unusual("raise")
    alarm = await desk.alarm(again)
    (pattern,) = await patterns(desk)
    assert (alarm.state, alarm.suppressed_by, alarm.suppressed_by_id) == ("suppressed", "pattern", pattern.id)
    assert (pattern.alarm_id, pattern.tags, pattern.shares, pattern.silenced) == (
        first, ["vibration", "flow"], [0.6, 0.4], 1,
    )  # fmt: skip
    assert pattern.expires_at - pattern.created_at == pytest.approx(timedelta(days=30), abs=timedelta(seconds=5))
    assert [told for told in await desk.outbox() if told[2] == "by_design"] == [
        ("alarm.raised", "advisory", "by_design")
    ]
    await desk.unusual("grow", contributions=BOTH)
    assert (await desk.alarm(again)).state == "suppressed"
    await age(desk, again, "11 minutes")
    await ends(desk)
    assert (await desk.alarm(again)).state == "suppressed"


async def test_a_tag_more_is_news(desk):
    await false_once(desk)
    again = await desk.unusual("raise")
    await desk.unusual("grow", contributions=(*BOTH, ("temperature", 0.3)))
    alarm = await desk.alarm(again)
    assert (alarm.state, alarm.suppressed_by) == ("unack_active", None)
    assert (await desk.outbox())[-1] == ("alarm.raised", "advisory", "none")


async def test_what_does_not_become_the_pattern_is_told_after_a_while(desk):
    await false_once(desk)
    again = await desk.unusual("raise")
    await ends(desk)
    assert (await desk.alarm(again)).state == "suppressed"
    await age(desk, again, "11 minutes")
    await ends(desk)
    assert (await desk.alarm(again)).state == "unack_active"


@pytest.mark.parametrize(
    "other",
    [
        {"contributions": (("temperature", 1.0),)},
        {"contributions": (("vibration", 0.05), ("flow", 0.95))},
        {"score": 5.0},
        {"cause": "lost_correlation"},
        {"machine": "cnc-1"},
        {"source": "limit"},
        {"priority": "critical"},
    ],
)
async def test_something_else_is_told(desk, other):
    await false_once(desk)
    if "machine" in other:
        other = {"machine": desk.machine(other["machine"])}
    assert (await desk.alarm(await desk.unusual("raise", **other))).suppressed_by is None


@pytest.mark.parametrize("how", ["revoked", "expired", "judged anew"])
async def test_what_is_silent_is_told_when_the_pattern_ends(desk, how):
    first = await false_once(desk)
    again = await desk.unusual("raise")
    (pattern,) = await patterns(desk)
    if how == "revoked":
        async with desk.app() as conn:
            assert (await pattern_store.revoke(conn, pattern.id, desk.person)).revoked_at
            await pattern_store.revoke(conn, pattern.id, desk.person)
    elif how == "expired":
        async with desk.worker() as conn:
            await conn.execute("UPDATE alarm.false_pattern SET expires_at = now()")
    else:
        await desk.judge(first, "confirmed_incipient")
    await ends(desk)
    assert (await desk.alarm(again)).state == "unack_active"
    await desk.unusual("clear")
    assert (await desk.alarm(await desk.unusual("raise"))).suppressed_by is None


@pytest.mark.parametrize("verdict", ["confirmed_functional", "process_change", "sensor_fault", "not_inspected"])
async def test_only_a_false_alarm_leaves_a_pattern(desk, verdict):
    await false_once(desk, verdict)
    assert await patterns(desk) == []


async def test_a_false_limit_leaves_none(desk):
    alarm_id = await desk.decide("raise")
    await desk.decide("clear")
    await desk.judge(alarm_id, "false_alarm")
    assert await patterns(desk) == []


async def test_who_may_change_patterns(desk):
    await false_once(desk)
    with pytest.raises(UnknownPattern):
        async with desk.app() as conn:
            await pattern_store.revoke(conn, uuid4(), desk.person)
    for statement in ("UPDATE alarm.false_pattern SET expires_at = now()", "DELETE FROM alarm.false_pattern"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            async with desk.app() as conn:
                await conn.execute(statement)
