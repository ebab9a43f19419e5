"""The spool as the loop sees it: every call runs in the spool's own thread, so a slow disk never stops the polling.

    recorder ──commit──► [one thread: SpoolFile] ◄──load── uplink

Construction does nothing; `async with` opens the file, looks at what an earlier process left, and begins a run.
"""

import asyncio
import concurrent.futures
import contextlib
import secrets
from collections.abc import AsyncIterator, Callable, Sequence
from typing import TypeVar, TypeVarTuple
from uuid import UUID

from edge_gateway.delivery import BatchKey
from edge_gateway.salvage import open_spool_file
from edge_gateway.settings import SpoolSettings
from edge_gateway.spool_file import Commit, SpoolFile, Written
from edge_gateway.spooled import Dropped, Opened
from protocols.wire import catalog as wire
from protocols.wire.catalog import Catalog
from runtime.clock import Clock

T = TypeVar("T")
Ts = TypeVarTuple("Ts")


class Spool:
    """An open spool. `run` is the run that new batches belong to."""

    run: UUID

    def __init__(self, file: SpoolFile, opened: Opened, thread: concurrent.futures.Executor) -> None:
        self._file = file
        self._thread = thread
        self.opened = opened

    async def _do(self, work: Callable[[*Ts], T], *arguments: *Ts) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work, *arguments)

    async def begin_run(self, catalog: Catalog, clock: Clock) -> None:
        """A new run, random so that no restored image can ever repeat one."""
        run = UUID(bytes=secrets.token_bytes(16))
        await self._do(self._file.begin_run, run, catalog.revision, wire.encode(catalog), clock.now_ns())
        self.run = run

    @property
    def batches_most(self) -> int:
        return self._file.batches_most

    async def commit(self, commit: Commit) -> Written:
        """On disk when it returns. Raises SpoolUnwritable."""
        return await self._do(self._file.write, commit)

    async def load(self, keys: Sequence[BatchKey]) -> list[bytes | None]:
        return await self._do(self._file.load, keys)

    async def before_this_run(self, most: int) -> list[bytes]:
        return await self._do(self._file.before_this_run, most)

    async def first_ns(self, key: BatchKey) -> int | None:
        return await self._do(self._file.first_ns, key)

    async def dropped(self) -> list[Dropped]:
        return await self._do(self._file.dropped)

    async def used_bytes(self) -> int:
        return await self._do(self._file.used_bytes)


@contextlib.asynccontextmanager
async def open_spool(settings: SpoolSettings, catalog: Catalog, clock: Clock) -> AsyncIterator[Spool]:
    """Open the spool and begin a run; on leaving, whatever its thread still does is finished first.

    Raises:
        SpoolTaken: another process has it.
        SpoolUnwritable: the place cannot be written.
    """
    with concurrent.futures.ThreadPoolExecutor(1, "spool") as thread:
        loop = asyncio.get_running_loop()
        arguments = (settings.path, settings.max_bytes, settings.keep_receipted_s)
        file, opened = await loop.run_in_executor(thread, open_spool_file, *arguments)
        try:
            spool = Spool(file, opened, thread)
            await spool.begin_run(catalog, clock)
            yield spool
        finally:
            await loop.run_in_executor(thread, file.close)
