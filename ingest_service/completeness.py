"""The proof that nothing is missing, or exactly what is: each run of a gateway numbers its batches 1, 2, 3 …

    ledger: committed {[1,4), [6,9)} ──gaps──► 4 to 5, between the hours at which 3 and 6 were stored

A hole is what is still on its way, or what the gateway had to drop; its state says which (`dropped` on `…/up/state`).
Batches that are stored but refused have a number of their own and are no hole: they are dead letters.
"""

from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from database.pool import Connection
from database.queries import load_queries

queries = load_queries(__file__)


class Gap(NamedTuple):
    """Batches that never came; None where no neighbour is known any more."""

    run_id: UUID
    first_seq: int
    last_seq: int
    after: datetime | None
    before: datetime | None


async def gaps(connection: Connection, gateway_id: UUID) -> list[Gap]:
    """Every gap of a gateway, oldest run first; none: all that it numbered up to its newest batch is stored."""
    cursor = await connection.execute(queries.gaps, {"gateway": gateway_id})
    return [Gap(*row) for row in await cursor.fetchall()]
