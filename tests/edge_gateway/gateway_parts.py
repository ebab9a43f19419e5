"""Small devices, columns, and the reading half of a gateway: pollers that run without spool and broker."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

import numpy as np

from edge_gateway.catalog import number
from edge_gateway.intake import Intake
from edge_gateway.polling.freshness import Freshness
from edge_gateway.polling.poller import Poller
from edge_gateway.polling.schedule import group
from edge_gateway.polling.ticker import Ticker
from protocols.device import DeviceSettings
from protocols.modbus.settings import ModbusDevice
from protocols.sample import Column, Columns, ValueKind
from runtime.clock import SystemClock
from runtime.process import supervise

NOW_NS = 1_790_000_000 * 10**9


def modbus_device(name: str, port: int, periods_s: Mapping[str, float], **settings) -> ModbusDevice:
    """A device with one float32 per tag, two registers apart."""
    tags = [
        {"tag": tag, "address": f"holding:{2 * place}", "type": "float32", "period_s": period_s}
        for place, (tag, period_s) in enumerate(periods_s.items())
    ]
    modbus = {"host": "127.0.0.1", "port": port, **settings}
    return ModbusDevice.model_validate({"name": name, "protocol": "modbus", "modbus": modbus, "tags": tags})


def floats(aliases: Iterable[int], values: Sequence[float], times_ns: Sequence[int] | None = None) -> Columns:
    """One column of good floats."""
    alias = np.array(list(aliases), np.uint32)
    times = np.full(len(alias), NOW_NS, np.int64) if times_ns is None else np.array(times_ns, np.int64)
    return (Column(ValueKind.FLOAT, alias, times, np.asarray(values, np.float64), np.zeros(len(alias), np.uint16)),)


@dataclass
class Polling:
    """Supervised pollers and what they bring; `restarts` names the endpoint of each restart."""

    intake: Intake
    ticker: Ticker
    freshness: Freshness
    pollers: list[Poller]
    names: dict[int, tuple[str, str]]
    restarts: list[str] = field(default_factory=list)

    async def samples(self, wanted: int, within_s: float = 10.0) -> list[tuple[str, int, float, int]]:
        """At least so many of the next samples: machine, time, value, code."""
        found: list[tuple[str, int, float, int]] = []
        async with asyncio.timeout(within_s):
            while len(found) < wanted:
                for _, columns in await self.intake.gather():
                    for column in columns:
                        listed = (column.alias, column.time_ns, column.value, column.code)
                        rows = zip(*(array.tolist() for array in listed), strict=True)
                        found += [(self.names[alias][0], *rest) for alias, *rest in rows]
        return found


async def until(condition: Callable[[], object], within_s: float = 10.0) -> None:
    """Wait for something that nobody announces."""
    async with asyncio.timeout(within_s):
        while not condition():
            await asyncio.sleep(0.005)


@contextlib.asynccontextmanager
async def polling(devices: Sequence[DeviceSettings]) -> AsyncIterator[Polling]:
    """Pollers, ticker and intake of a gateway for as long as the context is open."""
    numbering, clock = number(devices), SystemClock()
    intake, freshness = Intake(clock), Freshness(numbering, clock)
    ticker = Ticker(group(numbering.endpoints), clock)
    pollers = [Poller(name, numbering, intake, freshness, clock) for name in numbering.endpoints]
    names = {tag.alias: (tag.machine, tag.tag) for tag in numbering.catalog.tags}
    parts = Polling(intake, ticker, freshness, pollers, names)
    tasks = [asyncio.create_task(ticker.run())]
    for poller in pollers:
        told = partial(parts.restarts.append, poller.name)
        tasks.append(asyncio.create_task(supervise(poller.name, partial(poller.run, ticker), told)))
    try:
        yield parts
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
