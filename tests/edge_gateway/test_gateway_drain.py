"""A backlog drains many times faster than it came, behind the live samples, in order, and without a restart."""

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from uuid import UUID

import numpy as np
import pytest

from edge_gateway.catalog import Numbering, number
from edge_gateway.clock.gateway_clock import GatewayClock
from edge_gateway.intake import Intake
from edge_gateway.keep import Group, Keep
from edge_gateway.recorder import Recorder
from edge_gateway.settings import SpoolSettings
from edge_gateway.spool.file import Commit
from edge_gateway.spool.salvage import open_spool_file
from edge_gateway.spool.spool import open_spool
from edge_gateway.uplink.delivery import Delivery, Pace
from edge_gateway.uplink.session import Outbox
from edge_gateway.uplink.uplink import Uplink
from protocols.broker import BrokerSettings
from protocols.wire import catalog as catalogs
from runtime.clock import NS_PER_S, ClockState, monotonic_s
from tests.edge_gateway.gateway_parts import floats, modbus_device
from tests.edge_gateway.other_ends import ADDRESS, Faults, listening
from tests.edge_gateway.spool_parts import DAY_S, MIB

OLD = UUID(int=7)
TAGS = 250
BACKLOG = 800
LIVE_PER_S = 1000


@pytest.fixture
def numbering() -> Numbering:
    return number([modbus_device("press-1", 5020, {f"t{place}": 1.0 for place in range(TAGS)})])


def second(now_ns: int, value: float):
    return floats(range(TAGS), np.full(TAGS, value), [now_ns] * TAGS)


def write_backlog(path, numbering: Numbering) -> None:
    """What a gateway leaves that has had no broker for 800 seconds."""
    spool, _ = open_spool_file(path, 64 * MIB, DAY_S)
    begun_ns = time.time_ns() - BACKLOG * NS_PER_S
    revision = numbering.catalog.revision
    spool.begin_runs({Keep.NORMAL: OLD}, revision, catalogs.encode(numbering.catalog), begun_ns)
    for start in range(0, BACKLOG, 10):
        at = [(begun_ns + place * NS_PER_S, float(place)) for place in range(start, start + 10)]
        groups = [Group(Keep.NORMAL, second(*when)) for when in at]
        spool.write(Commit(groups, [], begun_ns + start * NS_PER_S, ClockState.SYNCED))
    spool.close()


@dataclass
class Rig:
    """A gateway without devices: what is put into its intake goes to the broker."""

    intake: Intake
    delivery: Delivery
    tasks: list[asyncio.Task[None]] = field(default_factory=list)


@contextlib.asynccontextmanager
async def rig(path, broker: BrokerSettings, numbering: Numbering, delivery: Delivery) -> AsyncIterator[Rig]:
    clock = GatewayClock()
    settings = SpoolSettings(path=path, max_bytes=64 * MIB)
    async with open_spool(settings, numbering.catalog, clock) as spool:
        for run in spool.opened.runs:
            delivery.hold(run.run, run.open, run.receipted)
        delivery.begin(spool.runs, monotonic_s(clock))
        running = Rig(Intake(clock), delivery)
        async with Recorder(spool, delivery, running.intake, numbering, clock) as recorder:
            uplink = Uplink(broker, Outbox(ADDRESS, numbering.catalog, spool, delivery, recorder, clock))
            running.tasks = [asyncio.create_task(recorder.run()), asyncio.create_task(uplink.run())]
            try:
                yield running
            finally:
                for task in running.tasks:
                    task.cancel()
                await asyncio.wait(running.tasks)


async def live(intake: Intake) -> None:
    """1,000 samples a second."""
    while True:
        await intake.put(second(time.time_ns(), -1.0))
        await asyncio.sleep(TAGS / LIVE_PER_S)


async def test_a_backlog_drains_five_times_as_fast_as_it_came_while_live_samples_pass_it(tmp_path, broker, numbering):
    write_backlog(tmp_path / "gw.spool", numbering)
    lags: list[float] = []
    async with (
        listening(broker.settings, Faults(late_s=0.3)) as ingest,
        rig(tmp_path / "gw.spool", broker.settings, numbering, Delivery()) as running,
    ):
        producer = asyncio.create_task(live(running.intake))
        begun_s, known = time.monotonic(), set()
        while len(ingest.committed(OLD)) < BACKLOG:
            await ingest.until(lambda: len(ingest.batches) > len(known), within_s=30)
            for key in set(ingest.batches) - known:
                known.add(key)
                if key.run != OLD:
                    newest_ns = int(ingest.batches[key].columns[0].time_ns.max())
                    lags.append((time.time_ns() - newest_ns) / NS_PER_S)
        took_s = time.monotonic() - begun_s
        producer.cancel()
        await drained(running.delivery)
    assert BACKLOG * TAGS / took_s >= 5 * LIVE_PER_S
    assert lags
    assert max(lags) <= 2.0
    assert ingest.deliveries == len(ingest.batches)  # nothing was sent twice
    seqs = [key.seq for key in ingest.batches if key.run == OLD]
    assert seqs == sorted(seqs)
    values = ingest.good_values()
    assert all([value for value in listed if value >= 0] == list(range(BACKLOG)) for listed in values.values())


async def drained(delivery: Delivery) -> None:
    async with asyncio.timeout(30):
        while delivery.open:
            await asyncio.sleep(0.05)


async def test_a_backlog_of_this_very_process_is_passed_by_live_samples_and_drained_to_nothing(
    tmp_path, broker, numbering
):
    delivery = Delivery(Pace(window=8, resend_s=1, resend_most_s=4, settle_s=0.5))
    await broker.stop()
    async with (
        listening(broker.settings, Faults(late_s=0.5)) as ingest,
        rig(tmp_path / "gw.spool", broker.settings, numbering, delivery) as running,
    ):
        for place in range(250):
            await running.intake.put(tuple(second(time.time_ns(), float(place)) * 12))
        async with asyncio.timeout(10):
            while delivery.open < 240:
                await asyncio.sleep(0.05)
        await broker.start()
        producer = asyncio.create_task(live(running.intake))
        await ingest.until(lambda: len({key.run for key in ingest.batches}) == 2, within_s=30)
        old = next(iter(ingest.batches)).run
        assert len(ingest.committed(old)) < 240  # live samples do not wait until the backlog has gone
        producer.cancel()
        await drained(delivery)
        assert not any(task.done() for task in running.tasks)


async def test_a_broker_that_swallows_connections_does_not_hold_up_the_stop(tmp_path):
    with socket.create_server(("127.0.0.1", 0), backlog=0) as hole, contextlib.ExitStack() as filling:
        for _ in range(4):  # whoever comes now gets no answer at all
            line = filling.enter_context(socket.socket())
            line.setblocking(False)
            line.connect_ex(hole.getsockname())
        config = tmp_path / "gateway.toml"
        config.write_text(f"""
tenant = "demo"
gateway = "gw-1"
broker = {{ host = "127.0.0.1", port = {hole.getsockname()[1]} }}
spool = {{ path = "{tmp_path / "gw.spool"}" }}
[[devices]]
name = "press-1"
protocol = "modbus"
modbus = {{ host = "127.0.0.1", port = 1 }}
tags = [{{ tag = "a", address = "holding:0", type = "float32" }}]
""")
        command = [sys.executable, "-m", "linewright", "gateway", "--config", str(config)]
        process = await asyncio.create_subprocess_exec(*command, stderr=subprocess.PIPE)
        try:
            assert process.stderr
            async with asyncio.timeout(20):
                while b"ready" not in await process.stderr.readline():
                    pass
            await asyncio.sleep(1)
            os.kill(process.pid, signal.SIGTERM)
            assert await asyncio.wait_for(process.wait(), 4) == 0
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
