"""Reads one endpoint: one driver, one request at a time, three small tasks.

    keep open:  driver.open with back-off ◄── lost
    poll:       ticker.turn ──► driver.read ──► freshness, outages ──► intake
    follow:     driver.subscribe ──► freshness, outages ──► intake

What could not be read comes from the driver as samples with a reason. A call of the driver that does not return is
given up, and with it this life of the driver: the supervisor begins another.
"""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Mapping, Sequence

import numpy as np

from edge_gateway import DriverStopped, metrics
from edge_gateway.catalog import Numbering
from edge_gateway.polling.freshness import Freshness
from edge_gateway.polling.outages import Outages
from edge_gateway.polling.ticker import Ticker
from edge_gateway.shaping.shaper import Sink
from protocols import DeviceUnavailable
from protocols.cancelling import cancel_requests
from protocols.driver import Driver, ReadOp
from protocols.registry import make_driver
from protocols.sample import Columns, Reason, bad
from runtime.clock import Clock
from runtime.retry import backoff_s

_REOPEN_MOST_S = 5.0
_CALL_MOST_S = 30.0
_CLOSE_MOST_S = 1.0

_Plans = Mapping[int, Sequence[ReadOp]]


class Poller:
    """One endpoint. Construction raises BadPointTable when its tags contradict its limits."""

    def __init__(self, name: str, numbering: Numbering, intake: Sink, freshness: Freshness, clock: Clock) -> None:
        self.name = name
        self._devices = numbering.endpoints[name]
        self._numbering = numbering
        self._intake = intake
        self._freshness = freshness
        self._clock = clock
        self._driver = make_driver(self._devices, clock)
        self._opened = asyncio.Event()
        self._lost = asyncio.Event()
        self._outages = Outages(self._devices)
        self._reading: list[int] = []
        self._called_s: float | None = None
        self._read_s = metrics.READ_S.labels(name)

    async def run(self, ticker: Ticker) -> None:
        """One life of the driver. Whatever a driver should not raise ends it; the supervisor begins another."""
        driver = self._driver
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(_unending(self._keep_open(driver)), name=f"open {self.name}")
                if ticker.groups_of(self.name):
                    tasks.create_task(_unending(self._poll(driver, ticker)), name=f"poll {self.name}")
                if self._subscribed:
                    tasks.create_task(_unending(self._follow(driver)), name=f"follow {self.name}")
        finally:
            self._opened.clear()
            self._driver = make_driver(self._devices, self._clock)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_CLOSE_MOST_S):
                    await driver.close()

    @property
    def _subscribed(self) -> list[int]:
        return [
            alias
            for numbered in self._devices
            for tag, alias in zip(numbered.device.tags, numbered.aliases, strict=True)
            if tag.subscribed
        ]

    @property
    def hung(self) -> bool:
        """A read has not come back long after it was given up: the driver does not even heed its cancellation."""
        return self._called_s is not None and time.perf_counter() - self._called_s > 2 * _CALL_MOST_S

    # Keep open

    async def _keep_open(self, driver: Driver) -> None:
        while True:
            await self._open(driver)
            self._opened.set()
            self._lost.clear()
            await self._lost.wait()
            self._opened.clear()

    async def _open(self, driver: Driver) -> None:
        pause = backoff_s(most_s=_REOPEN_MOST_S)
        told = False
        while True:
            try:
                async with asyncio.timeout(_CALL_MOST_S):
                    return await driver.open()
            except (DeviceUnavailable, TimeoutError) as error:
                self._outages.lost(error or "no answer")
            if not told:
                self._freshness.seen(await self._mark(self._subscribed, self._clock.now_ns(), Reason.DISCONNECTED))
                told = True
            await asyncio.sleep(next(pause))

    async def _mark(self, aliases: Sequence[int], time_ns: int, reason: Reason) -> Columns:
        """Tell that these tags have no value at this time."""
        columns = tuple(self._numbering.failed(np.array(aliases, np.uint32), time_ns, bad(reason)))
        await self._intake.put(columns)
        return columns

    # Poll

    async def _poll(self, driver: Driver, ticker: Ticker) -> None:
        plans = {index: driver.plan(group.aliases) for index, group in ticker.groups_of(self.name).items()}
        while self._reading:  # the driver before this one failed in the middle of them
            await self._finish(ticker, self._reading[-1], broken_ns=self._clock.now_ns())
        while True:
            await self._turn(driver, ticker, plans, await ticker.turn(self.name))

    async def _turn(self, driver: Driver, ticker: Ticker, plans: _Plans, index: int) -> None:
        """Read a group. Between two of its requests a faster one may have its turn, to keep its period."""
        self._reading.append(index)
        for place, op in enumerate(plans[index]):
            if place and (faster := ticker.faster(index)) is not None:
                await self._turn(driver, ticker, plans, faster)
            await self._read(driver, op)
        await self._finish(ticker, index)

    async def _finish(self, ticker: Ticker, index: int, broken_ns: int | None = None) -> None:
        """A turn is over. Polls that fell out meanwhile are marked, so that no hole is without its reason."""
        missed_ns = ticker.done(index, explained=bool(self._outages)) or broken_ns
        self._reading.remove(index)
        if missed_ns:
            await self._mark(ticker.groups_of(self.name)[index].aliases, missed_ns, Reason.OVERRUN)

    async def _read(self, driver: Driver, op: ReadOp) -> None:
        self._called_s = begun_s = time.perf_counter()
        try:
            async with asyncio.timeout(_CALL_MOST_S):
                columns = await driver.read(op)
        finally:
            self._called_s = None
        self._read_s.observe(time.perf_counter() - begun_s)
        await self._take(columns)

    async def _take(self, columns: Columns) -> None:
        all_good = self._freshness.seen(columns)
        if (self._outages or not all_good) and self._outages.seen(columns):
            self._lost.set()
        await self._intake.put(columns)

    # Follow

    async def _follow(self, driver: Driver) -> None:
        pause = backoff_s(most_s=_REOPEN_MOST_S)
        while True:
            await self._opened.wait()
            try:
                async with contextlib.aclosing(driver.subscribe(self._subscribed)) as values:
                    async for columns in values:
                        await self._take(columns)
                        pause = backoff_s(most_s=_REOPEN_MOST_S)
            except DeviceUnavailable as error:
                self._outages.lost(error)
            self._opened.clear()
            self._lost.set()
            await asyncio.sleep(next(pause))


async def _unending(work: Awaitable[None]) -> None:
    """What a library cancels by mistake would end without a word, for a task group does not mind; we do."""
    try:
        await work
    except asyncio.CancelledError:
        if cancel_requests():
            raise
        raise DriverStopped("cancelled by nobody") from None
