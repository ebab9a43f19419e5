"""Transactions that are repeated until the database takes them: while it is away, nothing is lost and nothing goes on.

work ──► transaction ──fails for now──► back-off, told once ──► transaction … ──► committed
                     └─can never succeed──► the caller hears of it

A server that started again may be a backup of last week. Whoever remembers what it has read there works with
OneDatabase, which ends instead of going on with another server.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Protocol, TypeVar
from weakref import WeakSet

import psycopg
import structlog

from database.pool import Connection, Pool
from database.queries import load_queries
from ingest_service import IngestError
from runtime.clock import NS_PER_S
from runtime.logs import Outage
from runtime.retry import backoff_s

log = structlog.get_logger()
queries = load_queries(__file__)
T = TypeVar("T")

_CONNECTION_S = 3.0
_PAUSE_MOST_S = 5.0
# Disk full, deadlock, server stopping, a standby that is not yet primary: the same transaction succeeds later.
_FOR_NOW = (
    psycopg.OperationalError,
    psycopg.InterfaceError,
    psycopg.errors.ReadOnlySqlTransaction,
    psycopg.errors.CheckViolation,  # no partition for this minute
)


class OtherDatabase(IngestError):
    """The server has started again since the first transaction, or the database was made anew."""


class ServerClock:
    """The database's wall time: partitions and plausible times go by one clock, not by that of each worker."""

    def __init__(self) -> None:
        self._ahead_s = 0.0

    def observe(self, now_s: float) -> None:
        self._ahead_s = now_s - time.time()

    def now_ns(self) -> int:
        return time.time_ns() + round(self._ahead_s * NS_PER_S)


class Commits(Protocol):
    """Somebody who runs work in a transaction."""

    async def until_committed(self, work: Callable[[Connection], Awaitable[T]]) -> T: ...


class Inside:
    """Work inside a transaction that somebody else has opened, and commits or undoes as a whole."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def until_committed(self, work: Callable[[Connection], Awaitable[T]]) -> T:
        return await work(self._connection)


class Transactions:
    """The transactions of this process; one outage is told once, whoever meets it."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._outage = Outage(log, "database")

    @property
    def healthy(self) -> bool:
        return self._outage.lasting_s == 0

    async def until_committed(self, work: Callable[[Connection], Awaitable[T]]) -> T:
        """Run `work` in a transaction, again and again until it is committed.

        Raises:
            psycopg.DataError, psycopg.IntegrityError, psycopg.ProgrammingError: repeating would not help.
        """
        for pause_s in backoff_s(most_s=_PAUSE_MOST_S):
            try:
                async with self._pool.connection(_CONNECTION_S) as connection, connection.transaction():
                    done = await work(connection)
            except psycopg.errors.CheckViolation as error:
                self._outage.down(error, "partitions are made now")
                await self.until_committed(make_partitions)
            except _FOR_NOW as error:
                self._outage.down(error)
            else:
                self._outage.up()
                return done
            await asyncio.sleep(pause_s)
        raise AssertionError("back-off has no end")


class OneDatabase(Transactions):
    """The same on one and the same start of one database.

    A restored backup is another start: catalogs, gateways and hashes that were read before may not exist there.
    """

    def __init__(self, pool: Pool) -> None:
        super().__init__(pool)
        self._known: WeakSet[Connection] = WeakSet()
        self._life: object = None

    async def until_committed(self, work: Callable[[Connection], Awaitable[T]]) -> T:
        """As above.

        Raises:
            OtherDatabase: nothing was done; forget all that was read before, and begin anew.
        """

        async def where_we_were(connection: Connection) -> T:
            await self._look(connection)
            return await work(connection)

        return await super().until_committed(where_we_were)

    async def _look(self, connection: Connection) -> None:
        if connection in self._known:
            return
        life = await (await connection.execute(queries.life_of_database)).fetchone()
        if self._life not in (None, life):
            self._outage.up()
            raise OtherDatabase(f"the database was started or made anew: {life}")
        self._life = life
        self._known.add(connection)


async def make_partitions(connection: Connection) -> float:
    """Partitions for the coming days; answers with the database's wall time in s."""
    row = await (await connection.execute(queries.make_partitions)).fetchone()
    assert row
    return float(row[1])
