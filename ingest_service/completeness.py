"""The proof that nothing is missing, or exactly what is: each run of a gateway numbers its batches 1, 2, 3 …

    ledger: committed {[1,4), [6,9)} ──► 4 to 5 are missing ──► dropped by the gateway, on its way, or unknown

Batches that are stored but refused have a number of their own and are no hole: they are dead letters.
`telemetry.gap` is the same as a view, for people; what begins with `own` here sees one tenant.
"""

from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from psycopg.rows import class_row

from database.pool import Connection
from database.queries import load_queries

queries = load_queries(__file__)


class Gap(NamedTuple):
    """Batches that are not there. `explanation`: dropped (with the gateway's reason), on_its_way, unknown.

    `since` and `until` are the time span of what was dropped; otherwise when the neighbours were stored, None
    where no neighbour is known any more.
    """

    run_id: UUID
    first_seq: int
    last_seq: int
    explanation: str
    reason: str | None
    samples: int | None
    since: datetime | None
    until: datetime | None


class GatewayStatus(NamedTuple):
    """A gateway of this tenant and what it last said; None where it never said anything."""

    id: UUID
    slug: str
    name: str
    online: bool | None
    since: datetime | None
    heard_at: datetime | None
    open_batches: int | None


async def gaps(connection: Connection, gateway_id: UUID, limit: int = 1000) -> list[Gap]:
    """Every gap of a gateway, by run and number; none: all that it numbered is stored."""
    async with connection.cursor(row_factory=class_row(Gap)) as cursor:
        return await (await cursor.execute(queries.gaps, {"gateway": gateway_id, "limit": limit})).fetchall()


async def own_gaps(connection: Connection, gateway_id: UUID, limit: int = 1000) -> list[Gap]:
    """The same inside a tenant's transaction; a foreign gateway has none."""
    async with connection.cursor(row_factory=class_row(Gap)) as cursor:
        return await (await cursor.execute(queries.own_gaps, {"gateway": gateway_id, "limit": limit})).fetchall()


async def own_gateways(connection: Connection, after: str = "", limit: int = 50) -> list[GatewayStatus]:
    """The next gateways of this tenant by slug; the cursor is the last slug."""
    async with connection.cursor(row_factory=class_row(GatewayStatus)) as cursor:
        return await (await cursor.execute(queries.own_gateways, {"after": after, "limit": limit})).fetchall()


async def own_gateway(connection: Connection, gateway_id: UUID) -> GatewayStatus | None:
    """None: this tenant has no such gateway."""
    async with connection.cursor(row_factory=class_row(GatewayStatus)) as cursor:
        return await (await cursor.execute(queries.own_gateway, {"gateway": gateway_id})).fetchone()
