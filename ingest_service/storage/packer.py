"""The packer on one page: four rounds for ever, each of short steps that may be cut off anywhere.

    every second     make new hot rows findable, let packed partitions go
    every 5 seconds  close a slice when it is due, pack what is closed
    every minute     partitions ahead, merge hours that are over
    every hour       forget what is too old

What a round leaves undone is done by the next one.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial

import structlog

from database.pool import Connection, open_pool
from database.queries import load_queries
from ingest_service.storage import metrics
from ingest_service.storage.merging import merge_some, note_touched
from ingest_service.storage.packing import WritersBusy, arrival, close, drop_packed, pack_slice
from ingest_service.storage.plan import Arrival, closes_at
from ingest_service.storage.retention import forget_some
from ingest_service.storage.settings import PackSettings
from ingest_service.transactions import Transactions, make_partitions
from runtime.health import Check, Trouble, check, serve_health
from runtime.logs import Outage
from runtime.process import tell_systemd

log = structlog.get_logger()
queries = load_queries(__file__)

_FIND_S = 1.0
_PACK_S = 5.0
_HOUSE_S = 60.0
_FORGET_S = 3600.0
_BEHIND = 3  # slices
_LAG_LEAST_S = 1800
_DATABASE_WAY_OUT = "check [database] and that it runs"
_BEHIND_WAY_OUT = "see the log of `linewright pack`; a transaction that stays open keeps slices from being closed"


async def run_pack(settings: PackSettings) -> None:
    """Pack, merge and forget until cancelled."""
    async with open_pool(settings.database) as pool:
        transactions = Transactions(pool)
        packer = Packer(transactions, settings)
        await transactions.until_committed(make_partitions)
        async with _health(settings.health_port, packer, transactions), asyncio.TaskGroup() as tasks:
            tasks.create_task(_for_ever(packer.make_findable, _FIND_S), name="find")
            tasks.create_task(_for_ever(packer.pack, _PACK_S), name="pack")
            tasks.create_task(_for_ever(packer.keep_house, _HOUSE_S), name="house")
            tasks.create_task(_for_ever(packer.forget, _FORGET_S), name="forget")
            log.info("ready")
            tell_systemd("READY=1")


async def _for_ever(work: Callable[[], Awaitable[None]], pause_s: float) -> None:
    while True:
        await work()
        await asyncio.sleep(pause_s)


class Packer:
    """The work of each round. A database that is away is waited for; nothing is kept here that would be missed."""

    def __init__(self, transactions: Transactions, settings: PackSettings) -> None:
        self._transactions = transactions
        self._settings = settings
        self._closed_until = -1
        self._bytes_at_close = 0
        self._series = 0
        self._writers = Outage(log, "chance to close a slice")
        self.lag_s = 0.0

    @property
    def is_behind(self) -> bool:
        return self.lag_s > max(_BEHIND * self._settings.slice.age_s, _LAG_LEAST_S)

    async def make_findable(self) -> None:
        await self._transactions.until_committed(_summarize)
        metrics.DROPPED.inc(await self._transactions.until_committed(drop_packed))

    async def pack(self) -> None:
        state = await self._transactions.until_committed(arrival)
        self._observe(state)
        await self._close(state)
        while await self._pack_slice():
            pass

    async def keep_house(self) -> None:
        await self._transactions.until_committed(make_partitions)
        await self._transactions.until_committed(note_touched)
        merging = True
        while merging:
            step = await self._transactions.until_committed(partial(merge_some, quiet_s=self._settings.merge_after_s))
            metrics.MERGED.inc(step.merged.samples)
            merging = not step.is_last

    async def forget(self) -> None:
        while gone := await self._transactions.until_committed(partial(forget_some, kept=self._settings.retention)):
            for what, rows in gone.items():
                metrics.FORGOTTEN.labels(what).inc(rows)

    async def _close(self, state: Arrival) -> None:
        until = closes_at(state, self._bytes_at_close, self._series, self._settings.slice)
        if until is None:
            return
        try:
            await self._transactions.until_committed(partial(close, until=until))
        except WritersBusy as error:
            self._writers.down(error)
        else:
            self._writers.up()

    async def _pack_slice(self) -> bool:
        started = time.monotonic()
        packed = await self._transactions.until_committed(pack_slice)
        if packed is None:
            return False
        metrics.SLICE_SECONDS.observe(time.monotonic() - started)
        metrics.SAMPLES.inc(packed.samples)
        metrics.PACKS.inc(packed.packs)
        self._series = packed.series
        return True

    def _observe(self, state: Arrival) -> None:
        self.lag_s = state.lag_s
        if self._closed_until != state.closed_until:
            self._closed_until, self._bytes_at_close = state.closed_until, state.open_bytes
        metrics.LAG_SECONDS.set(state.lag_s)
        metrics.HOT_BYTES.set(state.hot_bytes)
        metrics.HELD_BYTES.set(state.held_bytes)


async def _summarize(connection: Connection) -> None:
    await connection.execute(queries.summarize)


@contextlib.asynccontextmanager
async def _health(port: int, packer: Packer, transactions: Transactions) -> AsyncIterator[None]:
    if not port:
        yield
        return

    def packing() -> Trouble | None:
        cause = f"hot rows have been waiting for {packer.lag_s:.0f} s to be packed"
        return Trouble(cause, _BEHIND_WAY_OUT) if packer.is_behind else None

    checks: dict[str, Check] = {
        "database": check(lambda: transactions.healthy, "the database does not answer", _DATABASE_WAY_OUT),
        "packing": packing,
    }
    async with serve_health(port, checks):
        yield
