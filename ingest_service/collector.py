"""First stage: messages as they come → groups, decoded, named and sorted, ready to be written.

Subscriber.burst ──► Intake ──► Grouper ──prepare (thread)──► queue of one ──► Committer
"""

import asyncio
import time
from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

from ingest_service import metrics
from ingest_service.delivery import Delivery, Message
from ingest_service.grouper import Grouper
from ingest_service.intake import Intake, is_catalog
from ingest_service.rows import Prepared, prepare
from ingest_service.subscriber import Subscriber
from ingest_service.transactions import ServerClock

_RECHECK_S = 0.5


class Lane(NamedTuple):
    """A group being filled, and the one that waits to be written.

    A gateway stays in its lane, so groups that are written at the same time never wait for one ledger row.
    """

    grouper: Grouper
    ready: asyncio.Queue[Prepared]


class Collector:
    """Waits while the queue is full; the subscriber holds what comes meanwhile, up to its own bound."""

    def __init__(self, feed: Subscriber, intake: Intake, clock: ServerClock, lanes: Sequence[Lane]) -> None:
        self._feed = feed
        self._intake = intake
        self._clock = clock
        self._lanes = lanes
        self._lane_of: dict[UUID | None, Lane] = {}
        self._recheck_at_ns = 0

    async def run(self) -> None:
        while True:
            for message in await self._feed.burst(self._patience_s()):
                await self._take(message)
            if time.monotonic_ns() >= self._recheck_at_ns:
                await self._recheck()
            for lane in self._lanes:
                if lane.grouper.due_in_s(time.monotonic_ns()) == 0:
                    await self._emit(lane)

    def _patience_s(self) -> float:
        due = [lane.grouper.due_in_s(time.monotonic_ns()) for lane in self._lanes]
        return min([_RECHECK_S, *(due_in_s for due_in_s in due if due_in_s is not None)])

    async def _take(self, message: Message) -> None:
        if is_catalog(message):
            delivery = await self._intake.take_catalog(message)
            if delivery is None:
                self._feed.acknowledge([message])
                self._recheck_at_ns = 0
        else:
            delivery = await self._intake.take(message, time.monotonic_ns())
        if delivery:
            await self._add(delivery)

    async def _add(self, delivery: Delivery) -> None:
        lane = self._lane_of.get(delivery.gateway_id)
        if lane is None:
            lane = self._lane_of[delivery.gateway_id] = self._lanes[len(self._lane_of) % len(self._lanes)]
        lane.grouper.add(delivery, time.monotonic_ns())
        if lane.grouper.is_full:
            await self._emit(lane)

    async def _recheck(self) -> None:
        named, released = await self._intake.recheck(time.monotonic_ns())
        for delivery in named:
            await self._add(delivery)
        if released:
            metrics.RELEASED.inc(len(released))
            self._feed.acknowledge(released)
        self._recheck_at_ns = time.monotonic_ns() + round(_RECHECK_S * 1e9)

    async def _emit(self, lane: Lane) -> None:
        group = lane.grouper.take()
        # In a thread: sorting 100,000 rows must not delay acknowledgements of the group before.
        await lane.ready.put(await asyncio.to_thread(prepare, group, self._clock.now_ns()))
