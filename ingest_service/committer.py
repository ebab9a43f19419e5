"""Second stage: a group into the database, then the broker's acknowledgement, then the gateways' receipts.

Prepared ──transaction──► Outcome ──► acknowledge ──► receipts
    └── a batch that the database refuses is found by halving, buried alone, and the others are committed
"""

import asyncio
import time
from collections.abc import Sequence
from functools import partial

import psycopg
import structlog

from ingest_service import metrics
from ingest_service.allowance import Allowance
from ingest_service.delivery import Account, Delivery, Refusal, Refused, bury
from ingest_service.disk import DiskGuard
from ingest_service.ledger import RANGES_ALARMING, RANGES_MOST, Verdict
from ingest_service.outcome import Outcome
from ingest_service.receipts import receipts
from ingest_service.redelivery.recent import Recent
from ingest_service.rows import Prepared, prepare
from ingest_service.source import Source
from ingest_service.transactions import ServerClock, Transactions
from ingest_service.writer import write

log = structlog.get_logger()

_TOLD_MOST = 1000


class Committer:
    """Writes the groups of each lane one after the other, each until the database has it."""

    def __init__(
        self,
        feed: Source,
        transactions: Transactions,
        clock: ServerClock,
        allowance: Allowance,
        recent: Recent,
    ) -> None:
        self._feed = feed
        self._transactions = transactions
        self._clock = clock
        self._allowance = allowance
        self._recent = recent
        self._told: set[tuple[Account | None, Verdict | None]] = set()

    async def run(self, ready: asyncio.Queue[Prepared], disk: DiskGuard) -> None:
        """Commit the groups of one lane, while there is room for them."""
        while True:
            prepared = await ready.get()
            await disk.wait()
            started = time.monotonic()
            outcomes = await self._commit(prepared)
            commit_s = time.monotonic() - started
            metrics.COMMIT_SECONDS.observe(commit_s)
            metrics.GROUP_ROWS.observe(len(prepared.rows))
            self._feed.acknowledge([delivery.message for delivery in prepared.deliveries])
            self._allowance.release(prepared.deliveries)
            window = 1 if disk.is_low else self._allowance.window(self._feed.fill, commit_s)
            metrics.CREDIT.set(window)
            for outcome in outcomes:
                self._send_receipts(outcome, window)
                self._tell(outcome)
                self._watch_ranges(outcome)
                self._count(outcome)

    async def _commit(self, prepared: Prepared) -> list[Outcome]:
        try:
            outcome = await self._transactions.until_committed(partial(write, prepared=prepared, recent=self._recent))
        except (psycopg.DataError, psycopg.IntegrityError) as error:
            return await self._isolate(prepared.deliveries, error)
        if outcome.now_s is not None:
            self._clock.observe(outcome.now_s)
        return [outcome]

    async def _isolate(self, deliveries: Sequence[Delivery], error: psycopg.Error) -> list[Outcome]:
        now_ns = self._clock.now_ns()
        if len(deliveries) > 1:
            half = len(deliveries) // 2
            first = await self._commit(prepare(deliveries[:half], now_ns))
            return first + await self._commit(prepare(deliveries[half:], now_ns))
        delivery = deliveries[0]
        if delivery.account is None:
            raise error  # it is buried already, and even that is refused: a person has to look
        log.error("the database refuses a batch", topic=delivery.message.topic, seq=delivery.seq, cause=str(error))
        refusal = Refusal(Refused.UNSTORABLE, str(error)[:1000])
        return await self._commit(prepare([bury(delivery, refusal)], now_ns))

    def _send_receipts(self, outcome: Outcome, window: int) -> None:
        for topic, payload in receipts(outcome, window, self._allowance.lowered()):
            if not self._feed.publish(topic, payload):
                metrics.RECEIPTS_DROPPED.inc()

    def _tell(self, outcome: Outcome) -> None:
        """What a person has to hear: a cloned gateway, a run in pieces; once for each run."""
        if outcome.is_plain:
            return
        for delivery, verdict in zip(outcome.prepared.deliveries, outcome.verdicts, strict=True):
            if verdict in _ALARMING and self._is_first((delivery.account, verdict)):
                run = str(delivery.account and delivery.account.run_id)
                log.error(_ALARMING[verdict], topic=delivery.message.topic, run=run, seq=delivery.seq)

    def _watch_ranges(self, outcome: Outcome) -> None:
        """A run with many holes: a gateway that loses batches, or one that numbers them wildly."""
        if not outcome.committed:
            return
        metrics.RANGES.set(max(len(ranges.items) for ranges in outcome.committed.values()))
        for account, ranges in outcome.committed.items():
            if len(ranges.items) >= RANGES_ALARMING and self._is_first((account, None)):
                log.error(
                    f"more than {RANGES_ALARMING} holes in the batch numbers of a run; {RANGES_MOST} are taken",
                    gateway_id=str(account.gateway_id), run=str(account.run_id), ranges=len(ranges.items),
                    way_out="see what is missing: GET /api/v1/gateways/<id>/completeness, or the view telemetry.gap",
                )  # fmt: skip

    def _is_first(self, key: tuple[Account | None, Verdict | None]) -> bool:
        if key in self._told:
            return False
        if len(self._told) >= _TOLD_MOST:
            self._told.clear()
        self._told.add(key)
        return True

    def _count(self, outcome: Outcome) -> None:
        rows = outcome.prepared.rows
        metrics.ROWS.inc(len(rows) + len(outcome.prepared.texts))
        for verdict in Verdict:
            metrics.BATCHES.labels(verdict.name.lower()).inc(outcome.count(verdict))
        for _, refusal in outcome.refusals():
            metrics.DEAD_LETTERS.labels(refusal.reason).inc()
        metrics.REPEATED_SAMPLES.inc(outcome.repeated_samples)
        for stray in outcome.prepared.strays:
            metrics.QUARANTINED.labels(stray.reason).inc()
        metrics.HELD.set(self._feed.fill)
        if outcome.newest_ns:
            metrics.LAG_SECONDS.set((self._clock.now_ns() - outcome.newest_ns) / 1e9)


_ALARMING = {
    Verdict.CONFLICT: "one batch number with two contents: a cloned gateway or a restored image; kept as dead letter",
    Verdict.DEFER: f"more than {RANGES_MOST} holes in the batch numbers of a run; what would add more is not taken",
}
