"""Planned stops: a person says that a machine will stand, so its alarms ask for nobody meanwhile.

Every function works inside the caller's transaction, whose tenant is already set; the caller commits.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from psycopg.rows import class_row

from anomaly import UnknownStop
from database.pool import Connection
from database.queries import load_queries

queries = load_queries(__file__)


@dataclass(frozen=True, slots=True)
class PlannedStop:
    """One stop; `ends_at` None: until somebody ends it."""

    id: UUID
    machine_id: UUID
    machine_slug: str
    machine_name: str
    starts_at: datetime
    ends_at: datetime | None
    reason: str
    by_id: UUID
    created_at: datetime
    ended_by: UUID | None


@dataclass(frozen=True, slots=True)
class NewStop:
    """What a person plans. `id` comes from them, so that sending twice plans once."""

    id: UUID
    machine_id: UUID
    starts_at: datetime
    ends_at: datetime | None
    reason: str


async def plan(conn: Connection, new: NewStop, by_id: UUID) -> PlannedStop:
    """Write it down; one with this id that is there already stays as it is. Raises UnknownStop: it is another's."""
    values = {
        "id": new.id, "machine_id": new.machine_id, "starts_at": new.starts_at, "ends_at": new.ends_at,
        "reason": new.reason, "by_id": by_id,
    }  # fmt: skip
    await conn.execute(queries.plan_stop, values)
    return await _one(conn, new.id)


async def end(conn: Connection, stop_id: UUID, actor_id: UUID) -> PlannedStop:
    """The machine may run again; ending it twice changes nothing. Raises UnknownStop."""
    await conn.execute(queries.end_stop, {"id": stop_id, "actor_id": actor_id})
    return await _one(conn, stop_id)


async def list_stops(
    conn: Connection, after: tuple[datetime, UUID] | None = None, limit: int = 50
) -> list[PlannedStop]:
    """At most `limit`, last begun first; `after` is (starts_at, id) of the last one seen."""
    after_time, after_id = after or (datetime.max.replace(tzinfo=UTC), UUID(int=0))
    return await _load(conn, queries.page_of_stops, {"after_time": after_time, "after_id": after_id, "limit": limit})


async def _one(conn: Connection, stop_id: UUID) -> PlannedStop:
    found = await _load(conn, queries.stop_by_id, {"id": stop_id})
    if not found:
        raise UnknownStop(str(stop_id))
    return found[0]


async def _load(conn: Connection, query: str, values: dict[str, Any]) -> list[PlannedStop]:
    async with conn.cursor(row_factory=class_row(PlannedStop)) as cursor:
        return await (await cursor.execute(query, values)).fetchall()
