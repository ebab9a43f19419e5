"""Transactions that are repeated until the database takes them: while it is away, nothing is lost and nothing goes on.

work ──► transaction ──fails for now──► back-off, told once ──► transaction … ──► committed
                     └─can never succeed──► the caller hears of it
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Protocol, TypeVar

import psycopg
import structlog

from database.pool import Connection, Pool
from database.queries import load_queries
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


async def make_partitions(connection: Connection) -> float:
    """Partitions for the coming days; answers with the database's wall time in s."""
    row = await (await connection.execute(queries.make_partitions)).fetchone()
    assert row
    return float(row[1])
