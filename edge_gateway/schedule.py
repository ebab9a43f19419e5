"""Which poll groups are due. Pure: told the time, it answers; no clock, no timer.

    tags ──group──► PollGroup (endpoint, period) ──spread over the period──► due ──done──► due again, on its grid

A group that is still being read when its time comes is not read twice: the turn is skipped and counted.
"""

import heapq
from collections.abc import Sequence
from dataclasses import dataclass

from edge_gateway.catalog import Endpoint
from runtime.clock import NS_PER_S


@dataclass(frozen=True, slots=True)
class PollGroup:
    """The tags of one endpoint that are read together."""

    endpoint: str
    period_s: float
    aliases: tuple[int, ...]


def group(endpoints: dict[str, Endpoint]) -> list[PollGroup]:
    """Polled tags by endpoint and period; subscribed tags come by themselves."""
    found: dict[tuple[str, float], list[int]] = {}
    for name, devices in endpoints.items():
        for numbered in devices:
            for tag, alias in zip(numbered.device.tags, numbered.aliases, strict=True):
                if not tag.subscribed:
                    found.setdefault((name, tag.period_s), []).append(alias)
    return [PollGroup(name, period_s, tuple(sorted(aliases))) for (name, period_s), aliases in found.items()]


@dataclass(slots=True)
class Missed:
    """Turns of a group that passed while it was still being read."""

    first_ns: int
    turns: int = 0


@dataclass(slots=True)
class _Turn:
    period_ns: int
    running: bool = False
    missed: Missed | None = None


class Schedule:
    """The turns of all groups, by their index. Times are monotonic ns."""

    def __init__(self, periods_s: Sequence[float], start_ns: int) -> None:
        self._turns = [_Turn(round(period_s * NS_PER_S)) for period_s in periods_s]
        self._due = [(start_ns + phase_ns, index) for index, phase_ns in enumerate(_phases_ns(self._turns))]
        heapq.heapify(self._due)

    def next_ns(self) -> int:
        """When something is due next. There must be a group."""
        return self._due[0][0]

    def due(self, now_ns: int) -> list[int]:
        """The groups to start now; `done` must be told of each."""
        started = []
        while self._due and self._due[0][0] <= now_ns:
            due_ns, index = self._due[0]
            turn = self._turns[index]
            late = (now_ns - due_ns) // turn.period_ns
            heapq.heapreplace(self._due, (due_ns + (late + 1) * turn.period_ns, index))
            if turn.running:
                _miss(turn, due_ns, late + 1)
                continue
            if late:
                _miss(turn, due_ns, late)
            turn.running = True
            started.append(index)
        return started

    def done(self, index: int) -> Missed | None:
        """The group has been read; returns the turns that it missed meanwhile, if any."""
        turn = self._turns[index]
        turn.running = False
        missed, turn.missed = turn.missed, None
        return missed


def _miss(turn: _Turn, due_ns: int, turns: int) -> None:
    turn.missed = turn.missed or Missed(due_ns)
    turn.missed.turns += turns


def _phases_ns(turns: Sequence[_Turn]) -> list[int]:
    """Groups of the same period start evenly spread over it, so that the line and the CPU see no bursts."""
    number_of: dict[int, int] = {}
    for turn in turns:
        number_of[turn.period_ns] = number_of.get(turn.period_ns, 0) + 1
    seen: dict[int, int] = {}
    phases = []
    for turn in turns:
        place = seen.get(turn.period_ns, 0)
        seen[turn.period_ns] = place + 1
        phases.append(turn.period_ns * place // number_of[turn.period_ns])
    return phases
