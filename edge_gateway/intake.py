"""Between the pollers and the recorder: bounded; who brings more than the disk takes waits, and that is counted.

    pollers ──put──► [at most 16 MiB] ──gather (a second has passed, or 64 kB are there)──► recorder

A poller that waits here skips its polls; the schedule counts them and the poller marks the hole as BAD overrun.
"""

import asyncio
import contextlib

from edge_gateway import metrics
from edge_gateway.batcher import GROUP_S, Batcher
from edge_gateway.keep import ONE_CLASS, Classes, Group
from protocols.sample import Columns
from runtime.clock import Clock, monotonic_s


class Intake:
    """The samples that are read and not committed yet."""

    def __init__(self, clock: Clock, classes: Classes = ONE_CLASS) -> None:
        self._clock = clock
        self._batcher = Batcher(classes)
        self._enough = asyncio.Event()
        self._room = asyncio.Event()

    async def put(self, columns: Columns) -> None:
        """Hand samples over; waits while too much is pending."""
        while self._batcher.overfull:
            metrics.BACK_PRESSURE.inc()
            self._room.clear()
            await self._room.wait()
        self._batcher.add(columns, monotonic_s(self._clock))
        if self._batcher.worth_a_commit:
            self._enough.set()

    async def gather(self) -> list[Group]:
        """The next batches, after at most about a second; none when nothing is due."""
        wait_s = min(self._batcher.due_s() - monotonic_s(self._clock), GROUP_S)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(max(wait_s, 0)):
                await self._enough.wait()
        due = self._batcher.worth_a_commit or self._batcher.due_s() <= monotonic_s(self._clock)
        return self.take() if due else []

    def take(self) -> list[Group]:
        """Everything pending, at once."""
        self._enough.clear()
        batches = self._batcher.take()
        self._room.set()
        return batches
