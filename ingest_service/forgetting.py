"""Deletes what nobody needs any more, in bites that no writer has to wait for; samples are the business of `storage`.

    every few minutes: recent hashes behind their window, letters, quarantine, hashes of batches, runs long over, bursts

What a gateway may still send again stays: the ranges of its run until `runs_days` after the last batch, the hashes
of its batches for `batches_days`. A closed run without holes is one range by then, and one with holes costs nothing
while nobody changes it; its holes are never filled in, because then a batch that comes late would be lost.
"""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import structlog

from database.pool import Connection
from database.queries import load_queries
from ingest_service import metrics
from ingest_service.redelivery.store import forget
from ingest_service.settings import KeepSettings, RedeliverySettings
from ingest_service.transactions import Transactions

log = structlog.get_logger()
queries = load_queries(__file__)

_PAUSE_S = 300.0
_BITE_ROWS = 5000
_BITE_BURSTS = 50  # of up to 256 MiB


async def forget_for_ever(transactions: Transactions, keep: KeepSettings, redelivery: RedeliverySettings) -> None:
    """Delete what is old until cancelled."""
    while True:
        told = {name: gone for name, gone in (await forget_once(transactions, keep, redelivery)).items() if gone}
        if told:
            log.info("old records deleted", **told)
        await asyncio.sleep(_PAUSE_S)


async def forget_once(
    transactions: Transactions, keep: KeepSettings, redelivery: RedeliverySettings, bite: int = _BITE_ROWS
) -> dict[str, int]:
    """Everything that is old now; how many rows of each kind."""
    work: dict[str, tuple[str, dict[str, Any]]] = {
        "letters": (queries.forget_letters, {"days": keep.letters_days, "bytes_most": keep.letters_bytes_most}),
        "quarantined": (queries.forget_quarantine, {"days": keep.quarantine_days}),
        "batches": (queries.forget_batches, {"days": keep.batches_days}),
        "runs": (queries.forget_runs, {"days": keep.runs_days}),
    }

    gone = {
        name: await _in_bites(transactions, bite, partial(_delete, query=query, values={**values, "most": bite}))
        for name, (query, values) in work.items()
    }
    gone["recent"] = await _in_bites(transactions, bite, partial(forget, settings=redelivery, most=bite))
    if keep.waveforms_days:
        most = min(bite, _BITE_BURSTS)
        values = {"days": keep.waveforms_days, "most": most}
        gone["waveforms"] = await _in_bites(
            transactions, most, partial(_delete, query=queries.forget_waveforms, values=values)
        )
    for name, rows in gone.items():
        metrics.FORGOTTEN.labels(name).inc(rows)
    return gone


async def _delete(connection: Connection, query: str, values: dict[str, Any]) -> int:
    return (await connection.execute(query, values)).rowcount


async def _in_bites(transactions: Transactions, bite: int, work: Callable[[Connection], Awaitable[int]]) -> int:
    """One transaction after the other until a bite is not full any more."""
    total = 0
    while True:
        rows = await transactions.until_committed(work)
        total += rows
        if rows < bite:
            return total
        await asyncio.sleep(0.05)
