"""Connections: one tenant a transaction, waiting for an absent server, refusing a role that stands above the wall."""

import asyncio
from uuid import uuid4

import psycopg
import pytest
import structlog

from database import DatabaseUnavailable, PrivilegedRole
from database.embedded import EmbeddedPostgres
from database.pool import open_pool, refuse_privileged, tenant_transaction, transaction
from database.settings import DatabaseSettings


@pytest.fixture
async def pool(database):
    async with open_pool(database.settings("lw_app")) as pool:
        yield pool


async def value(connection, query):
    return (await (await connection.execute(query)).fetchone())[0]


async def test_the_tenant_ends_with_its_transaction(pool):
    tenant_id = uuid4()
    async with tenant_transaction(pool, tenant_id) as connection:
        assert await value(connection, "SELECT registry.current_tenant()") == tenant_id
    async with transaction(pool) as connection:
        assert await value(connection, "SELECT registry.current_tenant()") is None


async def test_the_tenant_ends_with_a_failed_transaction_too(pool):
    with pytest.raises(ZeroDivisionError):
        async with tenant_transaction(pool, uuid4()):
            raise ZeroDivisionError
    async with transaction(pool) as connection:
        assert await value(connection, "SELECT registry.current_tenant()") is None


async def test_times_are_utc(pool):
    async with transaction(pool) as connection:
        assert str((await value(connection, "SELECT now()")).tzinfo) in {"UTC", "Etc/UTC"}


async def test_connections_cut_by_the_server_are_replaced(pool, database):
    async with transaction(pool) as connection:
        pid = connection.info.backend_pid
    with psycopg.connect(database.dsn("owner")) as owner:
        owner.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])
    async with transaction(pool) as connection:
        assert connection.info.backend_pid != pid


async def test_a_cut_inside_a_transaction_is_told_as_unavailable(pool, database):
    with pytest.raises(DatabaseUnavailable):
        async with transaction(pool) as connection:
            await cut_and_ask(connection, database)


async def cut_and_ask(connection, database):
    with psycopg.connect(database.dsn("owner")) as owner:
        owner.execute("SELECT pg_terminate_backend(%s, 5000)", [connection.info.backend_pid])
    await connection.execute("SELECT 1")


async def test_an_error_of_the_query_stays_what_it_is(pool):
    with pytest.raises(psycopg.errors.DivisionByZero):
        async with transaction(pool) as connection:
            await connection.execute("SELECT 1 / 0")


async def test_an_absent_server_is_waited_for_and_told_once(open_folder):
    server = EmbeddedPostgres(open_folder / "absent" / "pg")
    with server:
        settings = DatabaseSettings.model_validate({"dsn": server.dsn("owner")})

    async def ask() -> int:
        async with open_pool(settings) as pool, transaction(pool) as connection:
            return await value(connection, "SELECT 42")

    with structlog.testing.capture_logs() as logs:
        asking = asyncio.create_task(ask())
        await asyncio.wait([asking], timeout=1.0)
        assert not asking.done()
        with server:
            assert await asyncio.wait_for(asking, 30) == 42
    told = [line["event"] for line in logs]
    assert told == ["database lost, trying again", "database back"]
    assert "LINEWRIGHT_DATABASE__DSN" in logs[0]["way_out"]


async def test_the_role_of_the_api_is_accepted(pool):
    async with transaction(pool) as connection:
        await refuse_privileged(connection)


async def test_a_superuser_is_refused(database):
    async with await psycopg.AsyncConnection.connect(database.dsn("owner")) as connection:
        with pytest.raises(PrivilegedRole, match="superuser"):
            await refuse_privileged(connection)


@pytest.mark.parametrize(
    ("gift", "reason"),
    [
        ("ALTER ROLE lw_app BYPASSRLS", "bypasses"),
        ("CREATE TABLE registry.mine (n int); ALTER TABLE registry.mine OWNER TO lw_app", "owns"),
        ("GRANT lw_definer TO lw_app", "owns"),
    ],
)
async def test_a_role_above_the_wall_is_refused(database, gift, reason):
    async with await psycopg.AsyncConnection.connect(database.dsn("owner")) as connection:
        await connection.execute(gift)
        await connection.execute("SET LOCAL SESSION AUTHORIZATION lw_app")
        with pytest.raises(PrivilegedRole, match=reason):
            await refuse_privileged(connection)
        await connection.rollback()
