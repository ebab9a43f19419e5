"""The packer dies behind every one of its statements: nothing is twice, nothing is missing, the next one goes on."""

import asyncio
import json
import subprocess
import sys
import time

import numpy as np
import pytest

from database.pool import open_pool, transaction
from tests.ingest_service.storage.stored import (
    BEGIN_US,
    close_now,
    drop_all,
    joined,
    pack_all,
    samples,
    store,
    store_as_ingest,
)  # fmt: skip


def play(place, *manner: str) -> list[dict]:
    module = "tests.ingest_service.storage.killed_packer"
    command = [sys.executable, "-m", module, place.dsn("lw_ingest"), place.dsn("owner"), *manner]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


async def store_groups(place) -> None:
    """480 samples: a pack for each of three series, two hot groups, and a pack each that the writer made."""
    async with open_pool(place.settings()) as pool:
        for start in (0, 40, 80, 120):
            times = BEGIN_US + np.arange(start, start + 40) * 1_000_000
            write = store if start < 120 else store_as_ingest
            async with transaction(pool) as connection:
                await write(connection, joined([samples([series] * 40, times, [1.5] * 40) for series in (1, 2, 3)]))
            if not start:
                await close_now(pool)
                await pack_all(pool)


@pytest.mark.chaos
async def test_killed_behind_every_statement(place):
    await store_groups(place)
    rounds = await asyncio.to_thread(play, place)
    assert [one for one in rounds if one["stored"] != [480, 480]] == []
    assert [one["status"] for one in rounds] == [9] * (len(rounds) - 1) + [0]
    assert len(rounds) > 15
    assert place.ask("SELECT count(*), sum(n) FROM telemetry.pack") == [(3, 480)]
    async with open_pool(place.settings()) as pool:
        deadline = time.monotonic() + 20  # until the server has noticed that the last ones are dead
        while place.ask("SELECT count(*) FROM telemetry.sample") != [(0,)]:
            assert time.monotonic() < deadline
            await drop_all(pool)


@pytest.mark.chaos
@pytest.mark.parametrize("place", ["plain"], indirect=True)
async def test_the_check_catches_a_packer_without_transactions(place):
    """Negative control: packs without their mark are there twice, taken packs are missing."""
    await store_groups(place)
    rounds = await asyncio.to_thread(play, place, "careless")
    assert [one for one in rounds if one["stored"] != [480, 480]]
