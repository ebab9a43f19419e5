"""The one timer of all polls: wakes up when a group is due and puts it into the queue of its endpoint's poller.

Schedule (pure) ──due──► Ticker ──► turns[endpoint] ──► poller ──done──► Schedule
"""

import asyncio
from collections.abc import Sequence

from edge_gateway import metrics
from edge_gateway.schedule import PollGroup, Schedule
from runtime.clock import NS_PER_S, Clock

_IDLE_S = 1.0


class Ticker:
    """A group is in a queue at most once, so the queues are as long as there are groups."""

    def __init__(self, groups: Sequence[PollGroup], clock: Clock) -> None:
        self.groups = groups
        self._clock = clock
        self._schedule = Schedule([group.period_s for group in groups], clock.monotonic_ns())
        self._turns: dict[str, asyncio.Queue[int]] = {}
        for group in groups:
            self._turns.setdefault(group.endpoint, asyncio.Queue())
        self.turned_s = clock.monotonic_ns() / NS_PER_S

    async def run(self) -> None:
        while True:
            now_ns = self._clock.monotonic_ns()
            self.turned_s = now_ns / NS_PER_S
            for index in self._schedule.due(now_ns):
                self._turns[self.groups[index].endpoint].put_nowait(index)
            wait_s = (self._schedule.next_ns() - self._clock.monotonic_ns()) / NS_PER_S if self.groups else _IDLE_S
            await self._clock.sleep(min(max(wait_s, 0), _IDLE_S))

    async def turn(self, endpoint: str) -> int:
        """The index of the next group to read at this endpoint; `done` must be told when it has been read."""
        return await self._turns[endpoint].get()

    def done(self, index: int) -> int | None:
        """Wall time of the first turn that was missed while the group was read, None if none was."""
        missed = self._schedule.done(index)
        if missed is None:
            return None
        metrics.OVERRUNS.labels(self.groups[index].endpoint).inc(missed.turns)
        return self._clock.now_ns() - (self._clock.monotonic_ns() - missed.first_ns)
