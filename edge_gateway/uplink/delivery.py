"""What to publish next, and what may be forgotten. Pure: told of events, it answers; time is handed in.

    committed to the spool ──add──► open ──take──► in flight ──receipt──► kept ──gone──► forgotten
                                     ▲                │                     │
                                     └──── due again ─┘      ledger went back ► open

Rules (numbers as in the receipt protocol): a PUBACK forgets nothing, only a receipt does, and only for batches that
this process has published (R4). A batch without a receipt is sent again after a time-out with back-off and full
jitter (R3, R13). Of each run at most the lowest open number + the window may be out (R7); over all runs at most the
credit of the last receipt (R10). The runs that new batches belong to are the live lane and go first, the most
valuable samples before the others; older runs are the backfill lane (R13). When the ledger of the cloud has lost what
it once had, kept batches are sent again (R5).
"""

import heapq
import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol
from uuid import UUID

from edge_gateway.uplink.ranges import Ranges
from protocols.wire.receipt import Receipt

CREDIT_AT_START = 64
RUNS_ASKED_MOST = 8
RANGES_MOST = 128


class BatchKey(NamedTuple):
    """Run and sequence number: what a batch is called."""

    run: UUID
    seq: int


@dataclass(frozen=True, slots=True)
class Pace:
    """How far ahead of a hole to send, how long to wait for a receipt, and when a smaller ledger is believed."""

    window: int = 512
    resend_s: float = 5.0
    resend_most_s: float = 60.0
    settle_s: float = 60.0


class Change(NamedTuple):
    """What a receipt changes: these now have one; these had one, but the cloud no longer knows them."""

    run: UUID
    receipted: Ranges
    reopened: Ranges

    def then(self, later: "Change") -> "Change":
        """Both together."""
        receipted, reopened = self.receipted.without(later.reopened), self.reopened.without(later.receipted)
        receipted.add_all(later.receipted)
        reopened.add_all(later.reopened)
        return Change(self.run, receipted, reopened)


class ForgetPolicy(Protocol):
    """Decides what the broker's acknowledgement is worth."""

    def forgets_on_puback(self) -> bool: ...


class ForgetOnReceipt:
    """The broker's acknowledgement is worth nothing: only what ingest has committed is forgotten."""

    def forgets_on_puback(self) -> bool:
        return False


@dataclass(slots=True)
class _Flight:
    due_s: float
    attempts: int
    acknowledged: bool = False


@dataclass(slots=True)
class _Run:
    """Of one run: what has no receipt yet, and what has one but is still in the spool, by age of the receipt."""

    open: Ranges = field(default_factory=Ranges)
    unsent: Ranges = field(default_factory=Ranges)
    published: Ranges = field(default_factory=Ranges)
    flights: dict[int, _Flight] = field(default_factory=dict)
    fresh: Ranges = field(default_factory=Ranges)
    aging: Ranges = field(default_factory=Ranges)
    settled: Ranges = field(default_factory=Ranges)
    aged_s: float = 0.0
    asked_s: float = float("-inf")
    ask_due_s: float = float("inf")
    ranges: int = 0

    @property
    def held(self) -> bool:
        return any((self.open, self.fresh, self.aging, self.settled))

    def forget(self, low: int, high: int) -> None:
        for ranges in (self.open, self.unsent, self.fresh, self.aging, self.settled):
            ranges.remove(low, high)
        for seq in [seq for seq in self.flights if low <= seq <= high]:
            del self.flights[seq]

    def age(self, now_s: float, settle_s: float) -> None:
        """A receipt is settled one to two times `settle_s` after it came."""
        if now_s - self.aged_s >= settle_s:
            self.settled.add_all(self.aging)
            if now_s - self.aged_s >= 2 * settle_s:
                self.settled.add_all(self.fresh)
                self.fresh = Ranges()
            self.aging, self.fresh, self.aged_s = self.fresh, Ranges(), now_s


class Delivery:
    """The state of everything in the spool, as far as sending goes."""

    def __init__(
        self,
        pace: Pace | None = None,
        forget: ForgetPolicy | None = None,
        draw: Callable[[float, float], float] = random.uniform,
    ) -> None:
        self._pace = pace or Pace()
        self._forget = forget or ForgetOnReceipt()
        self._draw = draw
        self._runs: dict[UUID, _Run] = {}
        self._live: tuple[UUID, ...] = ()
        self._credit = CREDIT_AT_START
        self._begun_s = self._receipt_s = self._heard_s = float("-inf")

    # What the spool tells

    def hold(self, run: UUID, open_: Ranges, receipted: Ranges) -> None:
        """An older run that the spool still holds, oldest first."""
        self._runs[run] = _Run(open_, open_.without(()), settled=receipted)

    def begin(self, runs: Sequence[UUID], now_s: float) -> None:
        """New batches belong to these from now on, the most valuable first; what was live becomes backfill."""
        self._runs |= {run: _Run() for run in runs}
        self._live, self._begun_s = tuple(runs), now_s

    def add(self, key: BatchKey) -> None:
        """A batch is committed to the spool and may go out. A run that nobody has begun is older than all others."""
        if key.run not in self._runs:
            self._runs = {key.run: _Run(), **self._runs}
        run = self._runs[key.run]
        run.open.add(key.seq, key.seq)
        run.unsent.add(key.seq, key.seq)

    def gone(self, run: UUID, ranges: Iterable[tuple[int, int]]) -> None:
        """The spool no longer holds these: their time was up, or the space was needed."""
        state = self._runs.get(run)
        if state is None:
            return
        for low, high in ranges:
            state.forget(low, high)
        if run not in self._live and not state.held:
            del self._runs[run]

    # What the broker tells

    def ask(self, now_s: float) -> None:
        """Ask for the ledger of older runs: the newest kept batch of each goes out again until a receipt tells all.

        A few at a time: those that were asked longest ago, the newest of them first.
        """
        for run in self._runs.values():
            run.age(now_s, self._pace.settle_s)
        older = [run for name, run in self._runs.items() if name not in self._live and run.settled and not run.open]
        for run in heapq.nsmallest(RUNS_ASKED_MOST, reversed(older), key=lambda run: run.asked_s):
            run.asked_s = run.ask_due_s = now_s

    def disconnected(self) -> None:
        """What the broker had not acknowledged goes out again as soon as there is a connection."""
        for run in self._runs.values():
            for flight in run.flights.values():
                if not flight.acknowledged:
                    flight.due_s = float("-inf")

    def acknowledged(self, key: BatchKey) -> bool:
        """PUBACK; True when the batch is forgotten by that (it never is, outside of a negative control)."""
        run = self._runs.get(key.run)
        if run is None:
            return False
        if self._forget.forgets_on_puback():
            run.forget(key.seq, key.seq)
            return True
        if flight := run.flights.get(key.seq):
            flight.acknowledged = True
        return False

    def receipted(self, receipt: Receipt, now_s: float) -> Change:
        """What this receipt changes for its run; a run or a number that was never published is passed over."""
        run = self._runs.get(receipt.run)
        if run is None:
            return Change(receipt.run, Ranges(), Ranges())
        self._receipt_s = self._heard_s = now_s
        self._credit = max(1, receipt.credit)  # one batch stays on its way, or nobody would ever be told of more credit
        newly = run.open.common(receipt.committed).common(run.published)
        run.ask_due_s, run.ranges = float("inf"), len(receipt.committed)
        run.age(now_s, self._pace.settle_s)
        lost = run.settled.without(receipt.committed)
        for low, high in newly:
            run.forget(low, high)
            run.fresh.add(low, high)
        for low, high in lost:
            run.forget(low, high)
            run.open.add(low, high)
            run.unsent.add(low, high)
        return Change(receipt.run, newly, lost)

    # What the sender asks

    def take(self, now_s: float, most: int) -> list[BatchKey]:
        """The next batches to publish, live lane first; they count as sent."""
        taken: list[BatchKey] = []
        for name, run in self._lanes():
            room = most - len(taken)
            again = [seq for seq, flight in sorted(run.flights.items()) if flight.due_s <= now_s][:room]
            fresh = self._fresh(run, min(room - len(again), self._credit - self.in_flight))
            for seq in (*again, *fresh):
                self._send(run, seq, now_s)
                taken.append(BatchKey(name, seq))
            if run.ask_due_s <= now_s and run.settled and len(taken) < most:
                run.ask_due_s = now_s + self._pace.resend_most_s
                taken.append(BatchKey(name, run.settled.last))
        return taken

    def _lanes(self) -> Iterator[tuple[UUID, _Run]]:
        for name in self._live:
            yield name, self._runs[name]
        for name, run in self._runs.items():
            if name not in self._live and (run.open or run.ask_due_s < float("inf")):
                yield name, run

    def _fresh(self, run: _Run, most: int) -> list[int]:
        found: list[int] = []
        for low, high in run.unsent:
            end = min(high, run.open.first + self._pace.window, low + most - len(found) - 1)
            found.extend(range(low, end + 1))
            if end < high:
                break
        return found

    def _send(self, run: _Run, seq: int, now_s: float) -> None:
        if not self.in_flight:
            self._heard_s = now_s
        attempts = run.flights[seq].attempts + 1 if seq in run.flights else 0
        ceiling_s = min(self._pace.resend_s * 2**attempts, self._pace.resend_most_s)
        due_s = now_s + self._pace.resend_s + self._draw(0, ceiling_s)
        run.flights[seq] = _Flight(due_s, attempts)
        run.unsent.remove(seq, seq)
        run.published.add(seq, seq)

    def due_s(self) -> float:
        """When a batch is to be sent again, if nothing happens before; infinity when no answer is waited for."""
        again = [flight.due_s for run in self._runs.values() for flight in run.flights.values()]
        return min(again + [run.ask_due_s for run in self._runs.values() if run.settled], default=float("inf"))

    @property
    def in_flight(self) -> int:
        return sum(len(run.flights) for run in self._runs.values())

    @property
    def open(self) -> int:
        """Batches in the spool without a receipt."""
        return sum(len(run.open) for run in self._runs.values())

    @property
    def open_runs(self) -> set[UUID]:
        """The runs that have batches without a receipt."""
        return {name for name, run in self._runs.items() if run.open}

    def is_live(self, key: BatchKey) -> bool:
        """Whether it belongs to the live lane."""
        return key.run in self._live

    @property
    def oldest_open(self) -> BatchKey | None:
        """The first batch without a receipt."""
        return next((BatchKey(name, run.open.first) for name, run in self._runs.items() if run.open), None)

    def silent_s(self, now_s: float) -> float:
        """How long batches have been on their way without any receipt at all; 0 while none is in flight."""
        return now_s - self._heard_s if self.in_flight else 0.0

    def wants_new_run(self, now_s: float) -> bool:
        """Receipts flow, but so much of the live run is open that new batches would wait behind its window: in a new
        run they pass at once, and the backlog becomes backfill. Or so much was given up here and there that the cloud
        has the run in many pieces, each of which costs it something at every commit.
        """
        flows = now_s - self._receipt_s < self._pace.resend_s
        waited = now_s - self._begun_s >= self._pace.settle_s
        live = [self._runs[run] for run in self._live]
        full = any(len(run.open) > self._pace.window // 2 or run.ranges > RANGES_MOST for run in live)
        return flows and waited and full
