"""Events: told when the change commits, handled once, tried again when the handler fails."""

import asyncio
import contextlib
from collections import Counter

import psycopg
import pytest

from database import DatabaseError, outbox
from database.pool import open_pool, set_tenant, tenant_transaction, transaction
from database.settings import DatabaseSettings

NOTE = "INSERT INTO work.counter (tenant_id, last_no) VALUES (registry.current_tenant(), 1)"


@pytest.fixture
async def pool(database):
    settings = DatabaseSettings.model_validate({"dsn": database.dsn("lw_worker"), "pool_size": 8})
    async with open_pool(settings) as pool:
        yield pool


@contextlib.asynccontextmanager
async def running(*consumers):
    tasks = [asyncio.create_task(consumer) for consumer in consumers]
    try:
        yield tasks
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def put(pool, tenant, key, topic="alarm.raised", **payload):
    async with tenant_transaction(pool, tenant.tenant_id) as connection:
        await outbox.write(connection, tenant.tenant_id, topic, key, payload)


def waiting(database) -> list[tuple]:
    with psycopg.connect(database.dsn("owner")) as connection:
        return connection.execute("SELECT consumer, key, attempts FROM audit.outbox ORDER BY id").fetchall()


async def until(condition, patience_s=10):
    async with asyncio.timeout(patience_s):
        while not condition():
            await asyncio.sleep(0.01)


async def test_events_reach_their_consumer_in_their_tenant_with_their_payload(pool, tenant, database):
    handled = []

    async def handle(connection, event):
        current = await (await connection.execute("SELECT registry.current_tenant()")).fetchone()
        handled.append((event.topic, event.key, event.payload, event.tenant_id, current[0]))

    async with running(outbox.consume(pool, "maintenance", handle)):
        await put(pool, tenant, "alarm-1", score=0.5)
        await until(lambda: handled)
        await until(lambda: not waiting(database))
    assert handled == [("alarm.raised", "alarm-1", {"score": 0.5}, tenant.tenant_id, tenant.tenant_id)]


async def test_a_waiting_consumer_is_woken_at_once(pool, tenant, database):
    stamps = []

    async def handle(connection, event):
        stamps.append(asyncio.get_running_loop().time())

    async with running(outbox.consume(pool, "maintenance", handle)):
        await put(pool, tenant, "first")
        await until(lambda: len(stamps) == 1)
        await until(lambda: listening_idle(database))
        started = asyncio.get_running_loop().time()
        await put(pool, tenant, "second")
        await until(lambda: len(stamps) == 2)
    assert stamps[1] - started < 5  # far below the half minute after which it would look by itself


def listening_idle(database) -> bool:
    with psycopg.connect(database.dsn("owner")) as connection:
        query = (
            "SELECT FROM pg_stat_activity WHERE datname = current_database() AND state = 'idle' AND query ~ '^LISTEN'"
        )
        return connection.execute(query).rowcount == 1 and not waiting(database)


async def test_what_is_rolled_back_was_never_told(pool, tenant, database):
    async with tenant_transaction(pool, tenant.tenant_id) as connection:
        await outbox.write(connection, tenant.tenant_id, "alarm.raised", "a", {})
        raise psycopg.Rollback
    assert waiting(database) == []


async def test_a_key_that_waits_is_not_written_again_and_a_topic_nobody_wants_costs_nothing(pool, tenant, database):
    await put(pool, tenant, "alarm-1")
    await put(pool, tenant, "alarm-1")
    await put(pool, tenant, "order-1", topic="order.changed")
    assert waiting(database) == [("maintenance", "alarm-1", 0)]
    with pytest.raises(DatabaseError, match=r"alarm\.risen"):
        await put(pool, tenant, "alarm-1", topic="alarm.risen")


async def test_the_api_may_tell_but_not_listen(tenant, database):
    async with open_pool(database.settings("lw_app")) as pool:
        await put(pool, tenant, "verdict-1", topic="verdict.given")
        await put(pool, tenant, "verdict-1", topic="verdict.given")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            async with transaction(pool) as connection:
                await connection.execute("SELECT FROM audit.outbox")
    assert waiting(database) == [("anomaly", "verdict-1", 0)]


async def test_two_consumers_handle_each_event_once(pool, tenant, database):
    handled: Counter[str] = Counter()
    by: Counter[int] = Counter()

    def handler(number):
        async def handle(connection, event):
            await asyncio.sleep(0.002)
            handled[event.key] += 1
            by[number] += 1

        return handle

    async with tenant_transaction(pool, tenant.tenant_id) as connection:
        for number in range(200):
            await outbox.write(connection, tenant.tenant_id, "alarm.raised", f"alarm-{number}", {})
    async with running(*(outbox.consume(pool, "maintenance", handler(number)) for number in range(2))):
        await until(lambda: not waiting(database), 20)
    assert handled == {f"alarm-{number}": 1 for number in range(200)}
    assert min(by[0], by[1]) > 20


async def test_a_failed_handler_leaves_nothing_lets_others_pass_and_is_tried_again(pool, tenant, database):
    attempts = []

    async def handle(connection, event):
        attempts.append((event.key, event.attempts))
        if event.key == "bad" and event.attempts == 0:
            await connection.execute(NOTE)
            raise ZeroDivisionError

    await put(pool, tenant, "bad")
    await put(pool, tenant, "good")
    with pytest.raises(ZeroDivisionError):
        await outbox.handle_next(pool, "maintenance", handle)
    assert waiting(database) == [("maintenance", "bad", 1), ("maintenance", "good", 0)]
    async with transaction(pool) as connection:
        assert (await connection.execute("SELECT FROM work.counter")).rowcount == 0
    async with running(outbox.consume(pool, "maintenance", handle)):
        await until(lambda: not waiting(database))
    assert attempts == [("bad", 0), ("good", 0), ("bad", 1)]


async def test_a_consumer_that_dies_midway_leaves_the_event_to_another(pool, tenant, database):
    entered = asyncio.Event()

    async def hang(connection, event):
        await connection.execute(NOTE)
        entered.set()
        await asyncio.sleep(60)

    handled = []

    async def handle(connection, event):
        handled.append(event.key)
        await connection.execute(NOTE)

    await put(pool, tenant, "alarm-1")
    async with running(outbox.consume(pool, "maintenance", hang)):
        await asyncio.wait_for(entered.wait(), 5)
        assert not await outbox.handle_next(pool, "maintenance", handle)
    assert await outbox.handle_next(pool, "maintenance", handle)
    assert handled == ["alarm-1"]
    async with transaction(pool) as connection:
        await set_tenant(connection, tenant.tenant_id)
        assert (await connection.execute("SELECT FROM work.counter")).rowcount == 1
    assert waiting(database) == []
