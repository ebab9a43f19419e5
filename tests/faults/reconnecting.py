"""Breaks every part of a plant again and again and takes the time until data come again.

servers ──roads──► gateway, with the settings of the field ──road──► broker ──► ingest ──► PostgreSQL ◄── the clock
"""

import asyncio
import contextlib
import random
import socket
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path

from edge_gateway.daemon import run_gateway
from edge_gateway.settings import GatewaySettings
from tests.faults.cloud import Cloud, open_cloud, running
from tests.faults.outages import LOOPBACK, Field, Outage, a_place, cloud_outages, modbus_field, opcua_field
from tests.faults.road import names

Down = Callable[[random.Random], float]
"""How long the next outage lasts, in seconds."""

_GIVEN_UP_S = 90.0
_TAG_OF_CLOUD_OUTAGES = "modbus-restart"


@dataclass
class Recoveries:
    """How long each trial of a kind took; a trial that took longer than its limit is late."""

    limit_s: float
    took_s: list[float]

    @property
    def late(self) -> int:
        return sum(took_s > self.limit_s for took_s in self.took_s)

    def told(self) -> dict[str, float]:
        return {
            "trials": len(self.took_s),
            "late": self.late,
            "limit_s": self.limit_s,
            "median_s": round(sorted(self.took_s)[len(self.took_s) // 2], 2),
            "slowest_s": round(max(self.took_s), 2),
        }


@dataclass
class Plant:
    """A running plant: outages of one device each, which leave the others alone, and outages of what all share."""

    cloud: Cloud
    of_devices: list[Outage]
    of_all: list[Outage]

    async def recovery_s(self, outage: Outage, down_s: float) -> float:
        """Break, wait, mend; seconds until a value is stored that was measured after the mending."""
        await outage.strike()
        await asyncio.sleep(down_s)
        await outage.mend()
        return await self.returned_s(outage, _GIVEN_UP_S)

    async def returned_s(self, outage: Outage, given_up_s: float) -> float:
        """Seconds from now until a value is stored that was measured after now."""
        begun_ns = time.time_ns()
        with contextlib.suppress(TimeoutError):
            await self.cloud.stored_since(outage.tag, begun_ns, given_up_s)
        return (time.time_ns() - begun_ns) / 1e9


@contextlib.asynccontextmanager
async def open_plant(folder: Path) -> AsyncIterator[Plant]:
    """All of it, once every device has brought a value."""
    field = Field(hosts={})
    async with contextlib.AsyncExitStack() as stack:
        stack.enter_context(names(field.hosts))
        cloud = await stack.enter_async_context(open_cloud(folder))
        await stack.enter_async_context(modbus_field(field, _free_port))
        await stack.enter_async_context(opcua_field(field, _free_port))
        broker = await stack.enter_async_context(a_place("broker", field.hosts, (LOOPBACK, cloud.broker.port)))
        settings = {
            "tenant": "demo",
            "gateway": "gw-1",
            "broker": {"host": broker.name, "port": broker.port},
            "spool": {"path": folder / "gw.spool"},
            "devices": field.devices,
        }
        await stack.enter_async_context(running(run_gateway(GatewaySettings.model_validate(settings))))
        for outage in field.outages:
            await cloud.stored_since(outage.tag, 0, _GIVEN_UP_S)
        yield Plant(cloud, field.outages, cloud_outages(cloud, broker, _TAG_OF_CLOUD_OUTAGES))


def _free_port() -> int:
    with socket.create_server((LOOPBACK, 0)) as line:
        return int(line.getsockname()[1])


def usual_down_s(chance: random.Random) -> float:
    """Mostly short; one in five is long enough for every back-off to reach its longest pause."""
    return chance.uniform(0.3, 3.0) if chance.random() < 0.8 else chance.uniform(15.0, 30.0)


async def try_side_by_side(
    plant: Plant, outages: list[Outage], trials: int, chance: random.Random, down_s: Down = usual_down_s
) -> dict[str, Recoveries]:
    """So many trials of each; outages of what all share must come one a call."""

    async def repeat(outage: Outage) -> Recoveries:
        return Recoveries(outage.limit_s, [await plant.recovery_s(outage, down_s(chance)) for _ in range(trials)])

    found = await asyncio.gather(*map(repeat, outages))
    return {outage.kind: recoveries for outage, recoveries in zip(outages, found, strict=True)}
