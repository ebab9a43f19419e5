"""Writes down what the detectors have decided, with the evidence, until the database has it.

CaseChange ─► samples of the last minutes + the deciding ones ─► snapshot ─► store.record, one transaction
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

import structlog

from anomaly import evidence, store
from anomaly.detectors.block import Block
from anomaly.metrics import CHANGES, DELAY
from anomaly.plant import Watched
from anomaly.records import CaseChange, Shown, Tag
from anomaly.watch import MODEL_VERSION
from database.pool import Connection, set_tenant
from ingest_service.transactions import Transactions
from protocols.sample import Quality
from runtime.clock import NS_PER_S, Clock

log = structlog.get_logger()

_MS = 1_000_000
Points = list[tuple[int, float | None]]


class Recorder:
    """One change, one transaction."""

    def __init__(self, transactions: Transactions, clock: Clock) -> None:
        self._transactions = transactions
        self._clock = clock

    async def record(self, machine: Watched, changes: Sequence[CaseChange], fresh: Block) -> None:
        """Write `changes` of a machine; `fresh` holds the samples that may not be stored yet."""
        for change in changes:
            alarm_id = await self._transactions.until_committed(
                lambda conn, change=change: _record(conn, machine, change, fresh)  # type: ignore[misc]
            )
            case = change.case
            CHANGES.labels(change.action, case.source).inc()
            if change.action == "raise":
                DELAY.observe((self._clock.now_ns() - change.time_ns) / NS_PER_S)
            log.info(
                f"alarm {change.action}", machine=machine.ref.slug, cause=case.cause, priority=case.priority,
                tags=[tag for tag, _ in case.contributions], alarm=str(alarm_id),
            )  # fmt: skip


async def _record(conn: Connection, machine: Watched, change: CaseChange, fresh: Block) -> UUID | None:
    await set_tenant(conn, machine.ref.tenant_id)
    version = MODEL_VERSION[change.case.source]
    snapshot = ""
    if change.action == "raise":
        shown = await _shown(conn, machine, change, fresh)
        snapshot = evidence.freeze(machine.ref.slug, change.case, version, shown)
    return await store.record(conn, machine.ref, change, version, snapshot)


async def _shown(conn: Connection, machine: Watched, change: CaseChange, fresh: Block) -> list[Shown]:
    watch = machine.watch
    tags = [tag for slug, _ in change.case.contributions if (tag := watch.tag(slug))]
    until = datetime.fromtimestamp(change.time_ns / NS_PER_S, UTC) + timedelta(milliseconds=1)
    stored = await _stored(conn, tags, until)
    shown = []
    for tag in tags:
        times_ms, values = evidence.merge(stored[tag.series], _fresh(fresh, tag, change.time_ns))
        shown.append(Shown(tag, watch.limits_of(tag.series), watch.expected(tag.series), times_ms, values))
    return shown


async def _stored(conn: Connection, tags: Sequence[Tag], until: datetime) -> dict[int, Points]:
    since = until - timedelta(seconds=evidence.BEFORE_S)
    series = [tag.series for tag in tags]
    found = await conn.execute(store.queries.samples, {"series": series, "since": since, "until": until})
    points: dict[int, Points] = {one: [] for one in series}
    for one, time_ms, value, quality in await found.fetchall():
        points[one].append((time_ms, None if quality >> 8 >= Quality.BAD else value))
    return points


def _fresh(block: Block, tag: Tag, until_ns: int) -> Points:
    own = block.where((block.series == tag.series) & (block.time_ns <= until_ns))
    return list(zip((own.time_ns // _MS).tolist(), own.value.tolist(), strict=True))
