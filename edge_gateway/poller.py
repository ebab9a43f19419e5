"""Reads one endpoint: one driver, one request at a time, three small tasks.

    keep open:  driver.open with back-off ◄── lost
    poll:       ticker.turn ──► driver.read ──► intake
    follow:     driver.subscribe ──► intake

What could not be read comes from the driver as samples with a reason; here only the log hears of it, once when a
device goes and once when it returns.
"""

import asyncio
import contextlib
import time
from collections.abc import Sequence

import numpy as np
import structlog

from edge_gateway import metrics
from edge_gateway.catalog import Endpoint, Numbering
from edge_gateway.intake import Intake
from edge_gateway.ticker import Ticker
from protocols import DeviceUnavailable
from protocols.driver import Driver, ReadOp
from protocols.registry import make_driver
from protocols.sample import Columns, Quality, Reason, bad, reason_of
from runtime.clock import NS_PER_S, Clock
from runtime.logs import Outage
from runtime.retry import backoff_s

log = structlog.get_logger()

_REOPEN_MOST_S = 5.0
_CALL_MOST_S = 30.0
_CLOSE_MOST_S = 1.0
_BAD = Quality.BAD << 8


class Poller:
    """One endpoint. Construction raises BadPointTable when its tags contradict its limits."""

    def __init__(self, name: str, devices: Endpoint, numbering: Numbering, intake: Intake, clock: Clock) -> None:
        self.name = name
        self._devices = devices
        self._numbering = numbering
        self._intake = intake
        self._clock = clock
        self._driver = make_driver(devices, clock)
        self._opened = asyncio.Event()
        self._lost = asyncio.Event()
        self._outages = {
            alias: outage
            for numbered in devices
            for outage in [Outage(log.bind(device=numbered.device.name), "device")]
            for alias in numbered.aliases
        }
        self._read_s = metrics.READ_S.labels(name)

    async def run(self, ticker: Ticker) -> None:
        """One life of the driver. Whatever a driver should not raise ends it; the supervisor begins another."""
        driver = self._driver
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._keep_open(driver), name=f"open {self.name}")
                if any(group.endpoint == self.name for group in ticker.groups):
                    tasks.create_task(self._poll(driver, ticker), name=f"poll {self.name}")
                if self._subscribed:
                    tasks.create_task(self._follow(driver), name=f"follow {self.name}")
        finally:
            self._opened.clear()
            self._driver = make_driver(self._devices, self._clock)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_CLOSE_MOST_S):
                    await driver.close()

    @property
    def last_good_age_s(self) -> float | None:
        """Seconds since a good value came; None before the first."""
        good_ns = self._driver.last_good_monotonic_ns()
        return (self._clock.monotonic_ns() - good_ns) / NS_PER_S if good_ns else None

    @property
    def _subscribed(self) -> list[int]:
        return [
            alias
            for numbered in self._devices
            for tag, alias in zip(numbered.device.tags, numbered.aliases, strict=True)
            if tag.subscribed
        ]

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
                for outage in set(self._outages.values()):
                    outage.down(error or "no answer", "check cable, power and address of the device")
            if not told:
                await self._mark(self._subscribed, self._clock.now_ns(), Reason.DISCONNECTED)
                told = True
            await asyncio.sleep(next(pause))

    async def _mark(self, aliases: Sequence[int], time_ns: int, reason: Reason) -> None:
        """Tell that these tags have no value at this time."""
        if aliases:
            numbers = np.array(aliases, np.uint32)
            await self._intake.put(tuple(self._numbering.failed(numbers, time_ns, bad(reason))))

    # Poll

    async def _poll(self, driver: Driver, ticker: Ticker) -> None:
        groups = {index: group for index, group in enumerate(ticker.groups) if group.endpoint == self.name}
        plans = {index: driver.plan(group.aliases) for index, group in groups.items()}
        while True:
            index = await ticker.turn(self.name)
            missed_ns = None
            try:
                for op in plans[index]:
                    await self._read(driver, op)
            finally:
                missed_ns = ticker.done(index)
            if missed_ns:
                await self._mark(groups[index].aliases, missed_ns, Reason.OVERRUN)

    async def _read(self, driver: Driver, op: ReadOp) -> None:
        begun_s = time.perf_counter()
        async with asyncio.timeout(_CALL_MOST_S):
            columns = await driver.read(op)
        self._read_s.observe(time.perf_counter() - begun_s)
        self._watch(columns)
        await self._intake.put(columns)

    def _watch(self, columns: Columns) -> None:
        """Say once that a device went silent or came back. Looks at whole columns, not at samples."""
        if not columns or not len(columns[0]):
            return
        outage = self._outages[int(columns[0].alias[0])]
        if not all((column.code >= _BAD).all() for column in columns):
            outage.up()
            return
        code = int(columns[0].code[0])
        if code in (bad(Reason.TIMEOUT), bad(Reason.DISCONNECTED)):
            outage.down(reason_of(code), "check cable, power and address of the device")
        if code == bad(Reason.DISCONNECTED):
            self._lost.set()

    # Follow

    async def _follow(self, driver: Driver) -> None:
        pause = backoff_s(most_s=_REOPEN_MOST_S)
        while True:
            await self._opened.wait()
            try:
                async with contextlib.aclosing(driver.subscribe(self._subscribed)) as values:
                    async for columns in values:
                        self._watch(columns)
                        await self._intake.put(columns)
                        pause = backoff_s(most_s=_REOPEN_MOST_S)
            except DeviceUnavailable as error:
                for outage in set(self._outages.values()):
                    outage.down(error, "check cable, power and address of the device")
            self._opened.clear()
            self._lost.set()
            await asyncio.sleep(next(pause))
