"""Seeding is what the demo and every other test stand on."""

import psycopg
import pytest

from device_registry import LoginTaken, people
from device_registry.plant import SeedPerson, SeedTenant
from device_registry.seed import seed
from tests.plant import PASSWORD, PLANT


async def test_everything_of_the_plain_data_is_there(tenant, database):
    assert set(tenant.machines) == {"compressor-1", "pump-1", "cnc-1", "press-1"}
    assert set(tenant.labels) == set(tenant.machines)
    assert len(set(tenant.series.values())) == 6
    assert tenant.passwords == dict.fromkeys(tenant.people, PASSWORD)
    async with await psycopg.AsyncConnection.connect(database.dsn("owner")) as connection:
        rule = await (await connection.execute("SELECT kind, threshold, cause FROM alarm.limit_rule")).fetchall()
        assert rule == [("high", 4.5, "bearing_wear")]
        kept = await (await connection.execute("SELECT DISTINCT password_hash FROM registry.person")).fetchall()
        assert len(kept) == len(PLANT.people)
        assert all(people.verify_password(text, PASSWORD) for (text,) in kept)


async def test_seeding_again_changes_nothing(tenant, database):
    async with await psycopg.AsyncConnection.connect(database.dsn("owner")) as connection:
        again = await seed(connection, PLANT)
    assert again.passwords == {}
    assert (again.tenant_id, again.machines, again.series, again.labels) == (
        tenant.tenant_id,
        tenant.machines,
        tenant.series,
        tenant.labels,
    )


async def test_a_login_of_another_tenant_is_refused(tenant, database):
    other = SeedTenant("other", "Other", "s", "S", people=(SeedPerson("planner", "X", ("planner",)),))
    async with await psycopg.AsyncConnection.connect(database.dsn("owner")) as connection:
        with pytest.raises(LoginTaken):
            await seed(connection, other)


async def test_a_random_password_is_told_once(database):
    plant = SeedTenant("other", "Other", "s", "S", people=(SeedPerson("somebody", "X", ("planner",)),))
    async with await psycopg.AsyncConnection.connect(database.dsn("owner")) as connection:
        first = await seed(connection, plant)
        assert len(first.passwords["somebody"]) >= 16
        assert (await seed(connection, plant)).passwords == {}
