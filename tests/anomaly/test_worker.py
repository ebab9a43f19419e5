"""The whole room against a real broker and database: samples cross a limit, one alarm and one order come of it."""

import asyncio
import hashlib
import json
import time

import numpy as np
import pytest

from database import outbox
from database.pool import open_pool, tenant_transaction
from protocols.sample import Quality, Reason, quality_code
from runtime.clock import ClockState
from tests.anomaly.parts import WAIT_S, Look, gateway, ingesting, maintaining, watching

ALARMS = "SELECT cause, priority, active, cleared_at IS NULL FROM alarm.alarm ORDER BY raised_at"
ONE_ACTIVE = [("bearing_wear", "high", True, True)]
ONE_CLEARED = [("bearing_wear", "high", False, False)]
STORED = "SELECT count(*) FROM telemetry.stored"


@pytest.fixture
def look(database, tenant):
    return Look(database.dsn("owner"), tenant.tenant_id)


@pytest.fixture
async def floor(broker, database, tenant):
    """Ingest and a gateway whose catalog is registered."""
    async with ingesting(broker, database), gateway(broker) as one:
        await one.publish_catalog()
        yield one


@pytest.fixture
async def registered(floor, look):
    await look.until("SELECT count(*) FROM telemetry.catalog", [(2,)])
    return floor


async def evaluated(floor, look, database):
    """Until the detectors have seen everything that was sent: a limit of its own on another tag says so."""
    rows = await look.rows("SELECT id FROM alarm.limit_rule WHERE cause = 'mark'")
    assert rows, "switch the mark on first"
    before = len(await look.rows("SELECT id FROM alarm.event"))
    await floor.send("flow", [1000.0], [0.0])
    await look.until("SELECT count(*) FROM alarm.event", lambda found: found[0][0] > before)
    await floor.send("flow", [0.0], [0.0])


async def mark(look, tenant):
    """A limit without delays on the flow, which nothing but `evaluated` crosses."""
    await look.rows(
        "INSERT INTO alarm.limit_rule (tenant_id, tag_id, kind, threshold, priority, cause)"
        " VALUES (%s, %s, 'high_high', 999, 'advisory', 'mark')",
        tenant.tenant_id, tenant.tags["pump-1", "flow"],
    )  # fmt: skip


async def sending_until(floor, look, value):
    """Measure `value` until it is an alarm: what is sent to nobody does not come again."""
    async with asyncio.timeout(WAIT_S):
        while await look.rows(ALARMS) != ONE_ACTIVE:
            await floor.send("vibration", [value, value], [1.5, 0.0])
            await asyncio.sleep(0.1)


async def test_a_crossed_limit_becomes_one_alarm_with_evidence_and_one_order(
    registered, broker, database, look, tenant
):
    async with watching(broker, database), maintaining(database):
        await registered.send("vibration", [2.0, 2.1, 2.2], [60, 50, 40])
        await look.until(STORED, [(3,)])
        sent_at = time.time()
        await registered.send("vibration", [5.0, 5.5, 6.0], [1.5, 0.8, 0.0])
        await look.until(ALARMS, ONE_ACTIVE)
        took_s = time.time() - sent_at
        orders = await look.until(
            "SELECT title, priority, state, source, no FROM work.work_order", lambda found: len(found) == 1
        )
    assert took_s < 2.0
    assert orders == [("alarm:bearing_wear", "high", "NEW", "alarm", 1)]
    ((snapshot, sha256, onset),) = await look.rows(
        "SELECT e.snapshot, e.sha256, extract(epoch FROM a.onset_at)::float8 FROM alarm.evidence e"
        " JOIN alarm.alarm a ON a.id = e.alarm_id"
    )
    assert hashlib.sha256(snapshot.encode()).digest() == sha256
    frozen = json.loads(snapshot)
    (vibration,) = frozen["tags"]
    assert (frozen["machine"], frozen["cause"], frozen["detector"]) == ("pump-1", "bearing_wear", "limit")
    assert (vibration["slug"], vibration["unit"], vibration["share"]) == ("vibration", "mm/s", 1.0)
    assert vibration["limits"] == {"high": 4.5}
    assert vibration["values"] == [2.0, 2.1, 2.2, 5.0, 5.5, 6.0]
    assert vibration["times_ms"] == sorted(vibration["times_ms"])
    assert abs(onset - (sent_at - 1.5)) < 0.2
    assert frozen["onset_ms"] == pytest.approx(onset * 1000, abs=1)
    assert await look.rows("SELECT action FROM alarm.event") == [("raise",)]


async def test_the_same_batch_delivered_again_changes_nothing(registered, broker, database, look, tenant):
    await mark(look, tenant)
    async with watching(broker, database), maintaining(database):
        data = await registered.send("vibration", [5.0, 6.0], [1.5, 0.0])
        await look.until(ALARMS, lambda found: len(found) == 1)
        for _ in range(10):
            await registered.client.publish("lw/1/demo/gw-1/up/data", data, qos=1)
        await evaluated(registered, look, database)
    assert await look.rows("SELECT count(*) FROM alarm.alarm WHERE cause = 'bearing_wear'") == [(1,)]
    assert await look.rows("SELECT count(*) FROM work.work_order") == [(1,)]


TIMED_OUT = quality_code(Quality.BAD, Reason.TIMEOUT)


@pytest.mark.parametrize(
    "measured",  # values, ages in seconds, quality code
    [
        pytest.param(([4.5, 4.499999, 4.5, 4.5], [3, 2, 1, 0], 0), id="just under the limit"),
        pytest.param(([9.0, 9.0, 9.0], [3, 1.5, 0], TIMED_OUT), id="bad values"),
        pytest.param(([9.0, 9.0, 9.0], [7200, 7100, 7000], 0), id="backlog of two hours ago"),
        pytest.param(([9.0, 2.0, 9.0, 2.0], [3, 2.5, 1, 0.5], 0), id="never for the whole on-delay"),
    ],
)
async def test_what_is_no_alarm_raises_none(registered, broker, database, look, tenant, measured):
    values, ages_s, code = measured
    await mark(look, tenant)
    async with watching(broker, database):
        await registered.send("vibration", values, ages_s, code=code)
        await evaluated(registered, look, database)
    assert await look.rows("SELECT DISTINCT cause FROM alarm.alarm") == [("mark",)]


async def test_a_gateway_without_a_synced_clock_is_not_blind(registered, broker, database, look):
    registered.clock = ClockState.UNSYNCED
    code = quality_code(Quality.UNCERTAIN, Reason.CLOCK_UNSYNCED)
    async with watching(broker, database):
        await registered.send("vibration", [5.0, 6.0], [7202, 7200], code=code)
        await look.until(ALARMS, ONE_ACTIVE)


async def test_an_alarm_clears_and_its_order_stays(registered, broker, database, look):
    async with watching(broker, database), maintaining(database):
        await registered.send("vibration", [5.0, 6.0], [8.0, 6.9])
        await look.until("SELECT state FROM work.work_order", [("NEW",)])
        await registered.send("vibration", [4.4], [6.5])  # inside the deadband
        await registered.send("vibration", [2.0, 2.0], [6.0, 0.5])
        await look.until(ALARMS, ONE_CLEARED)
        await look.until("SELECT action FROM work.event ORDER BY seq", [("create",), ("note",)])
    assert await look.rows("SELECT state FROM work.work_order") == [("NEW",)]


async def test_a_restart_raises_nothing_twice_and_clears_what_has_returned(registered, broker, database, look):
    async with watching(broker, database):
        await registered.send("vibration", [5.0, 6.0], [20.0, 18.0])
        await look.until(ALARMS, ONE_ACTIVE)
    assert {row[0] for row in await look.rows("SELECT detector FROM alarm.detector_state")} == {"limits", "robust"}
    async with watching(broker, database):
        await registered.send("vibration", [7.0, 8.0], [12.0, 10.0])
        await registered.send("vibration", [2.0, 2.0], [8.0, 2.0])
        await look.until(ALARMS, ONE_CLEARED)
    assert await look.rows("SELECT action FROM alarm.event ORDER BY id") == [("raise",), ("clear",)]


async def test_after_a_crash_without_saved_states_the_stored_alarm_still_counts(registered, broker, database, look):
    async with watching(broker, database):
        await registered.send("vibration", [5.0, 6.0], [20.0, 18.0])
        await look.until(ALARMS, ONE_ACTIVE)
    await look.rows("DELETE FROM alarm.detector_state")
    async with watching(broker, database):
        await registered.send("vibration", [7.0, 8.0], [12.0, 10.0])
        await registered.send("vibration", [2.0, 2.0], [8.0, 2.0])
        await look.until(ALARMS, ONE_CLEARED)


async def test_changed_limits_are_taken_over_and_a_limit_that_is_gone_clears_its_alarm(
    registered, broker, database, look
):
    async with watching(broker, database, reload_s=0.1):
        await look.rows("UPDATE alarm.limit_rule SET threshold = 3.0 WHERE cause = 'bearing_wear'")
        await sending_until(registered, look, 4.0)
        await look.rows("UPDATE alarm.limit_rule SET enabled = false WHERE cause = 'bearing_wear'")
        await look.until(ALARMS, ONE_CLEARED)


async def test_what_is_unusual_is_advice_until_a_person_calls_it_normal(registered, broker, database, look, tenant):
    values = np.random.default_rng(0).normal(2.0, 0.1, 700)
    values[650:] = 4.0  # well below the limit
    async with watching(broker, database), maintaining(database):
        await registered.send("vibration", values, np.linspace(70, 0, 700))
        await look.until(ALARMS, [("unusual_behaviour", "advisory", True, True)])
        await look.until("SELECT count(*) FROM audit.outbox", [(0,)])
        assert await look.rows("SELECT count(*) FROM work.work_order") == [(0,)]
        ((alarm_id, snapshot),) = await look.rows("SELECT alarm_id, snapshot FROM alarm.evidence")
        async with open_pool(database.settings("lw_app")) as pool, tenant_transaction(pool, tenant.tenant_id) as conn:
            payload = {"alarm_id": str(alarm_id), "verdict": "false_alarm"}
            await outbox.write(conn, tenant.tenant_id, "verdict.given", "v", payload)
        await look.until(ALARMS, [("unusual_behaviour", "advisory", False, False)])
    (vibration,) = json.loads(snapshot)["tags"]
    assert vibration["expected"] == [pytest.approx(2.0, abs=0.1)] * len(vibration["values"])
    assert len(vibration["values"]) > 500


async def test_a_shelf_that_has_run_out_ends_and_the_alarm_asks_for_work(registered, broker, database, look):
    async with watching(broker, database, reload_s=0.1):
        await registered.send("vibration", [5.0, 6.0], [1.5, 0.0])
        await look.until(ALARMS, ONE_ACTIVE)
        await look.rows("DELETE FROM audit.outbox")
        await look.rows("UPDATE alarm.alarm SET suppression = 'shelved', suppressed_until = now() + interval '0.5 s'")
        await look.until("SELECT suppression FROM alarm.alarm", [("none",)])
    assert await look.rows("SELECT action FROM alarm.event ORDER BY id") == [("raise",), ("unshelve",)]
    assert await look.rows("SELECT topic FROM audit.outbox") == [("alarm.raised",)]


async def test_a_batch_may_come_before_its_catalog(broker, database, look, tenant):
    async with ingesting(broker, database), watching(broker, database), gateway(broker) as one:
        await one.send("vibration", [5.0, 6.0], [1.5, 0.0])
        await one.publish_catalog()
        await look.until(ALARMS, ONE_ACTIVE)


async def test_a_database_that_was_away_gets_the_alarm_when_it_is_back(registered, broker, database, look):
    async with watching(broker, database):
        await registered.send("vibration", [2.0], [5.0])
        await look.until(STORED, [(1,)])
        for _ in range(5):  # every connection is cut, again and again, while the alarm is being raised
            await look.rows(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'lw_worker'"
                " OR pid <> pg_backend_pid() AND datname = current_database()"
            )
        await registered.send("vibration", [5.0, 6.0], [1.5, 0.0])
        await look.until(ALARMS, ONE_ACTIVE)


async def test_a_broker_that_was_away_is_found_again(registered, broker, database, look):
    async with watching(broker, database):
        await registered.send("vibration", [2.0], [5.0])
        await look.until(STORED, [(1,)])
        await broker.stop()
        await broker.start()
        async with gateway(broker) as other:
            await sending_until(other, look, 6.0)
