"""What is given up is counted by its reason: a full spool, a damaged batch, a stop while nothing can be written."""

import asyncio
import contextlib
import re
import sqlite3
from pathlib import Path

import numpy as np
from prometheus_client import REGISTRY, generate_latest

from edge_gateway import SpoolUnwritable
from edge_gateway.catalog import number
from edge_gateway.clock.gateway_clock import GatewayClock
from edge_gateway.intake import Intake
from edge_gateway.recorder import Recorder
from edge_gateway.settings import SpoolSettings
from edge_gateway.spool.spool import Spool, open_spool
from edge_gateway.uplink.delivery import Delivery
from runtime.clock import SystemClock
from tests.edge_gateway.gateway_parts import floats, modbus_device, until

DEVICE = modbus_device("press-1", 5020, {"a": 0.02})
HANDBOOK = Path(__file__).parents[2] / "docs" / "how-to" / "watch-a-gateway.md"


def dropped(unit: str, reason: str) -> float:
    return REGISTRY.get_sample_value(f"linewright_gateway_dropped_{unit}_total", {"reason": reason}) or 0


@contextlib.asynccontextmanager
async def recording(folder):
    """Intake, recorder and spool; nobody sends receipts."""
    numbering, clock = number([DEVICE]), SystemClock()
    intake, delivery = Intake(clock), Delivery()
    settings = SpoolSettings(path=folder / "gw.spool", max_bytes=1 << 20)
    async with open_spool(settings, numbering.catalog, clock) as spool:
        delivery.begin(spool.runs, 0.0)
        async with Recorder(spool, delivery, intake, numbering, GatewayClock()) as recorder:
            task = asyncio.create_task(recorder.run())
            try:
                yield intake, delivery, spool
            finally:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)


def noise(samples: int):
    return floats(np.zeros(samples), np.random.default_rng(samples).random(samples))


async def test_a_full_spool(tmp_path):
    before = dropped("samples", "no_space")
    async with recording(tmp_path) as (intake, _, _):
        async with asyncio.timeout(60):
            while dropped("samples", "no_space") == before:
                await intake.put(noise(3000))
                await asyncio.sleep(0)
    assert dropped("batches", "no_space") > 0


async def test_a_batch_damaged_on_disk(tmp_path):
    before = dropped("batches", "damaged")
    async with recording(tmp_path) as (intake, delivery, _):
        await intake.put(noise(10))
        await until(lambda: delivery.open)
        keys = delivery.take(0, 10)
    with contextlib.closing(sqlite3.connect(tmp_path / "gw.spool")) as disk, disk:
        disk.execute("UPDATE batch SET body = zeroblob(length(body))")
    async with recording(tmp_path) as (_, _, spool):
        assert await spool.load(keys) == [None]
    assert dropped("batches", "damaged") == before + 1


async def test_what_is_in_memory_when_it_stops_and_cannot_be_written(tmp_path, monkeypatch):
    async def refuse(self, commit):
        raise SpoolUnwritable("disk full")

    before = dropped("samples", "stopped")
    async with recording(tmp_path) as (intake, _, _):
        monkeypatch.setattr(Spool, "commit", refuse)
        await intake.put(noise(10))
    assert dropped("samples", "stopped") == before + 10


def test_the_handbook_names_only_figures_that_there_are():
    """And the control: a figure that there is not would be found."""
    families = set(re.findall(r"^# TYPE (\S+) ", generate_latest().decode(), re.MULTILINE))
    families |= {"linewright_gateway_tag_last_good_age_seconds"}  # collected while a gateway runs
    named = set(re.findall(r"linewright_gateway_\w+", HANDBOOK.read_text(encoding="utf-8")))
    assert len(named) > 12
    assert {re.sub(r"_(bucket|count|sum)$", "", name) for name in named} <= families
    assert "linewright_gateway_no_such_figure" not in families
