"""One gateway as the receipt protocol sees it: what is made, what is on its way, what may be sent next. Pure.

    made ──take──► in flight ──receipt──► forgotten
                    ▲      │
                    └──────┘ due again: back-off and jitter        restart: new run, older ones are the backfill lane

A batch is told by its number alone and made anew whenever it is sent, so what is kept is a few numbers for each one
on its way. Rules as in edge_gateway/uplink/delivery.py, but without what a fleet has no use for: nothing is retained
behind a receipt.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple
from uuid import UUID, uuid4

from protocols.wire.receipt import Receipt

CREDIT_AT_START = 64
WINDOW = 512
RESEND_S = 5.0
_RESEND_MOST_TIMES = 12


class Outgoing(NamedTuple):
    """Batch `number` of its gateway, which is batch `seq` of `run`."""

    run: UUID
    seq: int
    number: int


class _Flight(NamedTuple):
    due_s: float
    attempts: int = 0


@dataclass(slots=True)
class _Run:
    """Numbers 1 … `made` stand for the gateway's batches from `first` on; `flights` are sent, in order, unreceipted."""

    first: int
    id: UUID = field(default_factory=uuid4)
    made: int = 0
    sent: int = 0
    flights: dict[int, _Flight] = field(default_factory=dict)

    @property
    def lowest_open(self) -> int:
        return next(iter(self.flights), self.sent + 1)

    @property
    def done(self) -> bool:
        return not self.flights and self.sent == self.made


@dataclass(slots=True)
class Counted:
    """What happened to a gateway's batches."""

    made: int = 0
    sent: int = 0
    resent: int = 0
    rejected: int = 0
    restarts: int = 0


class Gateway:
    """The state of one; time is handed in, in seconds.

    `made`: batches of an earlier life, all receipted; `resend_s`: how long it waits for a receipt at least;
    `in_flight_most`: it sends no more at once, whatever a receipt allows.
    """

    def __init__(self, index: int, made: int = 0, *, resend_s: float = RESEND_S, in_flight_most: int = WINDOW) -> None:
        self.index = index
        self._resend_s = resend_s
        self.in_flight_most = in_flight_most
        self.counted = Counted(made=made, sent=made)
        self._live = _Run(made)
        self._older: list[_Run] = []
        self._credit = CREDIT_AT_START
        self._due_s = float("inf")  # no flight is due before; may be too early, never too late

    @property
    def run(self) -> UUID:
        """What new batches belong to."""
        return self._live.id

    @property
    def open(self) -> int:
        """Batches without a receipt."""
        return sum(run.made - run.sent + len(run.flights) for run in self._lanes)

    @property
    def _lanes(self) -> list[_Run]:
        """The live one before the backfill."""
        return [self._live, *self._older]

    @property
    def due_s(self) -> float:
        """When something is to be sent again, if nothing happens before."""
        return self._due_s

    def make(self) -> None:
        """One more batch is in the spool."""
        self._live.made += 1
        self.counted.made += 1

    def restart(self) -> None:
        """The process was started anew: another run; what it had sent it does not remember."""
        self.disconnected()
        self._older.append(self._live)
        self._live = _Run(self.counted.made)
        self._credit = CREDIT_AT_START
        self.counted.restarts += 1

    def disconnected(self) -> None:
        """Nobody knows what became of what was on its way."""
        for run in self._lanes:
            run.flights = {seq: _Flight(float("-inf"), flight.attempts) for seq, flight in run.flights.items()}
        self._due_s = float("-inf")

    def receipted(self, receipt: Receipt) -> None:
        """Forget what is committed; a run that is not ours is passed over."""
        for run in self._lanes:
            if run.id == receipt.run:
                self._credit = max(1, receipt.credit)
                covered = list(_covered(run, receipt.committed))
                self.counted.rejected += sum(seq in receipt.rejected for seq in covered)
                for seq in covered:
                    del run.flights[seq]
        self._older = [run for run in self._older if not run.done]

    def take(self, now_s: float, most: int) -> list[Outgoing]:
        """What to publish next, live lane first; it counts as sent."""
        taken: list[Outgoing] = []
        room = min(self._credit, self.in_flight_most) - sum(len(run.flights) for run in self._lanes)
        for run in self._lanes:
            fresh = min(run.made, run.lowest_open + WINDOW, run.sent + max(0, min(room, most - len(taken))))
            for seq in range(run.sent + 1, fresh + 1):
                run.flights[seq] = _Flight(self._next_s(now_s, 0))
                taken.append(Outgoing(run.id, seq, run.first + seq - 1))
                room -= 1
            self.counted.sent += fresh - run.sent
            run.sent = fresh
        return taken + self._again(now_s, most - len(taken))

    def _again(self, now_s: float, most: int) -> list[Outgoing]:
        if now_s < self._due_s or most <= 0:
            return []
        due = [(run, seq) for run in self._lanes for seq, flight in run.flights.items() if flight.due_s <= now_s][:most]
        for run, seq in due:
            attempts = run.flights[seq].attempts + 1
            run.flights[seq] = _Flight(self._next_s(now_s, attempts), attempts)
        self._due_s = min(
            (flight.due_s for run in self._lanes for flight in run.flights.values()), default=float("inf")
        )
        self.counted.resent += len(due)
        return [Outgoing(run.id, seq, run.first + seq - 1) for run, seq in due]

    def _next_s(self, now_s: float, attempts: int) -> float:
        due_s = now_s + self._resend_s * (1 + random.uniform(0, min(2**attempts, _RESEND_MOST_TIMES)))
        self._due_s = min(self._due_s, due_s)
        return due_s


def _covered(run: _Run, committed: list[tuple[int, int]]) -> Iterator[int]:
    for low, high in committed:
        for seq in run.flights:
            if seq > high:
                break
            if seq >= low:
                yield seq
