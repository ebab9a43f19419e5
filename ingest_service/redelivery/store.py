"""Drops the samples that came before, inside the writer's transaction, under the lock of the gateways' ledger rows.

Prepared ──► hashes of what has no sequence ──► Recent, refreshed from the table ──► Fresh(prepared, new hashes)
"""

from dataclasses import dataclass
from uuid import UUID

import numpy as np
import structlog
from numpy.typing import NDArray

from database.pool import Connection
from database.queries import load_queries
from ingest_service.delivery import NO_RUN
from ingest_service.redelivery.hashes import DTYPE, Hashes, hash_rows, hash_texts
from ingest_service.redelivery.recent import Recent, Seen
from ingest_service.rows import Prepared
from ingest_service.settings import RedeliverySettings

log = structlog.get_logger()
queries = load_queries(__file__)

_NOBODY = -1


@dataclass(frozen=True, slots=True)
class Fresh:
    """What is left to store, how many samples were repeated, and the hashes to keep."""

    prepared: Prepared
    repeated: int
    hashes: dict[UUID, Hashes]
    minute: int


async def only_fresh(connection: Connection, prepared: Prepared, recent: Recent, now_s: float) -> Fresh:
    """Drop what came before; the caller holds the ledger rows of these gateways."""
    minute = int(now_s // 60)
    numbers = _numbers(prepared)
    if not numbers:
        return Fresh(prepared, 0, {}, minute)
    gateways, owner = list(numbers), _owners(prepared, numbers)
    seen = await _refresh(connection, gateways, recent, minute)
    hashes = np.concatenate([hash_rows(prepared.rows), hash_texts(prepared.texts)])
    kept = owner == _NOBODY
    new: dict[UUID, Hashes] = {}
    order = np.argsort(owner, kind="stable")
    edges = np.searchsorted(owner[order], np.arange(len(gateways) + 1))
    for number, gateway in enumerate(gateways):
        mine = order[edges[number] : edges[number + 1]]
        distinct, first = np.unique(hashes[mine], return_index=True)
        fresh = ~seen[gateway].knows(distinct)
        kept[mine[first[fresh]]] = True
        if fresh.any():
            new[gateway] = distinct[fresh]
    return Fresh(prepared.only(kept), int(len(kept) - kept.sum()), new, minute)


async def remember(connection: Connection, fresh: Fresh) -> None:
    """Keep the hashes in the transaction of their rows."""
    if not fresh.hashes:
        return
    await connection.execute(
        queries.add_recent,
        {
            "gateways": list(fresh.hashes),
            "hashes": [hashes.astype(DTYPE).tobytes() for hashes in fresh.hashes.values()],
            "minute": fresh.minute,
        },
    )


def _numbers(prepared: Prepared) -> dict[UUID, int]:
    """The gateways of this group that have no sequence, counted through."""
    loose = (one.account.gateway_id for one in prepared.deliveries if one.account and one.account.run_id == NO_RUN)
    return {gateway: number for number, gateway in enumerate(dict.fromkeys(loose))}


def _owners(prepared: Prepared, numbers: dict[UUID, int]) -> NDArray[np.intp]:
    """For each row and then each text the number of its gateway, `_NOBODY` where it has a sequence."""
    of_batch = [
        numbers[one.account.gateway_id] if one.account and one.account.run_id == NO_RUN else _NOBODY
        for one in prepared.deliveries
    ]
    batch = np.concatenate([prepared.batch_of_row, np.array([text.batch for text in prepared.texts], np.intp)])
    owner: NDArray[np.intp] = np.array(of_batch, np.intp)[batch]
    return owner


async def _refresh(connection: Connection, gateways: list[UUID], recent: Recent, minute: int) -> dict[UUID, Seen]:
    settings = recent.settings
    seen = {gateway: recent.of(gateway) for gateway in gateways}
    cursor = await connection.execute(
        queries.read_recent,
        {
            "gateways": gateways,
            "last_ids": [one.last_id for one in seen.values()],
            "since": minute - int(settings.window_s // 60),
            "bytes_most": settings.hashes_most * DTYPE.itemsize,
        },
    )
    for gateway, row_id, arrived, hashes in await cursor.fetchall():
        seen[gateway].add(row_id, arrived, np.frombuffer(hashes, DTYPE))
    for gateway in recent.trim(minute):
        log.warning(
            "redelivery window shortened: too many samples without a sequence", gateway_id=str(gateway),
            way_out="more redelivery.hashes_most, or a shorter redelivery.window_s",
        )  # fmt: skip
    return seen


async def forget(connection: Connection, settings: RedeliverySettings, most: int) -> int:
    """Delete what left the window, at most so many rows."""
    row = await (await connection.execute(queries.minute_now)).fetchone()
    assert row
    before = row[0] - int(settings.window_s // 60) - 1
    return (await connection.execute(queries.forget_recent, {"before": before, "most": most})).rowcount
