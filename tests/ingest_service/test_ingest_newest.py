"""The newest sample of a series, wherever it lies: hot, in the newest pack, in one that began before it."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import psycopg
import pytest

from database.pool import open_pool, tenant_transaction
from ingest_service.history import latest
from protocols.sample import Reason, bad
from tests.ingest_service.history_parts import add_hot, add_packs, add_texts, truth


@pytest.fixture
def hour():
    """The last whole hour but one."""
    return datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(hours=2)


async def newest(database, tenant_id, *series, within=timedelta(days=1)):
    async with open_pool(database.settings("lw_app")) as pool, tenant_transaction(pool, tenant_id) as connection:
        found = await latest(connection, series, within)
        return {key: (one.time, one.value, one.code) for key, one in found.items()}


async def test_of_packs_it_is_the_last_to_end(database, tenant, hour):
    flow, vibration = tenant.series["pump-1", "flow"], tenant.series["pump-1", "vibration"]
    add_packs(database, truth(flow, hour, 60, range(50)), truth(vibration, hour - timedelta(hours=9), 60, range(3)))
    add_packs(database, truth(flow, hour + timedelta(minutes=30, seconds=5), 60, [100, 101]))  # came late
    told = await newest(database, tenant.tenant_id, flow, vibration)
    assert told == {
        flow: (hour + timedelta(minutes=49), 49.0, 0),
        vibration: (hour - timedelta(hours=9) + timedelta(minutes=2), 2.0, 0),
    }
    assert (await newest(database, tenant.tenant_id, flow, vibration, within=timedelta(hours=5))).keys() == {flow}


async def test_hot_and_packed_are_compared_by_source_time(database, tenant, hour):
    flow, vibration = tenant.series["pump-1", "flow"], tenant.series["pump-1", "vibration"]
    failed = truth(flow, hour, 600, [1, 0], [0, bad(Reason.TIMEOUT)])
    add_packs(database, failed)
    add_hot(database, truth(flow, hour - timedelta(hours=3), 60, [7.0]))  # of a backlog: it arrived now
    add_packs(database, truth(vibration, hour, 60, [1.0]))
    add_hot(database, truth(vibration, hour, 90, [2.0, 3.0]))
    assert await newest(database, tenant.tenant_id, flow, vibration) == {
        flow: (hour + timedelta(minutes=10), None, bad(Reason.TIMEOUT)),
        vibration: (hour + timedelta(seconds=90), 3.0, 0),
    }


async def test_of_a_period_that_is_over_the_last_within_it(database, tenant, hour):
    flow, state = tenant.series["pump-1", "flow"], tenant.series["press-1", "state"]
    add_packs(database, truth(flow, hour, 60, range(50)))
    add_packs(database, truth(flow, hour + timedelta(seconds=30), 60, range(100, 105)))
    add_texts(database, state, [(hour + timedelta(minutes=n), f"{n}", 0) for n in range(20)])
    guest = uuid4()
    with psycopg.connect(database.dsn("owner")) as connection:
        connection.execute("SELECT set_config('app.tenant', %s, true)", [str(guest)])
        connection.execute("INSERT INTO registry.tenant (tenant_id, slug, name) VALUES (%s, 'guest', 'Guest')", [guest])
        for series in (flow, state):
            connection.execute(
                "INSERT INTO registry.visible_tag VALUES (%s, %s, %s, %s)",
                [guest, series, hour - timedelta(hours=1), hour + timedelta(minutes=4, seconds=31)],
            )
    assert await newest(database, guest, flow, state) == {
        flow: (hour + timedelta(minutes=4, seconds=30), 104.0, 0),
        state: (hour + timedelta(minutes=4), "4", 0),
    }
    assert await newest(database, uuid4(), flow, state) == {}
