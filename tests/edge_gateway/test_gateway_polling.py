"""Pollers, intake and recorder when things go wrong: drivers that raise, are slow or lose the line; a full disk."""

import asyncio
import contextlib
import os
import shutil
import subprocess
import time
from collections.abc import AsyncIterator

import numpy as np
import pytest

from edge_gateway import batcher, metrics
from edge_gateway.catalog import number
from edge_gateway.clock.gateway_clock import GatewayClock
from edge_gateway.intake import Intake
from edge_gateway.polling import poller
from edge_gateway.polling.freshness import Freshness
from edge_gateway.polling.schedule import group
from edge_gateway.polling.ticker import Ticker
from edge_gateway.recorder import Recorder
from edge_gateway.settings import SpoolSettings
from edge_gateway.spool.spool import open_spool
from edge_gateway.uplink.delivery import Delivery
from protocols import DeviceUnavailable
from protocols.opcua.settings import OpcuaDevice
from protocols.sample import Reason, bad, concatenate
from protocols.wire import columnar
from runtime.clock import SystemClock
from runtime.process import supervise
from tests.edge_gateway.gateway_parts import floats, modbus_device

OVERRUN, DISCONNECTED = bad(Reason.OVERRUN), bad(Reason.DISCONNECTED)
DEVICE = modbus_device("press-1", 5020, {"a": 0.02, "b": 0.02})


class ScriptedDriver:
    """Does what the test says in `troubles`: name of a call -> what happens on each of its next calls."""

    troubles: dict[str, list[object]]

    def __init__(self) -> None:
        self.calls: dict[str, int] = {}

    async def _meet(self, call: str) -> None:
        self.calls[call] = self.calls.get(call, 0) + 1
        trouble = self.troubles[call].pop(0) if self.troubles.get(call) else None
        if isinstance(trouble, BaseException):
            raise trouble
        if isinstance(trouble, float):
            await asyncio.sleep(trouble)

    async def open(self) -> None:
        await self._meet("open")

    def plan(self, aliases):
        return [tuple(aliases)]

    async def read(self, op):
        await self._meet("read")
        return floats(op, np.arange(len(op)), times_ns=[time.time_ns()] * len(op))

    async def subscribe(self, aliases) -> AsyncIterator:
        while True:
            await self._meet("subscribe")
            yield floats(aliases, np.zeros(len(aliases)), times_ns=[time.time_ns()] * len(aliases))
            await asyncio.sleep(0.01)

    def last_good_monotonic_ns(self) -> int:
        return 0

    async def close(self) -> None:
        await self._meet("close")


@pytest.fixture
def drivers(monkeypatch):
    """The drivers that were made; all share their troubles."""
    made: list[ScriptedDriver] = []

    def make(devices, clock):
        made.append(ScriptedDriver())
        return made[-1]

    ScriptedDriver.troubles = {}
    monkeypatch.setattr(poller, "make_driver", make)
    return made


@contextlib.asynccontextmanager
async def polling(device):
    """A supervised poller; yields its intake and the number of restarts so far."""
    numbering, clock, restarts = number([device]), SystemClock(), []
    intake = Intake(clock)
    ticker = Ticker(group(numbering.endpoints), clock)
    (name,) = numbering.endpoints
    work = poller.Poller(name, numbering, intake, Freshness(numbering, clock), clock)
    tasks = [
        asyncio.create_task(ticker.run()),
        asyncio.create_task(supervise(name, lambda: work.run(ticker), lambda: restarts.append(1))),
    ]
    try:
        yield intake, restarts
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def codes(intake: Intake, wanted: int, within_s: float = 5.0) -> list[int]:
    """The quality codes of the next samples."""
    found: list[int] = []
    async with asyncio.timeout(within_s):
        while len(found) < wanted:
            found += [
                code for _, columns in await intake.gather() for column in columns for code in column.code.tolist()
            ]
    return found


async def test_a_slow_read_is_not_stacked_its_missed_turns_are_counted_and_marked_once(drivers):
    ScriptedDriver.troubles = {"read": [None, 0.15]}
    counter = metrics.OVERRUNS.labels(DEVICE.endpoint, "0.02")
    before = counter._value.get()
    async with polling(DEVICE) as (intake, _):
        found = await codes(intake, 20)
    missed, marked = counter._value.get() - before, found.count(OVERRUN) // len(DEVICE.tags)
    assert missed >= 5
    assert 1 <= marked < missed


async def test_a_fast_group_keeps_its_period_beside_a_slow_one_of_many_reads(drivers, monkeypatch):
    """The slow group needs 30 reads of 10 ms: without a turn in between, the fast one would miss six."""
    device = modbus_device("press-1", 5020, {"fast": 0.05, **{f"slow-{place:02}": 5.0 for place in range(30)}})
    monkeypatch.setattr(ScriptedDriver, "plan", lambda _, aliases: [(alias,) for alias in aliases])
    ScriptedDriver.troubles = {"read": [0.01] * 1000}
    counter = metrics.OVERRUNS.labels(device.endpoint, "0.05")
    async with polling(device) as (intake, _):
        async with asyncio.timeout(10):
            while drivers[0].calls.get("read", 0) < 60:
                await asyncio.sleep(0.01)
        ((_, columns),) = intake.take()
    aliases = columns[0].alias.tolist()
    fast = [place for place, alias in enumerate(aliases) if alias == 0]
    slow = [place for place, alias in enumerate(aliases) if alias != 0]
    assert len(set(aliases)) == 31
    assert len([place for place in fast if slow[0] < place < slow[-1]]) >= 4
    assert counter._value.get() <= 4


async def test_who_brings_more_than_is_committed_waits_and_nothing_is_lost(drivers, monkeypatch):
    monkeypatch.setattr(batcher, "MEMORY_BYTES_MOST", (600 + 22 * 2) * 10)
    before = metrics.BACK_PRESSURE._value.get()
    async with polling(DEVICE) as (intake, _):
        async with asyncio.timeout(5):
            while metrics.BACK_PRESSURE._value.get() == before:
                await asyncio.sleep(0.01)
        await asyncio.sleep(0.2)
        ((_, columns),) = intake.take()
        assert len(columns[0]) == 20
        found = await codes(intake, 20)
    assert drivers[0].calls["read"] >= 11
    assert found.count(OVERRUN) == 2  # the polls that had to be skipped meanwhile


def opcua_device() -> OpcuaDevice:
    tags = [
        {"tag": "speed", "node": "ns=2;s=speed"},
        {"tag": "load", "node": "ns=2;s=load", "mode": "poll", "period_s": 0.02},
    ]
    about = {"name": "cnc-1", "protocol": "opcua", "opcua": {"url": "opc.tcp://127.0.0.1:4840"}, "tags": tags}
    return OpcuaDevice.model_validate(about)


async def test_a_subscription_that_ends_is_opened_and_followed_again(drivers):
    ScriptedDriver.troubles = {"subscribe": [None, None, DeviceUnavailable("no data for 10 s")]}
    async with polling(opcua_device()) as (intake, restarts):
        async with asyncio.timeout(5):
            while drivers[0].calls.get("open", 0) < 2 or drivers[0].calls["subscribe"] < 6:
                await asyncio.sleep(0.01)
        columns = concatenate([column for _, batch in intake.take() for column in batch])
    assert not restarts
    assert set(columns[0].alias.tolist()) == {0, 1}


async def test_a_subscribed_tag_of_an_absent_machine_is_told_as_disconnected_once(drivers):
    ScriptedDriver.troubles = {"open": [DeviceUnavailable("refused")] * 3}
    async with polling(opcua_device()) as (intake, _):
        found = await codes(intake, 10)
    assert found.count(DISCONNECTED) == 1


@pytest.fixture
def full_disk(tmp_path):
    """A file system of 4 MiB, and a file in it that takes what is left."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = shutil.which("mount")
    if os.geteuid() or not mount:
        pytest.skip("mounting a small tmpfs needs root")
    if subprocess.run([mount, "-t", "tmpfs", "-o", "size=4m", "none", place], check=False).returncode:
        pytest.skip("tmpfs cannot be mounted here")
    yield place
    subprocess.run(["umount", "--lazy", place], check=True)


async def test_a_disk_that_cannot_be_written_keeps_samples_in_memory_until_it_can(full_disk):
    numbering, clock = number([DEVICE]), SystemClock()
    intake, delivery = Intake(clock), Delivery()
    settings = SpoolSettings(path=full_disk / "gw.spool", max_bytes=16 << 20)
    async with open_spool(settings, numbering.catalog, clock) as spool:
        delivery.begin(spool.runs, 0.0)
        async with Recorder(spool, delivery, intake, numbering, GatewayClock()) as recorder:
            task = asyncio.create_task(recorder.run())
            (full_disk / "gw.spool-reserve").unlink()
            fill(full_disk / "other")
            for start in range(0, 12_000, 100):
                await intake.put(floats(np.zeros(100), np.arange(start, start + 100) + np.random.random(100)))
            async with asyncio.timeout(10):
                while not recorder.failing:
                    await asyncio.sleep(0.05)
            (full_disk / "other").unlink()
            async with asyncio.timeout(10):
                while recorder.failing or not delivery.open:
                    await asyncio.sleep(0.05)
            task.cancel()
        batches = await spool.load(delivery.take(0, 100))
    values = np.concatenate([column.value for batch in batches for column in columnar.decode(batch).columns])
    assert np.array_equal(np.floor(values), np.arange(12_000))


def fill(path) -> None:
    """Take all space that is left."""
    with path.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while file.write(bytes(4096)):
            pass
