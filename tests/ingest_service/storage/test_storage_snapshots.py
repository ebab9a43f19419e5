"""Readers look again and again while others write, pack, merge and drop: each sample is there exactly once.

A writer counts its samples in the transaction that stores them, so a reader knows in its own snapshot how many there
must be.
"""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import numpy as np
import psycopg
import pytest

from database.pool import open_pool, transaction
from tests.ingest_service.storage.stored import (
    BEGIN_US,
    close_now,
    drop_all,
    merge_all,
    pack_all,
    run,
    samples,
    store,
    store_as_ingest,
)  # fmt: skip

LOOKS = 40
GROUP = 40
# One statement: one snapshot for the count that was told and for the samples that are seen.
LOOK = """
SELECT told, seen, distinct_seen, rolled_up
FROM (SELECT coalesce(sum(n), 0) AS told FROM public.told) t,
     (SELECT count(*) AS seen, count(DISTINCT (series_id, time)) AS distinct_seen
      FROM telemetry.samples(array[1, 2], '2020-01-01', '2030-01-01')) s,
     (SELECT coalesce(sum(n), 0) AS rolled_up FROM telemetry.rollups(array[1, 2], '2020-01-01', '2030-01-01', 3600)) r
"""


def wrong(look) -> bool:
    told, *seen = look
    return any(count != told for count in seen)


@pytest.fixture
def counted(place):
    place.ask("CREATE TABLE public.told (n int)")
    place.ask("GRANT SELECT, INSERT ON public.told TO lw_ingest, lw_app")
    return place


async def write_group(pool, number: int, write=store) -> None:
    times = BEGIN_US + (number * GROUP + np.arange(GROUP)) * 1_000_000
    async with transaction(pool) as connection:
        await write(connection, samples([1 + number % 2] * GROUP, times, [1.0] * GROUP))
        await connection.execute("INSERT INTO public.told VALUES (%s)", [GROUP])


@contextmanager
def in_background(place, *works):
    """Run each `work(pool, stop)` in a thread with a loop of its own until the block ends; what fails is raised."""
    stop = threading.Event()

    def until_stopped(work) -> None:
        try:
            run(place, lambda pool: work(pool, stop))
        finally:
            stop.set()

    with ThreadPoolExecutor(len(works)) as threads:
        running = [threads.submit(until_stopped, work) for work in works]
        try:
            yield stop
        finally:
            stop.set()
    for one in running:
        one.result()


async def keep_writing(pool, stop) -> None:
    number = 0
    while not stop.is_set():
        await write_group(pool, number, (store, store_as_ingest)[number % 3 == 0])
        number += 1
        await asyncio.sleep(0.01)  # so that a look stays cheap


def test_every_look_of_every_reader_is_right(counted):
    looks, repeated, dropped = [], [], threading.Event()

    async def keep_packing(pool, stop) -> None:
        while not stop.is_set():
            await close_now(pool, minutes=2)
            await pack_all(pool)
            if await drop_all(pool):
                dropped.set()
            await merge_all(pool)

    with in_background(counted, keep_writing, keep_packing) as stop, counted.look() as fresh, counted.look() as old:
        fresh.autocommit = True
        old.commit()
        old.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        while (len(looks) < LOOKS or not dropped.is_set()) and not stop.is_set():
            began = old.execute("SELECT coalesce(sum(n), 0) FROM public.told").fetchone()[0]
            looks += [fresh.execute(LOOK).fetchone() for _ in range(5)]
            look = old.execute(LOOK).fetchone()
            old.commit()
            assert look[0] == began
            repeated.append(look)
    assert [look for look in looks + repeated if wrong(look)] == []
    assert looks[-1][0] > looks[0][0]
    assert dropped.is_set()


async def test_partitions_stay_while_a_snapshot_from_before_is_in_use(counted):
    async with open_pool(counted.settings()) as pool:
        await write_group(pool, 0)
        with counted.look() as old:
            old.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
            assert old.execute("SELECT sum(n) FROM public.told").fetchone() == (GROUP,)
            await close_now(pool)
            assert await pack_all(pool) == GROUP
            assert await drop_all(pool) == 0
            assert not wrong(old.execute(LOOK).fetchone())
            old.commit()
            assert not wrong(old.execute(LOOK).fetchone())  # nor does a new snapshot see both
        assert await drop_all(pool) > 0


async def test_the_check_catches_a_packer_that_drops_at_once(counted):
    """Negative control: the obvious packer, which drops in the transaction that packs."""
    async with open_pool(counted.settings()) as pool:
        await write_group(pool, 0)
        with counted.look() as old:
            old.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
            old.execute("SELECT sum(n) FROM public.told")
            await close_now(pool)
            await pack_all(pool)
            counted.ask("SELECT telemetry.drop_parts(packed_until) FROM telemetry.packing")
            assert wrong(old.execute(LOOK).fetchone())


async def test_the_check_catches_a_packer_that_tells_too_late(counted):
    """Negative control: packs in one transaction, packed_until in the next."""
    async with open_pool(counted.settings()) as pool:
        await write_group(pool, 0)
        before = counted.ask("SELECT packed_until FROM telemetry.packing")[0][0]
        await close_now(pool)
        await pack_all(pool)
        counted.ask("UPDATE telemetry.packing SET packed_until = %s", before)
        with counted.look() as fresh:
            assert wrong(fresh.execute(LOOK).fetchone())


async def test_the_check_catches_a_writer_that_does_not_wait(counted):
    """Negative control: rows stamped with a minute that is closed already are never seen."""
    async with open_pool(counted.settings()) as pool:
        await close_now(pool)
        await pack_all(pool)
        counted.ask(
            "INSERT INTO telemetry.sample SELECT '2026-09-01', 1, 1, extract(epoch FROM now())::bigint / 60, 0;"
            "INSERT INTO public.told VALUES (1)"
        )
        with counted.look() as fresh:
            assert wrong(fresh.execute(LOOK).fetchone())
