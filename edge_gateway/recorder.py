"""Writes what was read into the spool, one group commit after the other, and tells the delivery what is on disk.

    intake ──gather──► pending ──commit (the spool's thread)──► delivery.add ──► uplink wakes up
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

import numpy as np
import structlog

from edge_gateway import SpoolUnwritable, metrics
from edge_gateway.clock_state import clock_state
from edge_gateway.delivery import BatchKey, Change, Delivery
from edge_gateway.intake import Intake
from edge_gateway.ranges import Ranges
from edge_gateway.spool import Spool
from edge_gateway.spool_file import Commit, Written
from protocols.sample import Columns, Quality
from protocols.wire.catalog import Catalog
from runtime.clock import NS_PER_S, Clock
from runtime.logs import Outage
from runtime.retry import backoff_s

log = structlog.get_logger()

_CHANGES_S = 5.0
_RETRY_MOST_S = 5.0


class Recorder:
    """Owns what is pending. `news` is set whenever the uplink may have something to do."""

    def __init__(self, spool: Spool, delivery: Delivery, intake: Intake, catalog: Catalog, clock: Clock) -> None:
        self._spool = spool
        self._delivery = delivery
        self._intake = intake
        self._catalog = catalog
        self._clock = clock
        self._pending: deque[Columns] = deque()
        self._changes: deque[Change] = deque()
        self._job: tuple[asyncio.Future[Written], Commit] | None = None
        self._outage = Outage(log, "spool")
        self._changes_due_s = float("inf")
        self.news = asyncio.Event()
        self.turned_s = self._now_s()

    def _now_s(self) -> float:
        return self._clock.monotonic_ns() / NS_PER_S

    @property
    def failing(self) -> bool:
        """The spool cannot be written at the moment."""
        return self._outage.lasting_s > 0

    def change(self, change: Change) -> None:
        """Remember what a receipt changed; losing this in a crash only means that the cloud is asked again."""
        if change.receipted or change.reopened:
            self._changes.append(change)
            self._changes_due_s = min(self._changes_due_s, self._now_s() + _CHANGES_S)
            metrics.RECEIPTED.inc(len(change.receipted))

    async def run(self) -> None:
        """For ever. What cannot be written now is tried again."""
        pause = backoff_s(most_s=_RETRY_MOST_S)
        while True:
            if not self.failing:
                self._pending.extend(await self._intake.gather())
            self.turned_s = self._now_s()
            try:
                await self._turn()
            except SpoolUnwritable as error:
                self._outage.down(error, "free space on the disk; until then polls are skipped and marked")
                await self._clock.sleep(next(pause))
            else:
                self._outage.up()
                pause = backoff_s(most_s=_RETRY_MOST_S)

    async def _turn(self) -> None:
        if self._delivery.wants_new_run(self._now_s()):
            await self.begin_run()
        if self._pending or self._job or self._now_s() >= self._changes_due_s:
            await self.flush()

    async def begin_run(self) -> None:
        """New batches get a new run; the ones before become backlog."""
        await self._spool.begin_run(self._catalog, self._clock)
        self._delivery.begin(self._spool.run, self._now_s())

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Everything else has stopped: commit what is in memory."""
        self._pending.extend(self._intake.take())
        try:
            await self.flush()
        except SpoolUnwritable as failure:
            lost = sum(len(column) for columns in self._pending for column in columns)
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
            for _ in commit.changes:
                self._changes.popleft()
            await self._committed(commit.batches, done)
        self._changes_due_s = float("inf")

    def _start(self) -> tuple["asyncio.Future[Written]", Commit]:
        batches = list(islice(self._pending, self._spool.batches_most))
        commit = Commit(batches, list(self._changes), self._clock.now_ns(), clock_state())
        return asyncio.ensure_future(self._timed(commit)), commit

    async def _timed(self, commit: Commit) -> Written:
        with metrics.COMMIT_S.time():
            return await self._spool.commit(commit)

    async def _committed(self, batches: Sequence[Columns], written: Written) -> None:
        for key in written.keys:
            self._delivery.add(key)
        for run, ranges in _by_run(written.gone):
            self._delivery.gone(run, ranges)
        self.news.set()
        _count_quality(batches)
        metrics.BATCHES.inc(len(written.keys))
        if written.dropped_batches:
            metrics.DROPPED_BATCHES.labels("no_space").inc(written.dropped_batches)
            metrics.DROPPED_SAMPLES.labels("no_space").inc(written.dropped_samples)
            log.warning("spool full, oldest samples dropped", samples=written.dropped_samples)


def _by_run(keys: Iterable[BatchKey]) -> Iterable[tuple[UUID, Ranges]]:
    found: dict[UUID, Ranges] = {}
    for run, seq in keys:
        found.setdefault(run, Ranges()).add(seq, seq)
    return found.items()


def _count_quality(batches: Sequence[Columns]) -> None:
    codes = [column.code for columns in batches for column in columns]
    if codes:
        counts = np.bincount(np.concatenate(codes) >> 8, minlength=len(Quality))
        for quality, count in zip(Quality, counts.tolist(), strict=False):
            metrics.SAMPLES.labels(quality.name.lower()).inc(count)
