"""The registry through the role of the API: one tenant at a time, secrets only as hashes."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import psycopg
import pytest

from database.pool import open_pool, tenant_transaction, transaction
from device_registry import UnknownMachine, store
from device_registry.plant import SeedMachine, SeedModel, SeedTenant
from device_registry.seed import seed

OTHER = SeedTenant("other", "Other", "s", "S", (SeedModel("m", "M", "other"),), (SeedMachine("pump-1", "Theirs", "m"),))


@pytest.fixture
async def pool(database):
    async with open_pool(database.settings("lw_app")) as pool:
        yield pool


@pytest.fixture
async def other(database):
    async with await psycopg.AsyncConnection.connect(database.dsn("owner")) as connection:
        return await seed(connection, OTHER)


async def test_login_and_session(tenant, pool, database):
    async with transaction(pool) as connection:
        login = await store.find_login(connection, "planner")
        assert await store.find_login(connection, "nobody") is None
    assert (login.person_id, login.tenant_id, login.disabled) == (tenant.people["planner"], tenant.tenant_id, False)
    async with tenant_transaction(pool, login.tenant_id) as connection:
        token, expires_at = await store.create_session(connection, login.person_id, timedelta(hours=12))
    async with transaction(pool) as connection:
        session = await store.find_session(connection, token)
        assert await store.find_session(connection, token + "x") is None
    assert session.expires_at == expires_at
    assert (session.person.login, session.person.roles, session.person.tenant_id) == (
        "planner",
        ["planner"],
        tenant.tenant_id,
    )
    with psycopg.connect(database.dsn("owner")) as connection:
        kept = connection.execute("SELECT token_sha256 FROM registry.session").fetchall()
    assert token.encode() not in [bytes(row[0]) for row in kept]
    async with tenant_transaction(pool, login.tenant_id) as connection:
        await store.end_session(connection, token)
        assert await store.find_session(connection, token) is None


async def test_a_session_over_or_of_a_disabled_person_is_none(tenant, pool, database):
    async with tenant_transaction(pool, tenant.tenant_id) as connection:
        over, _ = await store.create_session(connection, tenant.people["planner"], timedelta(seconds=-1))
        valid, _ = await store.create_session(connection, tenant.people["admin"], timedelta(hours=1))
        assert await store.find_session(connection, over) is None
        assert await store.find_session(connection, valid)
    with psycopg.connect(database.dsn("owner")) as connection:
        connection.execute("UPDATE registry.person SET disabled_at = now() WHERE login = 'admin'")
    async with transaction(pool) as connection:
        assert await store.find_session(connection, valid) is None
        assert (await store.find_login(connection, "admin")).disabled


async def test_people_language_and_tenant(tenant, pool):
    async with tenant_transaction(pool, tenant.tenant_id) as connection:
        assert [person.login for person in await store.list_people(connection, "technician")] == [
            "technician-2",
            "technician",
        ]
        assert len(await store.list_people(connection)) == 5
        await store.set_language(connection, tenant.people["technician"], "en")
        assert {person.language for person in await store.list_people(connection, "technician")} == {"en", "zh-CN"}
        assert (await store.current_tenant(connection)).slug == "demo"


async def test_machines_come_in_pages_with_model_and_site(tenant, other, pool):
    async with tenant_transaction(pool, tenant.tenant_id) as connection:
        first = await store.list_machines(connection, limit=3)
        rest = await store.list_machines(connection, after=first[-1].slug, limit=3)
        assert [machine.slug for machine in first + rest] == ["cnc-1", "compressor-1", "press-1", "pump-1"]
        assert (first[1].model, first[1].machine_class, first[1].site, first[1].criticality) == (
            "SA 37",
            "compressor",
            "Plant 1",
            "A",
        )
        machine = await store.find_machine(connection, first[1].id)
        assert (machine.serial, machine.maker) == ("SA37-0001", "Aeros")
        assert machine.public_fields == ["name", "model", "site"]
        tags = await store.list_tags(connection, [machine.id, tenant.machines["pump-1"]])
        assert {(tag.slug, tag.series_id) for tag in tags if tag.machine_id == machine.id} == {
            ("oil_temperature", tenant.series["compressor-1", "oil_temperature"]),
            ("running", tenant.series["compressor-1", "running"]),
        }


async def test_what_belongs_to_another_tenant_does_not_exist(tenant, other, pool):
    theirs = other.machines["pump-1"]
    async with tenant_transaction(pool, tenant.tenant_id) as connection:
        assert await store.find_machine(connection, theirs) is None
        assert await store.list_tags(connection, [theirs]) == []
        assert await store.find_machine_label(connection, theirs) is None
        assert not await store.revoke_label(connection, other.labels["pump-1"].id)
        with pytest.raises(UnknownMachine):
            await store.create_label(connection, theirs)
        with pytest.raises(UnknownMachine):
            await store.create_label(connection, uuid4())
    async with transaction(pool) as connection:
        assert await store.list_machines(connection) == []


async def test_a_label_is_found_by_token_and_by_typed_code_until_and_after_it_is_revoked(tenant, pool):
    printed = tenant.labels["pump-1"]
    async with transaction(pool) as connection:
        by_token = await store.find_label(connection, printed.token)
        typed = f"{printed.short_code[:4].lower()}-{printed.short_code[4:].lower()}"
        assert by_token == await store.find_label(connection, typed)
        assert (by_token.tenant_id, by_token.machine_id, by_token.revoked) == (
            tenant.tenant_id,
            tenant.machines["pump-1"],
            False,
        )
        assert await store.find_label(connection, "not-a-label") is None
    async with tenant_transaction(pool, tenant.tenant_id) as connection:
        newer = await store.create_label(connection, tenant.machines["pump-1"])
        assert (datetime.now(UTC) - newer.created_at) < timedelta(minutes=1)
        assert await store.find_machine_label(connection, tenant.machines["pump-1"]) == newer
        assert await store.revoke_label(connection, printed.id)
        assert not await store.revoke_label(connection, printed.id)
        assert (await store.find_label(connection, printed.token)).revoked
