"""The spool as the loop sees it: every call runs in the spool's own thread, so a slow disk never stops the polling.

    recorder ──commit──► [one thread: SpoolFile] ◄──load── uplink

Construction does nothing; `async with` opens the file, looks at what an earlier process left, and begins a run.
"""

import asyncio
import concurrent.futures
import contextlib
import os
import secrets
from collections.abc import AsyncIterator, Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TypeVar, TypeVarTuple
from uuid import UUID

import structlog

from edge_gateway import SpoolUnwritable, metrics
from edge_gateway.clock.doubt import Correction
from edge_gateway.keep import ONE_CLASS, Keep
from edge_gateway.settings import SpoolSettings
from edge_gateway.spool.file import Commit, Written
from edge_gateway.spool.rows import Dropped, Opened
from edge_gateway.spool.salvage import open_spool_file
from edge_gateway.uplink.delivery import BatchKey
from protocols.wire import catalog as wire
from protocols.wire.catalog import Catalog
from runtime.clock import Clock, ClockState
from runtime.logs import Outage
from runtime.retry import backoff_s

log = structlog.get_logger()

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

_REOPEN_MOST_S = 5.0


class Spool:
    """An open spool. `runs` are those that new batches belong to, the most valuable samples first."""

    opened: Opened
    runs: tuple[UUID, ...]

    def __init__(self, settings: SpoolSettings, thread: concurrent.futures.Executor, keeps: Sequence[Keep]) -> None:
        self._settings = settings
        self._thread = thread
        self._keeps = keeps
        self._damaged = 0

    async def _do(self, work: Callable[[*Ts], T], *arguments: *Ts) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work, *arguments)

    async def open(self) -> None:
        """Look at what an earlier process has left."""
        wanted = self._settings
        work = partial(open_spool_file, thin=wanted.policy == "thin")
        self._file, self.opened = await self._do(work, wanted.path, wanted.max_bytes, wanted.keep_receipted_s)

    async def begin_runs(self, catalog: Catalog, clock: Clock) -> None:
        """New runs, random so that no restored image can ever repeat one."""
        runs = {keep: UUID(bytes=secrets.token_bytes(16)) for keep in self._keeps}
        await self._do(self._file.begin_runs, runs, catalog.revision, wire.encode(catalog), clock.now_ns())
        self.runs = tuple(runs.values())

    @property
    def batches_most(self) -> int:
        return self._file.batches_most

    async def commit(self, commit: Commit) -> Written:
        """On disk when it returns. Raises SpoolUnwritable."""
        return await self._do(self._file.write, commit)

    async def correct(self, keys: Sequence[BatchKey], correction: Correction, state: ClockState) -> None:
        """Put batches on the right time that nobody has seen yet. Raises SpoolUnwritable."""
        await self._do(self._file.correct, keys, correction, state)

    async def load(self, keys: Sequence[BatchKey]) -> list[bytes | None]:
        payloads = await self._do(self._file.load, keys)
        metrics.DROPPED_BATCHES.labels("damaged").inc(self._file.damaged - self._damaged)
        self._damaged = self._file.damaged
        return payloads

    async def before_this_run(self, most: int) -> list[bytes]:
        return await self._do(self._file.before_this_run, most)

    async def first_ns(self, key: BatchKey) -> int | None:
        return await self._do(self._file.first_ns, key)

    async def dropped(self) -> list[Dropped]:
        return await self._do(self._file.dropped)

    async def close(self, clock: Clock) -> None:
        await self._do(self._file.close, clock.now_ns())

    async def used_bytes(self) -> int:
        return await self._do(self._file.used_bytes)


@contextlib.asynccontextmanager
async def open_spool(
    settings: SpoolSettings, catalog: Catalog, clock: Clock, keeps: Sequence[Keep] = ONE_CLASS.present
) -> AsyncIterator[Spool]:
    """Open the spool and begin a run for each worth; on leaving, whatever its thread still does is finished first.

    A disk that is full or read-only is waited for.

    Raises:
        SpoolTaken: another process has it.
        SpoolUnwritable: there is no such folder, or it is not ours.
    """
    with concurrent.futures.ThreadPoolExecutor(1, "spool") as thread:
        pause, outage = backoff_s(most_s=_REOPEN_MOST_S), Outage(log, "spool")
        while True:
            try:
                spool = await _begun(Spool(settings, thread, keeps), catalog, clock)
                break
            except SpoolUnwritable as error:
                if not _may_become_writable(settings.path.parent):
                    raise
                outage.down(error, "free space on the disk or make it writable; until then nothing is read")
                await clock.sleep(next(pause))
        outage.up()
        try:
            yield spool
        finally:
            await spool.close(clock)


async def _begun(spool: Spool, catalog: Catalog, clock: Clock) -> Spool:
    await spool.open()
    try:
        await spool.begin_runs(catalog, clock)
    except BaseException:
        await spool.close(clock)
        raise
    return spool


def _may_become_writable(folder: Path) -> bool:
    """A folder that is missing or somebody else's is a wrong configuration; a full or read-only disk is not."""
    try:
        read_only = os.statvfs(folder).f_flag & os.ST_RDONLY
    except OSError:
        return False
    return bool(read_only) or os.access(folder, os.W_OK | os.X_OK)
