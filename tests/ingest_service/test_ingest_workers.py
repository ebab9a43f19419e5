"""Workers on one shared subscription, killed before they commit; and one whose database stands still."""

import asyncio
import contextlib
import os
import random
import signal
import sys
import time

import psutil
import psycopg

from ingest_service import writer
from ingest_service.settings import IngestSettings
from ingest_service.worker import run_ingest
from tests.ingest_service.gateway_double import gateway
from tests.ingest_service.ingest_parts import column

MIB = 1 << 20


class Crash(Exception):
    """The worker dies here."""


def stored(database):
    """value → (rows, distinct rows): the value is the batch, so both must be its samples."""
    query = "SELECT value, count(*), count(DISTINCT (series_id, time)) FROM telemetry.stored GROUP BY 1 ORDER BY 1"
    with psycopg.connect(database.dsn("owner")) as connection:
        return connection.execute(query).fetchall()


async def test_three_workers_three_shuffled_deliveries_and_crashes_before_commit(broker, database, tenant, monkeypatch):
    rng, crashes, died = random.Random(3), 0, set()
    really = writer.remember

    async def remember_and_maybe_die(connection, fresh):
        nonlocal crashes
        await really(connection, fresh)
        if rng.random() < 0.12:
            crashes += 1
            raise Crash

    monkeypatch.setattr(writer, "remember", remember_and_maybe_die)

    async def worker(number: int) -> None:
        settings = IngestSettings(
            broker=broker.settings, database=database.settings("lw_ingest"), worker=f"ingest-{number}",
            group={"rows_most": 500, "age_s": 0.01}, subscription={"messages_most": 60},
        )  # fmt: skip
        while True:
            await asyncio.gather(run_ingest(settings), return_exceptions=True)
            died.add(number)

    workers = [asyncio.create_task(worker(number)) for number in (1, 2, 3)]
    try:
        async with gateway(broker) as gw:
            await gw.publish_catalog()
            base_ns = time.time_ns() - 10**10
            for seq in range(1, 201):
                gw.add(seq, column([float(seq)] * 20, times_ns=[base_ns + seq * 10**6] * 20))
            thrice = [body for body in gw.open.values() for _ in range(3)]
            rng.shuffle(thrice)
            for body in thrice:
                await gw.send(body)
            await gw.deliver(within_s=60, again_after_s=0.5)
    finally:
        for task in workers:
            task.cancel()
        await asyncio.gather(*workers, return_exceptions=True)
    assert crashes > 3
    assert len(died) > 1
    assert stored(database) == [(float(seq), 20, 20) for seq in range(1, 201)]


@contextlib.asynccontextmanager
async def ingest_process(broker, database, **more):
    """The real command in a process of its own, so that its memory can be read."""
    settings = {"DATABASE__DSN": database.dsn("lw_ingest"), "BROKER__PORT": str(broker.port), **more}
    env = {**os.environ, **{f"LINEWRIGHT_{key}": value for key, value in settings.items()}}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "linewright", "ingest", env=env, stdout=asyncio.subprocess.DEVNULL
    )
    try:
        yield psutil.Process(process.pid)
    finally:
        process.terminate()
        await process.wait()


@contextlib.contextmanager
def frozen(server):
    """Every process of the database stands still."""
    postmaster = psutil.Process(server.pid)
    everything = [postmaster, *postmaster.children(recursive=True)]
    for process in everything:
        os.kill(process.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for process in everything:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process.pid, signal.SIGCONT)


FROZEN_S = float(os.environ.get("LINEWRIGHT_TEST_FROZEN_S", "3"))
HELD_BYTES = 2 * MIB


async def test_a_database_that_stands_still_costs_no_memory_and_nothing_is_lost(broker, database, tenant):
    """13 MiB come while 2 MiB may be held; the rest waits at the broker or in the spool."""
    async with (
        ingest_process(broker, database, SUBSCRIPTION__BYTES_MOST=str(HELD_BYTES)) as process,
        gateway(broker) as gw,
    ):
        await gw.publish_catalog(tags=1000)
        base_ns = time.time_ns() - 10**11

        def add(seq: int) -> bytes:
            return gw.add(seq, column([float(seq)] * 1000, times_ns=[base_ns + seq * 10**6] * 1000))

        for seq in range(1, 101):
            add(seq)
        await gw.deliver(within_s=60)
        before = most = process.memory_info().rss
        with frozen(database.server):
            until = time.monotonic() + FROZEN_S
            sending = asyncio.gather(*(gw.send(add(seq)) for seq in range(101, 701)))
            while time.monotonic() < until:
                most = max(most, process.memory_info().rss)
                await asyncio.sleep(0.05)
        await sending
        await gw.deliver(within_s=90, again_after_s=2)
        assert gw.receipts[-1].committed == [(1, 700)]
        assert {1 <= one.credit <= 512 for one in gw.receipts} == {True}
    print(f"RSS before {before / MIB:.1f} MiB, most while frozen {most / MIB:.1f} MiB")
    assert most - before < 40 * MIB
    assert stored(database) == [(float(seq), 1000, 1000) for seq in range(1, 701)]
