"""The maintenance process against a real outbox: alarms become orders, once, whatever comes twice or broken."""

import asyncio
import contextlib
from datetime import UTC, datetime
from uuid import uuid4

import pytest

from database import outbox
from database.pool import open_pool, tenant_transaction
from maintenance import rules, store
from maintenance.records import State
from maintenance.settings import MaintenanceSettings
from maintenance.worker import run_maintenance

WAIT_S = 10.0


@pytest.fixture
async def events(database, desk):
    """Writes events as the detector's process does."""
    async with open_pool(database.settings("lw_worker")) as pool:

        async def write(topic, key, **payload):
            async with tenant_transaction(pool, desk.tenant_id) as conn:
                await outbox.write(conn, desk.tenant_id, topic, key, payload)

        yield write


@pytest.fixture
async def worker(database):
    async with running(database):
        yield


@contextlib.asynccontextmanager
async def running(database):
    task = asyncio.create_task(run_maintenance(MaintenanceSettings(database=database.settings("lw_worker"))))
    yield task
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


def raised(desk, **fields):
    alarm = {
        "alarm_id": str(uuid4()), "machine_id": str(desk.machine_id), "cause": "bearing_wear", "priority": "high",
        "suppression": "none", "onset_at": datetime(2026, 3, 1, tzinfo=UTC).isoformat(),
    }  # fmt: skip
    return alarm | fields


async def until(desk, condition):
    """The orders, as soon as `condition` holds for them."""
    async with asyncio.timeout(WAIT_S):
        while True:
            async with desk.transaction() as conn:
                orders = await store.list_orders(conn, store.OrderFilter())
            if condition(orders):
                return orders
            await asyncio.sleep(0.02)


async def drained(database):
    """Until every event was handled or put off."""
    async with open_pool(database.settings("lw_worker")) as pool, asyncio.timeout(WAIT_S):
        while True:
            async with pool.connection() as conn:
                row = await (
                    await conn.execute("SELECT count(*) FROM audit.outbox WHERE not_before <= now()")
                ).fetchone()
            if row[0] == 0:
                return
            await asyncio.sleep(0.02)


async def test_an_alarm_becomes_an_order_at_once(desk, events, worker):
    alarm = raised(desk)
    await events("alarm.raised", "a", **alarm)
    (order,) = await until(desk, bool)
    assert (order.title, order.priority, order.state) == ("alarm:bearing_wear", "high", State.NEW)
    assert (str(order.alarm_id), order.cause) == (alarm["alarm_id"], "bearing_wear")
    assert order.detected_at == datetime(2026, 3, 1, tzinfo=UTC)


async def test_an_alarm_delivered_twenty_times_makes_one_order(database, desk, events):
    alarm = raised(desk)
    await asyncio.gather(*(events("alarm.raised", f"a{number}", **alarm) for number in range(20)))
    async with running(database), running(database):  # two processes compete for them
        await drained(database)
    assert len(await until(desk, bool)) == 1


async def test_a_second_alarm_of_the_same_cause_joins_and_another_cause_does_not(database, desk, events, worker):
    first, second, other = raised(desk), raised(desk), raised(desk, cause="seal_leak")
    await events("alarm.raised", "a", **first)
    await until(desk, bool)
    await events("alarm.raised", "b", **second)
    await events("alarm.raised", "c", **other)
    await drained(database)
    orders = await until(desk, lambda orders: len(orders) == 2)
    async with desk.transaction() as conn:
        answers = await store.orders_of_alarms(conn, [order.alarm_id for order in orders])
        joined = await store.orders_of_alarms(conn, [rules.read_alarm(second).alarm_id])
    assert len(answers) == 2
    (joined_order,) = joined.values()
    assert joined_order == next(order.id for order in orders if order.cause == "bearing_wear")


async def test_an_alarm_that_becomes_more_urgent_makes_its_order_more_urgent(database, desk, events, worker):
    alarm = raised(desk, priority="medium")
    for key, priority in (("a", "medium"), ("b", "critical"), ("c", "critical"), ("d", "high")):
        await events("alarm.raised", key, **alarm | {"priority": priority})
        await drained(database)
    (order,) = await until(desk, bool)
    assert (order.priority, order.version) == ("critical", 2)


async def test_advice_and_shelved_alarms_wait_in_triage(database, desk, events, worker):
    await events("alarm.raised", "a", **raised(desk, priority="advisory"))
    await events("alarm.raised", "b", **raised(desk, suppression="shelved"))
    await drained(database)
    await events("alarm.raised", "c", **raised(desk, cause="last"))
    assert [order.cause for order in await until(desk, bool)] == ["last"]


async def test_a_cleared_alarm_is_noted_once_and_closes_nothing(database, desk, events, worker):
    alarm = raised(desk)
    await events("alarm.raised", "a", **alarm)
    await until(desk, bool)
    for key in ("b", "c"):
        await events("alarm.cleared", key, alarm_id=alarm["alarm_id"])
    await events("alarm.cleared", "d", alarm_id=str(uuid4()))
    await drained(database)
    (order,) = await until(desk, bool)
    assert (order.state, order.version) == (State.NEW, 2)


async def test_a_broken_event_holds_up_nobody(database, desk, events, worker):
    await events("alarm.raised", "broken", alarm_id="no id")
    await events("alarm.raised", "ghost", **raised(desk, machine_id=str(uuid4())))
    await events("alarm.raised", "fine", **raised(desk))
    assert len(await until(desk, bool)) == 1


async def test_alarms_raised_while_the_process_was_down_are_answered_when_it_is_back(database, desk, events):
    async with running(database):
        await events("alarm.raised", "a", **raised(desk))
        await until(desk, bool)
    await events("alarm.raised", "b", **raised(desk, cause="seal_leak"))
    async with running(database):
        assert len(await until(desk, lambda orders: len(orders) == 2)) == 2
