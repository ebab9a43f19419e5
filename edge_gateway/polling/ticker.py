"""The one timer of all polls: wakes up when groups are due and lines them up for the pollers of their endpoints.

Schedule (pure) ──due──► Ticker ──► waiting[endpoint] ──► poller ──done──► Schedule

Due times are absolute, so nothing drifts; what the loop's timer adds (a millisecond) is lateness, and measured.
"""

import asyncio
from collections import defaultdict, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from edge_gateway.polling.cadence import Cadence
from edge_gateway.polling.schedule import Due, PollGroup, Schedule
from runtime.clock import NS_PER_S, Clock

_IDLE_S = 1.0


@dataclass(slots=True)
class _Waiting:
    """The turns that are due at one endpoint, in order. A group is there at most once."""

    turns: deque[Due] = field(default_factory=deque)
    news: asyncio.Event = field(default_factory=asyncio.Event)

    def put(self, due: Due) -> None:
        self.turns.append(due)
        self.news.set()

    async def get(self) -> Due:
        while not self.turns:
            self.news.clear()
            await self.news.wait()
        return self.turns.popleft()


class Ticker:
    """Told to the pollers: whose turn it is. Told by them: when it is over."""

    def __init__(self, groups: Sequence[PollGroup], clock: Clock) -> None:
        self._groups = groups
        self._clock = clock
        start_ns = clock.monotonic_ns()
        self._schedule = Schedule(groups, start_ns)
        self._cadences = [Cadence(group) for group in groups]
        self._of: dict[str, dict[int, PollGroup]] = defaultdict(dict)
        for index, group in enumerate(groups):
            self._of[group.endpoint][index] = group
        self._waiting = {endpoint: _Waiting() for endpoint in self._of}
        self.turned_s = start_ns / NS_PER_S

    async def run(self) -> None:
        while True:
            now_ns = self._clock.monotonic_ns()
            self.turned_s = now_ns / NS_PER_S
            for due in self._schedule.due(now_ns):
                if due.missed:
                    self._cadences[due.group].missed(due.missed, now_ns)
                if due.started:
                    self._waiting[self._groups[due.group].endpoint].put(due)
            wait_s = (self._schedule.next_ns() - self._clock.monotonic_ns()) / NS_PER_S if self._groups else _IDLE_S
            await self._clock.sleep(min(max(wait_s, 0), _IDLE_S))

    def groups_of(self, endpoint: str) -> Mapping[int, PollGroup]:
        """The groups of this endpoint by their index; none when everything there is subscribed."""
        return self._of.get(endpoint, {})

    async def turn(self, endpoint: str) -> int:
        """The index of the next group to read at this endpoint; `done` must be told when it has been read."""
        return self._begin(await self._waiting[endpoint].get())

    def faster(self, index: int) -> int | None:
        """A group of a shorter period that waits for this one; it need not wait for all of its reads."""
        group = self._groups[index]
        turns = self._waiting[group.endpoint].turns
        for place, due in enumerate(turns):
            if self._groups[due.group].period_s < group.period_s:
                del turns[place]
                return self._begin(due)
        return None

    def _begin(self, due: Due) -> int:
        self._cadences[due.group].begun(due.due_ns, self._clock.monotonic_ns())
        return due.group

    def done(self, index: int, *, explained: bool = False) -> int | None:
        """Wall time of the first turn that was missed while the group was read, None if none was.

        `explained`: the log has already been told why, a silent device for one.
        """
        missed = self._schedule.done(index)
        if missed is None:
            return None
        now_ns = self._clock.monotonic_ns()
        if not explained:
            self._cadences[index].skipped(now_ns)
        return self._clock.now_ns() - (now_ns - missed.first_ns)
