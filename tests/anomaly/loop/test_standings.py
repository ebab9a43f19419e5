"""The record of a rule in a real database: verdicts promote and demote it, a person reverses, nights write it down."""

import asyncio
from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

import psycopg
import pytest

from anomaly import UnknownStanding
from anomaly.loop import labels, nightly, standings
from anomaly.loop.records import Rule
from ingest_service.transactions import Transactions

ROBUST = Rule("statistical", "robust-1", "unusual_behaviour", "pump")
LIMIT = Rule("limit", "limits-1", "bearing_wear", "pump")
NOW = datetime(2026, 11, 22, 3, tzinfo=UTC)
RIGHT, WRONG, ASIDE = "confirmed_incipient", "process_change", "not_inspected"


async def raised(desk, kind):
    """An alarm that comes, is judged and goes."""
    decide = desk.unusual if kind == "statistical" else desk.decide
    alarm_id = await decide("raise")
    await decide("clear")
    return await desk.alarm(alarm_id)


async def found(desk, kind, *verdicts):
    for verdict in verdicts:
        await desk.judge((await raised(desk, kind)).id, verdict)


async def rows(desk, query):
    async with desk.worker() as conn:
        return await (await conn.execute(query)).fetchall()


async def test_a_label_says_what_it_is_about(desk):
    await found(desk, "statistical", RIGHT)
    assert await rows(
        desk, "SELECT source, model_version, cause, machine_class, class, verdict, by_id FROM alarm.label"
    ) == [("statistical", "robust-1", "unusual_behaviour", "pump", "machine", RIGHT, desk.person)]


async def test_a_statistical_rule_is_advice_until_five_of_five_were_right(desk):
    for _ in range(5):
        assert (await raised(desk, "statistical")).priority == "advisory"
        await found(desk, "statistical", RIGHT)
    alarm = await raised(desk, "statistical")
    assert (alarm.priority, alarm.asked) == ("medium", "advisory")
    ((reason, standing),) = await rows(desk, "SELECT reason, standing FROM alarm.standing_event")
    assert (standing, "5 of the last 5 verdicts were right" in reason) == ("trusted", True)
    assert ("standing.changed", None, None) not in await desk.outbox()  # nobody consumes it yet, so it costs nothing


async def test_nobody_looked_is_no_verdict(desk):
    await found(desk, "statistical", *[ASIDE] * 6, *[RIGHT] * 4)
    assert (await raised(desk, "statistical")).priority == "advisory"


async def test_fewer_than_half_of_twenty_demotes_a_limit_and_a_person_reverses_it(desk):
    await found(desk, "limit", *[RIGHT] * 9, *[WRONG] * 10)
    assert (await raised(desk, "limit")).priority == "high"
    await found(desk, "limit", WRONG)
    alarm = await raised(desk, "limit")
    assert (alarm.priority, alarm.asked) == ("advisory", "high")
    async with desk.app() as conn:
        (one,) = await standings.list_standings(conn)
        assert (one.rule, one.standing) == (LIMIT, "advisory")
        restored = await standings.settle(conn, one.id, "trusted", "the sensor was loose, it is fixed", desk.person)
        told = await standings.standing_events(conn, one.id)
    assert restored.standing == "trusted"
    assert [(event.standing, event.actor_id) for event in told] == [("trusted", desk.person), ("advisory", None)]
    assert "9 of the last 20 verdicts were right (95 % interval 26% to 66%)" in told[1].reason
    assert (await raised(desk, "limit")).priority == "high"
    await found(desk, "limit", WRONG)  # the old verdicts do not count again
    assert (await raised(desk, "limit")).priority == "high"


async def test_a_critical_limit_is_not_made_quiet_by_its_record(desk):
    await found(desk, "limit", *[WRONG] * 20)
    await desk.decide("raise", priority="critical")
    async with desk.worker() as conn:
        assert await standings.earned(conn, LIMIT, "critical") == "critical"
        assert await standings.earned(conn, LIMIT, "high") == "advisory"


async def test_another_class_and_another_model_have_a_record_of_their_own(desk):
    await found(desk, "statistical", *[RIGHT] * 5)
    async with desk.worker() as conn:
        for rule in (
            Rule("statistical", "robust-2", ROBUST.cause, "pump"),
            Rule("statistical", "robust-1", ROBUST.cause, "spindle"),
        ):
            assert await standings.earned(conn, rule, "advisory") == "advisory"
        assert await standings.earned(conn, ROBUST, "advisory") == "medium"
        assert await standings.earned(conn, ROBUST, "low") == "low"


async def test_an_open_case_is_not_made_quieter(desk):
    alarm_id = await desk.decide("raise")
    await found_while_open(desk, 20)
    await desk.decide("grow", contributions=(("vibration", 0.5), ("flow", 0.5)))
    assert (await desk.alarm(alarm_id)).priority == "high"
    await desk.decide("clear")
    assert (await raised(desk, "limit")).priority == "advisory"


async def found_while_open(desk, n):
    cnc = desk.machine("pump-1")
    for number in range(n):
        await desk.decide("raise", cause=f"other-{number}", machine=cnc)
    async with desk.worker() as conn:
        await conn.execute("UPDATE alarm.alarm SET cause = 'bearing_wear', active = false WHERE cause LIKE 'other%'")
    for (alarm_id,) in await rows(desk, "SELECT id FROM alarm.alarm WHERE NOT active"):
        await desk.judge(alarm_id, WRONG)


async def test_a_changed_mind_counts_once(desk):
    alarm = await raised(desk, "statistical")
    for verdict in (WRONG, RIGHT):
        await desk.judge(alarm.id, verdict)
    await found(desk, "statistical", *[RIGHT] * 4)
    assert (await raised(desk, "statistical")).priority == "medium"
    async with desk.worker() as conn:
        assert sum(tally.n for tally in await nightly.tallies(conn, datetime(2020, 1, 1, tzinfo=UTC))) == 5


async def test_a_sensor_that_was_at_fault_is_right_for_an_alarm_about_sensors(desk):
    for _ in range(5):
        alarm_id = await desk.unusual("raise", kind="sensor")
        await desk.unusual("clear", kind="sensor")
        await desk.judge(alarm_id, "sensor_fault")
    assert (await desk.alarm(alarm_id)).class_ == "sensor"
    assert (await raised(desk, "statistical")).priority == "medium"


async def test_what_was_never_decided_cannot_be_reversed(desk):
    with pytest.raises(UnknownStanding):
        async with desk.app() as conn:
            await standings.settle(conn, desk.pump.id, "trusted", "x", desk.person)


async def test_the_api_cannot_forge_a_record(desk):
    await found(desk, "statistical", *[RIGHT] * 5)
    for statement in (
        "UPDATE alarm.standing_event SET reason = 'x'",
        "DELETE FROM alarm.standing_event",
        "UPDATE alarm.label SET source = 'limit'",
        "INSERT INTO alarm.evaluation (tenant_id, day, worker) VALUES (registry.current_tenant(), now(), 'x')",
    ):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            async with desk.app() as conn:
                await conn.execute(statement)


async def test_a_night_is_written_once_whoever_writes_it(desk):
    await found(desk, "statistical", *[RIGHT] * 5, WRONG, ASIDE)
    await found(desk, "limit", RIGHT, WRONG)
    work, day = Transactions(desk.worker_pool), date(2026, 11, 22)
    done = await asyncio.gather(*(nightly.evaluate_due(work, day, f"worker-{n}", datetime.now(UTC)) for n in range(5)))
    assert sum(done) == 1
    assert await nightly.evaluate_due(work, day, "after-a-restart", NOW) == 0
    assert await nightly.evaluate_due(work, date(2026, 11, 23), "worker-1", datetime.now(UTC)) == 1
    async with desk.app() as conn:
        newest, older = await nightly.list_evaluations(conn)
        assert await nightly.list_evaluations(conn, before=day) == []
        rules = (await nightly.evaluated_rules(conn, [day]))[day]
    assert (newest.day, older.day, older.counted, older.right_ones, older.not_inspected) == (
        date(2026, 11, 23), day, 8, 6, 1,
    )  # fmt: skip
    assert [(one.rule, one.right_ones, one.counted, one.standing) for one in rules] == [
        (LIMIT, 1, 2, "trusted"), (ROBUST, 5, 6, "trusted"),
    ]  # fmt: skip


async def test_the_night_demotes_what_nobody_has_reviewed(desk):
    for _ in range(20):
        async with desk.app() as conn:  # the verdict is written, but the worker was away
            await labels.judge(conn, (await raised(desk, "limit")).id, WRONG, desk.person)
    assert (await raised(desk, "limit")).priority == "high"
    await nightly.evaluate_due(Transactions(desk.worker_pool), date(2026, 11, 22), "w", datetime.now(UTC))
    assert (await raised(desk, "limit")).priority == "advisory"


@pytest.mark.parametrize(
    ("now", "zone", "day"),
    [
        ("2026-11-22T02:29:59+00:00", "UTC", None),
        ("2026-11-22T02:30:00+00:00", "UTC", "2026-11-22"),
        ("2026-11-22T18:29:00+00:00", "Asia/Shanghai", None),  # 02:29 of the 23rd there
        ("2026-11-22T18:31:00+00:00", "Asia/Shanghai", "2026-11-23"),
        ("2026-03-29T01:00:00+00:00", "Europe/Berlin", "2026-03-29"),  # 02:30 does not exist that night
        ("2026-03-29T00:59:00+00:00", "Europe/Berlin", None),
        ("2026-10-25T00:30:00+00:00", "Europe/Berlin", "2026-10-25"),  # twice that night, and the same day
        ("2026-10-25T01:30:00+00:00", "Europe/Berlin", "2026-10-25"),
    ],
)
def test_a_night_belongs_to_a_local_day(now, zone, day):
    found = nightly.due(datetime.fromisoformat(now), time(2, 30), ZoneInfo(zone))
    assert (found.isoformat() if found else None) == day
