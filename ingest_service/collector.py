"""First stage: messages as they come → groups, decoded, named and sorted, ready to be written.

Subscriber.burst ──► Intake ──► Grouper ──prepare (thread)──► queue of one ──► Committer
"""

import asyncio
import time

from ingest_service import metrics
from ingest_service.delivery import Message
from ingest_service.grouper import Grouper
from ingest_service.intake import Intake, is_catalog
from ingest_service.rows import Prepared, prepare
from ingest_service.subscriber import Subscriber
from ingest_service.transactions import ServerClock

_RECHECK_S = 0.5


class Collector:
    """Waits while the queue is full; the subscriber holds what comes meanwhile, up to its own bound."""

    def __init__(
        self, feed: Subscriber, intake: Intake, grouper: Grouper, clock: ServerClock, ready: asyncio.Queue[Prepared]
    ) -> None:
        self._feed = feed
        self._intake = intake
        self._grouper = grouper
        self._clock = clock
        self._ready = ready
        self._recheck_at_ns = 0

    async def run(self) -> None:
        while True:
            due_in_s = self._grouper.due_in_s(time.monotonic_ns())
            for message in await self._feed.burst(_RECHECK_S if due_in_s is None else min(due_in_s, _RECHECK_S)):
                await self._take(message)
            if time.monotonic_ns() >= self._recheck_at_ns:
                await self._recheck()
            if self._grouper.due_in_s(time.monotonic_ns()) == 0:
                await self._emit()

    async def _take(self, message: Message) -> None:
        if is_catalog(message):
            delivery = await self._intake.take_catalog(message)
            if delivery is None:
                self._feed.acknowledge([message])
                self._recheck_at_ns = 0
        else:
            delivery = await self._intake.take(message, time.monotonic_ns())
        if delivery:
            self._grouper.add(delivery, time.monotonic_ns())
            if self._grouper.is_full:
                await self._emit()

    async def _recheck(self) -> None:
        named, released = await self._intake.recheck(time.monotonic_ns())
        for delivery in named:
            self._grouper.add(delivery, time.monotonic_ns())
        if released:
            metrics.RELEASED.inc(len(released))
            self._feed.acknowledge(released)
        self._recheck_at_ns = time.monotonic_ns() + round(_RECHECK_S * 1e9)

    async def _emit(self) -> None:
        group = self._grouper.take()
        # In a thread: sorting 100,000 rows must not delay acknowledgements of the group before.
        await self._ready.put(await asyncio.to_thread(prepare, group, self._clock.now_ns()))
