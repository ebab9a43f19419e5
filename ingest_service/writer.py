"""One transaction a group: lock the ledger, tell new from repeated, COPY, dead letters, advance the ledger, COMMIT.

Samples go where `storage.layout` says: as packs or as hot rows, both in this transaction.

    Prepared ──write──► Outcome(verdicts, ranges after) ──► acknowledge to the broker ──► receipts

Whatever fails, fails as a whole: nothing is half stored, nothing is acknowledged, and the same group can be
written again. Rows are unique because their batches are: there is no unique index to pay for.
"""

import asyncio
from collections.abc import Sequence
from datetime import datetime

from database.pool import Connection
from database.queries import load_queries
from ingest_service.copy_format import encode_rows, encode_texts, storable
from ingest_service.delivery import NO_RUN, Account, Delivery, Refusal
from ingest_service.ledger import Ranges, Stored, Verdict, advance, judge
from ingest_service.outcome import Outcome
from ingest_service.redelivery.recent import Recent
from ingest_service.redelivery.store import only_fresh, remember
from ingest_service.rows import Prepared, Stray
from ingest_service.settings import RedeliverySettings
from ingest_service.storage.arrival import minute_of_arrival
from ingest_service.storage.layout import lay_out
from ingest_service.storage.packing import copy_packs
from ingest_service.waveforms.writing import add_parts
from protocols.wire.columnar import PAYLOAD_BYTES_MOST

queries = load_queries(__file__)

_OVERSIZED_BYTES_KEPT = 1 << 20


async def write(connection: Connection, prepared: Prepared, recent: Recent | None = None) -> Outcome:
    """Write a group inside the transaction of `connection`; it is done when the caller commits, else nothing is.

    `recent` is what this worker remembers of sources without a sequence; without it the database is asked.
    """
    deliveries = prepared.deliveries
    arrived_min = await minute_of_arrival(connection)
    committed, now_s = await _lock(connection, sorted({d.account for d in deliveries if d.account}))
    stored = await _stored(connection, deliveries, committed)
    verdicts = judge(deliveries, committed, stored)
    kept = prepared.keeping([verdict is Verdict.STORE for verdict in verdicts])
    fresh = await only_fresh(connection, kept, recent or Recent(RedeliverySettings()), now_s or 0)
    kept = fresh.prepared
    hours = await _copy(connection, kept, arrived_min)
    await add_parts(connection, [d for d, one in zip(deliveries, verdicts, strict=True) if one is Verdict.STORE])
    after = advance(deliveries, verdicts, committed)
    outcome = Outcome(kept, verdicts, after, stored, now_s, fresh.repeated)
    async with connection.pipeline():
        await _add_dead_letters(connection, outcome.refusals())
        await _add_strays(connection, deliveries, kept.strays)
        await _add_batches(connection, deliveries, verdicts)
        await _touch(connection, hours)
        await remember(connection, fresh)
        await _advance(
            connection, {account: after[account] for account in after if after[account] != committed[account]}
        )
    return outcome


async def _lock(connection: Connection, accounts: list[Account]) -> tuple[dict[Account, Ranges], float | None]:
    if not accounts:
        return {}, None
    wanted = {"gateways": [a.gateway_id for a in accounts], "runs": [a.run_id for a in accounts]}
    async with connection.pipeline():  # one round trip for both
        await connection.execute(queries.open_accounts, wanted)
        cursor = await connection.execute(queries.lock_accounts, wanted)
    rows = await cursor.fetchall()
    committed = {
        Account(gateway_id, run_id): Ranges(tuple((part.lower, part.upper - 1) for part in multirange))
        for gateway_id, run_id, multirange, _ in rows
    }
    return committed, rows[0][3]


async def _stored(
    connection: Connection, deliveries: Sequence[Delivery], committed: dict[Account, Ranges]
) -> dict[tuple[Account, int], Stored]:
    asked = [(d.account, d.seq) for d in deliveries if d.account and d.seq in committed[d.account]]
    if not asked:
        return {}
    cursor = await connection.execute(
        queries.stored_batches,
        {
            "gateways": [account.gateway_id for account, _ in asked],
            "runs": [account.run_id for account, _ in asked],
            "numbers": [seq for _, seq in asked],
        },
    )
    return {
        (Account(gateway_id, run_id), seq): Stored(sha256, rejected)
        for gateway_id, run_id, seq, sha256, rejected in await cursor.fetchall()
    }


async def _copy(connection: Connection, prepared: Prepared, arrived_min: int) -> frozenset[datetime]:
    """Write numbers and texts; the hours that got packs."""
    layout = prepared.layout
    if layout is None:
        layout = await asyncio.to_thread(lay_out, prepared.rows)
    if len(layout.hot):
        layout.hot["arrived"] = arrived_min
        async with connection.cursor() as cursor, cursor.copy(queries.copy_samples) as copy:
            for part in encode_rows(layout.hot):
                await copy.write(part)
    if layout.packs:
        await copy_packs(connection, layout.packs)
    if prepared.texts:
        async with connection.cursor() as cursor, cursor.copy(queries.copy_texts) as copy:
            await copy.write(b"".join(encode_texts(prepared.texts)))
    return layout.hours


async def _touch(connection: Connection, hours: frozenset[datetime]) -> None:
    """Packs of these hours are to be merged some time."""
    if hours:
        await connection.execute(queries.touch, {"hours": sorted(hours)})


async def _add_dead_letters(connection: Connection, refusals: list[tuple[Delivery, Refusal]]) -> None:
    if not refusals:
        return
    await connection.execute(
        queries.add_dead_letters,
        {
            "gateways": [delivery.gateway_id for delivery, _ in refusals],
            "topics": [storable(delivery.message.topic) for delivery, _ in refusals],
            "reasons": [refusal.reason for _, refusal in refusals],
            "details": [storable(refusal.detail) for _, refusal in refusals],
            "hashes": [delivery.sha256 for delivery, _ in refusals],
            "sizes": [len(delivery.message.payload) for delivery, _ in refusals],
            "payloads": [_kept_payload(delivery) for delivery, _ in refusals],
        },
    )


def _kept_payload(delivery: Delivery) -> bytes:
    """Whole, so that it can be replayed; of what is larger than anything we take, as much as tells what it was."""
    payload = delivery.message.payload
    return payload if len(payload) <= PAYLOAD_BYTES_MOST else payload[:_OVERSIZED_BYTES_KEPT]


async def _add_strays(connection: Connection, deliveries: Sequence[Delivery], strays: Sequence[Stray]) -> None:
    if not strays:
        return
    owners = [deliveries[stray.batch] for stray in strays]
    await connection.execute(
        queries.add_strays,
        {
            "gateways": [owner.gateway_id for owner in owners],
            "runs": [owner.account.run_id if owner.account else NO_RUN for owner in owners],
            "numbers": [owner.seq for owner in owners],
            "aliases": [stray.alias for stray in strays],
            "times": [stray.time_ns for stray in strays],
            "values": [stray.value for stray in strays],
            "qualities": [stray.quality for stray in strays],
            "reasons": [stray.reason for stray in strays],
        },
    )


async def _add_batches(connection: Connection, deliveries: Sequence[Delivery], verdicts: Sequence[Verdict]) -> None:
    new = [
        (delivery, delivery.account, delivery.refusal)
        for delivery, verdict in zip(deliveries, verdicts, strict=True)
        if verdict in {Verdict.STORE, Verdict.REJECT} and delivery.account and delivery.account.run_id != NO_RUN
    ]
    if new:
        await connection.execute(
            queries.add_batches,
            {
                "gateways": [account.gateway_id for _, account, _ in new],
                "runs": [account.run_id for _, account, _ in new],
                "numbers": [delivery.seq for delivery, _, _ in new],
                "hashes": [delivery.sha256 for delivery, _, _ in new],
                "samples": [delivery.rows for delivery, _, _ in new],
                "rejected": [storable(str(refusal)) if refusal else None for _, _, refusal in new],
            },
        )


async def _advance(connection: Connection, changed: dict[Account, Ranges]) -> None:
    if not changed:
        return
    await connection.execute(
        queries.advance_accounts,
        {
            "gateways": [account.gateway_id for account in changed],
            "runs": [account.run_id for account in changed],
            "committed": [ranges.as_multirange() for ranges in changed.values()],
        },
    )
