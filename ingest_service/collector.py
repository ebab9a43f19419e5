"""First stage: messages as they come → groups, decoded, named and sorted, ready to be written.

Source.burst ──► Intake ──► Grouper ──prepare (thread)──► queue of one ──► Committer
                              └── grows while the group before it still waits in the queue

In normal operation a group leaves as soon as it is due. Under load it waits for its turn and takes in what comes
meanwhile, up to its bound: the more samples of a series lie together, the cheaper each of them is.
"""

import asyncio
import time
from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

from ingest_service.allowance import Allowance
from ingest_service.delivery import Delivery
from ingest_service.grouper import Grouper
from ingest_service.intake import Intake
from ingest_service.rows import Prepared, prepare
from ingest_service.source import Source
from ingest_service.transactions import ServerClock

_RECHECK_S = 0.5
_TURN_S = 0.01


class Lane(NamedTuple):
    """A group being filled, and the one that waits to be written.

    A gateway stays in its lane, so groups that are written at the same time never wait for one ledger row.
    """

    grouper: Grouper
    ready: asyncio.Queue[Prepared]

    def emits_in_s(self, monotonic_ns: int) -> float | None:
        """Seconds until there may be something to emit; 0 when there is, None while the group is empty."""
        due_in_s = self.grouper.due_in_s(monotonic_ns)
        return _TURN_S if due_in_s == 0 and self.ready.full() else due_in_s


class Collector:
    """Waits while the queue is full; the subscriber holds what comes meanwhile, up to its own bound."""

    def __init__(
        self, feed: Source, intake: Intake, clock: ServerClock, lanes: Sequence[Lane], allowance: Allowance
    ) -> None:
        self._feed = feed
        self._intake = intake
        self._clock = clock
        self._lanes = lanes
        self._allowance = allowance
        self._lane_of: dict[UUID | None, Lane] = {}

    async def run(self) -> None:
        while True:
            for message in await self._feed.burst(self._patience_s()):
                delivery = await self._intake.take(message, time.monotonic_ns())
                if delivery:
                    await self._add(delivery)
            for delivery in await self._intake.recheck(time.monotonic_ns()):
                await self._add(delivery)
            self._feed.acknowledge(self._intake.settled())
            for lane in self._lanes:
                if lane.emits_in_s(time.monotonic_ns()) == 0:
                    await self._emit(lane)

    def _patience_s(self) -> float:
        emits = [lane.emits_in_s(time.monotonic_ns()) for lane in self._lanes]
        return min([_RECHECK_S, *(in_s for in_s in emits if in_s is not None)])

    async def _add(self, delivery: Delivery) -> None:
        if not self._allowance.admit(delivery, time.monotonic_ns()):
            self._feed.acknowledge([delivery.message])
            return
        lane = self._lane_of.get(delivery.gateway_id)
        if lane is None:
            lane = self._lane_of[delivery.gateway_id] = self._lanes[len(self._lane_of) % len(self._lanes)]
        lane.grouper.add(delivery, time.monotonic_ns())
        if lane.grouper.is_full:
            await self._emit(lane)

    async def _emit(self, lane: Lane) -> None:
        group = lane.grouper.take()
        # In a thread: sorting 100,000 rows must not delay acknowledgements of the group before.
        await lane.ready.put(await asyncio.to_thread(prepare, group, self._clock.now_ns()))
