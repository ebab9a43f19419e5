"""Writes what was read into the spool, one group commit after the other, and tells the delivery what is on disk.

    intake ──gather──► pending ──commit (the spool's thread)──► held_back.offer ──► uplink wakes up
    uplink ──change (receipts)──► written with the next commit

A disk that cannot be written keeps everything pending and, through the bounded intake, slows the pollers down.
"""

import asyncio
from collections import deque
from collections.abc import Iterable, Sequence
from itertools import islice
from types import TracebackType
from typing import Self
from uuid import UUID

import structlog

from edge_gateway import SpoolUnwritable, metrics
from edge_gateway.catalog import Numbering
from edge_gateway.clock.gateway_clock import GatewayClock
from edge_gateway.held_back import Hearer, HeldBack, put_right
from edge_gateway.intake import Intake
from edge_gateway.keep import Group
from edge_gateway.losses import Losses
from edge_gateway.spool.file import Commit, Written
from edge_gateway.spool.spool import Spool
from edge_gateway.uplink.delivery import BatchKey, Change, Delivery
from edge_gateway.uplink.ranges import Ranges
from runtime.clock import monotonic_s
from runtime.logs import Outage
from runtime.retry import backoff_s

log = structlog.get_logger()

_CHANGES_S = 5.0
_RETRY_MOST_S = 5.0


class Recorder:
    """Owns what is pending. `news` is set whenever the uplink may have something to do."""

    def __init__(
        self, spool: Spool, delivery: Delivery, intake: Intake, numbering: Numbering, clock: GatewayClock
    ) -> None:
        self._spool = spool
        self._delivery = delivery
        self._intake = intake
        self._catalog = numbering.catalog
        self._clock = clock
        self._hearers: list[Hearer] = [delivery]
        self._held_back = HeldBack(spool, self._hearers, clock, numbering.stamped_here)
        self._pending: deque[Group] = deque()
        self._changes: dict[UUID, Change] = {}
        self._job: tuple[asyncio.Future[Written], Commit] | None = None
        self._outage = Outage(log, "spool")
        self._losses = Losses()
        self._changes_due_s = float("inf")
        self.news = asyncio.Event()
        self.turned_s = monotonic_s(clock)

    @property
    def failing(self) -> bool:
        """The spool cannot be written at the moment."""
        return self._outage.lasting_s > 0

    def tell(self, hearer: Hearer) -> None:
        """Another one that sends from the spool, beside the delivery; to be called before `run`."""
        self._hearers.append(hearer)

    def change(self, change: Change) -> None:
        """Remember what a receipt changed; losing this in a crash only means that the cloud is asked again."""
        if change.receipted or change.reopened:
            self._remember(change)
            self._changes_due_s = min(self._changes_due_s, monotonic_s(self._clock) + _CHANGES_S)
            metrics.RECEIPTED.inc(len(change.receipted))

    def _remember(self, change: Change) -> None:
        before = self._changes.get(change.run)
        self._changes[change.run] = before.then(change) if before else change

    async def run(self) -> None:
        """For ever. What cannot be written now is tried again."""
        pause = backoff_s(most_s=_RETRY_MOST_S)
        while True:
            if not self.failing:
                self._pending.extend(self._held_back.marked(await self._intake.gather()))
            self.turned_s = monotonic_s(self._clock)
            try:
                await self._turn()
            except SpoolUnwritable as error:
                self._outage.down(error, "free space on the disk; until then polls are skipped and marked")
                await self._clock.sleep(next(pause))
            else:
                self._outage.up()
                pause = backoff_s(most_s=_RETRY_MOST_S)

    async def _turn(self) -> None:
        await self._look_at_clock()
        if self._delivery.wants_new_run(monotonic_s(self._clock)):
            await self.begin_runs()
        if self._pending or self._job or monotonic_s(self._clock) >= self._changes_due_s:
            await self.flush()

    async def _look_at_clock(self) -> None:
        """A correction comes between two samples: those before it are put right, those after it already are."""
        if self._clock.in_doubt:
            self._pending.extend(self._held_back.marked(self._intake.take()))
        if correction := self._held_back.look():
            self._pending = deque(put_right(self._pending, correction))
        if await self._held_back.release():
            self.news.set()

    async def begin_runs(self) -> None:
        """New batches get new runs; the ones before become backlog."""
        await self._spool.begin_runs(self._catalog, self._clock)
        self._delivery.begin(self._spool.runs, monotonic_s(self._clock))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Everything else has stopped: commit what is in memory."""
        self._pending.extend(self._held_back.marked(self._intake.take()))
        try:
            await self.flush()
        except SpoolUnwritable as failure:
            lost = sum(len(column) for _, columns in self._pending for column in columns)
            metrics.DROPPED_SAMPLES.labels("stopped").inc(lost)
            log.error("samples lost, the spool cannot be written", samples=lost, cause=str(failure))

    async def flush(self) -> None:
        """Commit all that is pending. Raises SpoolUnwritable, and keeps what it could not write."""
        while self._pending or self._changes or self._job:
            if self._job is None:
                self._job = self._start()
            written, commit = self._job
            try:
                done = await asyncio.shield(written)  # a cancelled wait leaves the job to `__aexit__`
            except SpoolUnwritable:
                self._job = None
                raise
            self._job = None
            for _ in commit.batches:
                self._pending.popleft()
            self._committed(commit.batches, done)
        self._changes_due_s = float("inf")

    def _start(self) -> tuple["asyncio.Future[Written]", Commit]:
        batches = list(islice(self._pending, self._spool.batches_most))
        commit = Commit(batches, list(self._changes.values()), self._clock.now_ns(), self._clock.state)
        self._changes.clear()  # the spool remembers them even when it cannot write
        return asyncio.ensure_future(self._timed(commit)), commit

    async def _timed(self, commit: Commit) -> Written:
        with metrics.COMMIT_S.time():
            return await self._spool.commit(commit)

    def _committed(self, batches: Sequence[Group], written: Written) -> None:
        for run, ranges in by_run(written.gone):
            for hearer in self._hearers:
                hearer.gone(run, ranges)
        self._held_back.gone(written.gone)
        self._held_back.offer((*written.thinned, *written.keys))
        self.news.set()
        metrics.count_samples(group.columns for group in batches)
        metrics.BATCHES.inc(len(written.keys))
        self._losses.count(written, monotonic_s(self._clock))


def by_run(keys: Iterable[BatchKey]) -> Iterable[tuple[UUID, Ranges]]:
    """Batches as ranges of each run."""
    found: dict[UUID, Ranges] = {}
    for run, seq in keys:
        found.setdefault(run, Ranges()).add(seq, seq)
    return found.items()
