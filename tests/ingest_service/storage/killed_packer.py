"""A packer that is killed after its first, second, third … statement.

Usage: python -m tests.ingest_service.storage.killed_packer INGEST_DSN OWNER_DSN [careless]

Each round a child closes, packs, drops and merges; it sends itself SIGKILL after so many statements, and what is
stored then is counted. Ends with the round that came to its end. Prints a JSON line a round. `careless` is the
negative control: the same steps without transactions.
"""

import asyncio
import contextlib
import json
import os
import signal
import sys
from itertools import count

import psycopg

from database.pool import open_pool
from database.settings import DatabaseSettings
from tests.ingest_service.storage import stored
from tests.ingest_service.storage.stored import close_now, drop_all, merge_all, pack_all

STORED = "SELECT count(*), count(DISTINCT (series_id, time)) FROM telemetry.stored"


def die_after(statements: int) -> None:
    """Patch psycopg so that the process dies behind the given statement or part of a COPY."""
    left = iter(range(statements, -1, -1))

    def dying(function):
        async def wrapped(*args, **named):
            result = await function(*args, **named)
            if next(left) == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            return result

        return wrapped

    psycopg.AsyncCursor.execute = dying(psycopg.AsyncCursor.execute)
    psycopg.AsyncCopy.write = dying(psycopg.AsyncCopy.write)


@contextlib.asynccontextmanager
async def no_transaction(pool):
    async with pool.connection() as connection:
        await connection.set_autocommit(True)
        yield connection
        await connection.set_autocommit(False)


async def work(dsn: str, statements: int) -> None:
    async with open_pool(DatabaseSettings.model_validate({"dsn": dsn})) as pool:
        die_after(statements)
        await close_now(pool)
        await pack_all(pool)
        await drop_all(pool)
        await merge_all(pool)


def main(ingest: str, owner: str, manner: str = "careful") -> None:
    if manner == "careless":
        stored.transaction = no_transaction
    for statements in count(1):
        child = os.fork()
        if not child:
            asyncio.run(work(ingest, statements))
            os._exit(0)
        _, status = os.waitpid(child, 0)
        with psycopg.connect(owner) as connection:
            counts = connection.execute(STORED).fetchone()
        print(json.dumps({"killed_after": statements, "status": status, "stored": counts}))
        if os.WIFEXITED(status):
            return


if __name__ == "__main__":
    main(*sys.argv[1:])
