"""Which poll groups are due. Pure: told the time, it answers; no clock, no timer.

    tags ──group──► PollGroup (endpoint, period) ──phase──► due ──done──► due again, on its grid

A group that is still being read when its time comes is not read twice: the turn is skipped and counted.

Groups of one period are spread evenly over it, in slots that they share with a few others:

    0 ms            50 ms           100 ms                     1000 ms
    ├─ plc-1 … 5 ───┼─ plc-6 … 10 ──┼─ …                     ──┤

Five devices in one slot are one wake-up of the process; a hundred in one would be a burst on the network.
"""

import heapq
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from typing import NamedTuple

from edge_gateway.catalog import Endpoint
from runtime.clock import NS_PER_S

_GOLDEN = 0.618033988749895  # multiples of it are spread evenly over 0 … 1, however many there are
_SLOTS_LEAST = 5
_SLOT_MOST_NS = NS_PER_S // 20
_FIRST_MOST_NS = 10 * NS_PER_S


@dataclass(frozen=True, slots=True)
class PollGroup:
    """The tags of one endpoint that are read together."""

    endpoint: str
    period_s: float
    aliases: tuple[int, ...]


def group(endpoints: Mapping[str, Endpoint]) -> list[PollGroup]:
    """Polled tags by endpoint and period; subscribed tags come by themselves."""
    found: dict[tuple[str, float], list[int]] = {}
    for name, devices in endpoints.items():
        for numbered in devices:
            for tag, alias in zip(numbered.device.tags, numbered.aliases, strict=True):
                if not tag.subscribed:
                    found.setdefault((name, tag.period_s), []).append(alias)
    return [PollGroup(name, period_s, tuple(sorted(aliases))) for (name, period_s), aliases in found.items()]


class Due(NamedTuple):
    """A turn of a group. `missed` turns passed without a read; not `started`: this one too, as it still runs."""

    group: int
    due_ns: int
    missed: int
    started: bool


@dataclass(slots=True)
class Missed:
    """Turns of a group that passed while it was still being read."""

    first_ns: int
    turns: int = 0


@dataclass(slots=True)
class _Turn:
    period_ns: int
    grid_ns: int
    running: bool = False
    missed: Missed | None = None

    def after(self, now_ns: int) -> int:
        """Its next time on the grid."""
        return now_ns + self.period_ns - (now_ns - self.grid_ns) % self.period_ns

    def miss(self, due_ns: int, turns: int) -> None:
        self.missed = self.missed or Missed(due_ns)
        self.missed.turns += turns


class Schedule:
    """The turns of all groups, by their index. Times are monotonic ns."""

    def __init__(self, groups: Sequence[PollGroup], start_ns: int) -> None:
        phases = phases_ns(groups)
        self._turns = [
            _Turn(_ns(group.period_s), start_ns + phase) for group, phase in zip(groups, phases, strict=True)
        ]
        # The first turn comes soon: an hourly tag must not wait for an hour to be read at all.
        self._due = [(start_ns + phase % _FIRST_MOST_NS, index) for index, phase in enumerate(phases)]
        heapq.heapify(self._due)

    def next_ns(self) -> int:
        """When something is due next. There must be a group."""
        return self._due[0][0]

    def due(self, now_ns: int) -> list[Due]:
        """The turns whose time has come; `done` must be told of each that is started."""
        found = []
        while self._due and self._due[0][0] <= now_ns:
            due_ns, index = self._due[0]
            turn = self._turns[index]
            next_ns = turn.after(now_ns)
            heapq.heapreplace(self._due, (next_ns, index))
            missed = -(-(next_ns - due_ns) // turn.period_ns) - 1 + turn.running
            if missed:
                turn.miss(due_ns, missed)
            found.append(Due(index, due_ns, missed, not turn.running))
            turn.running = True
        return found

    def done(self, index: int) -> Missed | None:
        """The group has been read; returns the turns that it missed meanwhile, if any."""
        turn = self._turns[index]
        turn.running = False
        missed, turn.missed = turn.missed, None
        return missed


def phases_ns(groups: Sequence[PollGroup]) -> list[int]:
    """When each group begins: those of one period spread over it, those of one endpoint shifted against each other."""
    same: dict[float, list[int]] = defaultdict(list)
    of: dict[str, set[float]] = defaultdict(set)
    for index, group in enumerate(groups):
        same[group.period_s].append(index)
        of[group.endpoint].add(group.period_s)
    shifts = {
        endpoint: dict(zip(sorted(periods), _shifts_ns(min(periods)), strict=False)) for endpoint, periods in of.items()
    }
    phases = [0] * len(groups)
    for period_s, indexes in same.items():
        period_ns = _ns(period_s)
        slot_ns = min(period_ns // _SLOTS_LEAST, _SLOT_MOST_NS) or 1
        for place, index in enumerate(indexes):
            slot = period_ns * place // len(indexes) // slot_ns
            phases[index] = (slot * slot_ns + shifts[groups[index].endpoint][period_s]) % period_ns
    return phases


def _shifts_ns(fastest_s: float) -> Iterator[int]:
    """Times within the fastest period, as far apart as they can be: a slower group never falls upon its begin."""
    return (round(rank * _GOLDEN % 1 * fastest_s * NS_PER_S) for rank in count())


def _ns(seconds: float) -> int:
    return round(seconds * NS_PER_S)
