"""Connections of one process: a bounded pool, transactions inside one tenant, and a look at who we are.

    open_pool(settings) ──► tenant_transaction(pool, tenant) ──► connection that sees this tenant's rows only

A server that is away when the pool is opened is waited for with back-off, and told once; later it is
DatabaseUnavailable.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import psycopg
import structlog
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from database import DatabaseUnavailable, PrivilegedRole
from database.queries import load_queries
from database.settings import DatabaseSettings
from runtime.logs import Outage
from runtime.retry import backoff_s

log = structlog.get_logger()

Connection = AsyncConnection[Any]
Pool = AsyncConnectionPool[Connection]

queries = load_queries(__file__)

_CONNECT_S = 5
_WAIT_FOR_CONNECTION_S = 10.0
_WAITING_PER_CONNECTION = 32
# The pool doubles its pauses for as long as it tries: after 40 s without a server it noticed the new one 20 s late.
# A short try is given up and begun anew by whoever asks next.
_RECONNECT_S = 4.0
_WAY_OUT = "check that PostgreSQL runs and that LINEWRIGHT_DATABASE__DSN names it"


@contextlib.asynccontextmanager
async def open_pool(settings: DatabaseSettings) -> AsyncIterator[Pool]:
    """The pool of this process; opens as soon as the database answers, waits for it as long as it takes."""
    await _wait_for_database(settings.dsn.get_secret_value())
    pool: Pool = AsyncConnectionPool(
        settings.dsn.get_secret_value(),
        kwargs={"connect_timeout": _CONNECT_S},
        min_size=1,
        max_size=settings.pool_size,
        max_waiting=settings.pool_size * _WAITING_PER_CONNECTION,
        timeout=_WAIT_FOR_CONNECTION_S,
        reconnect_timeout=_RECONNECT_S,
        configure=_configure,
        check=AsyncConnectionPool.check_connection,  # a restarted server costs no request
        open=False,
    )
    async with pool:
        yield pool


@contextlib.asynccontextmanager
async def transaction(pool: Pool) -> AsyncIterator[Connection]:
    """A transaction without a tenant: committed at the end, rolled back by an exception.

    Raises:
        DatabaseUnavailable: nobody answers, or all connections are busy for too long; try again later.
    """
    try:
        async with pool.connection() as connection, connection.transaction():
            yield connection
    except psycopg.OperationalError as error:
        if error.sqlstate and not error.sqlstate.startswith(("08", "57P")):
            raise
        raise DatabaseUnavailable(f"the database does not answer: {error}") from error


@contextlib.asynccontextmanager
async def tenant_transaction(pool: Pool, tenant_id: UUID) -> AsyncIterator[Connection]:
    """A transaction that sees and changes one tenant's rows only. Raises as `transaction`."""
    async with transaction(pool) as connection:
        await set_tenant(connection, tenant_id)
        yield connection


async def set_tenant(connection: Connection, tenant_id: UUID) -> None:
    """From here to the end of the transaction, rows are this tenant's."""
    await connection.execute(queries.set_tenant, {"tenant_id": str(tenant_id)})


async def refuse_privileged(connection: Connection) -> None:
    """Make sure that row-level security binds us.

    Raises:
        PrivilegedRole: the role is a superuser, bypasses row-level security, or owns something.
    """
    row = await (await connection.execute(queries.privileges)).fetchone()
    assert row
    role, superuser, bypasses_rls, owns_something = row
    reasons = {
        "is a superuser": superuser,
        "bypasses row-level security": bypasses_rls,
        "owns tables, functions or schemas": owns_something,
    }
    found = [reason for reason, holds in reasons.items() if holds]
    if found:
        raise PrivilegedRole(
            f"the database role {role} {' and '.join(found)}, so tenants would not be kept apart; "
            "give this service a DSN with the role lw_app in LINEWRIGHT_DATABASE__DSN"
        )


async def _configure(connection: Connection) -> None:
    await connection.set_autocommit(True)
    await connection.execute("SET TIME ZONE 'UTC'")
    await connection.set_autocommit(False)


async def _wait_for_database(dsn: str) -> None:
    outage = Outage(log, "database")
    for pause_s in backoff_s():
        try:
            async with await psycopg.AsyncConnection.connect(dsn, connect_timeout=_CONNECT_S):
                outage.up()
                return
        except psycopg.OperationalError as error:
            outage.down(error, _WAY_OUT)
        await asyncio.sleep(pause_s)
