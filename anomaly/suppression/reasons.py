"""Why a case is silent by design, and when that is over.

    case ──find──► Reason | None        silent alarms ──over, outgrown──► those that have to be told now

Every function works inside the caller's transaction; `find` and `children` in the tenant that is set, the others look
across tenants as the worker may.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from anomaly.loop import pattern_store
from anomaly.loop.patterns import GROWS_FOR
from anomaly.records import Case
from database.pool import Connection
from database.queries import load_queries

queries = load_queries(__file__)

# Clocks of two machines, and detectors of two tags, agree within this.
SLACK = timedelta(seconds=10)
# After a parent has returned, its children need a while as well.
SETTLES = timedelta(minutes=5)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Reason:
    """What silences an alarm: `kind` is planned_stop, parent or pattern, `id` names the one."""

    kind: str
    id: UUID


async def find(conn: Connection, machine_id: UUID, case: Case) -> Reason | None:
    """Why a case that begins is silent; None: it is not. `case.priority` is what its detector asks for."""
    if case.priority == "critical":
        return None
    values = {"machine_id": machine_id, "onset_at": _EPOCH + timedelta(microseconds=case.onset_ns // 1000)}
    for kind, query in (("planned_stop", queries.stop_of), ("parent", queries.parent_of)):
        row = await (await conn.execute(query, values | {"slack": SLACK})).fetchone()
        if row:
            return Reason(kind, row[0])
    if case.source == "limit":
        return None
    pattern = await pattern_store.find(conn, machine_id, case)
    return Reason("pattern", pattern) if pattern else None


async def still(conn: Connection, machine_id: UUID, case: Case, kind: str, age: timedelta) -> bool:
    """Whether a case that was silent and has grown stays so."""
    if case.priority == "critical":
        return False
    return kind != "pattern" or await pattern_store.find(conn, machine_id, case, age) is not None


async def children(conn: Connection, machine_id: UUID, cause: str, onset_at: datetime) -> list[UUID]:
    """Alarms of machines below that were told a moment too early."""
    values = {"machine_id": machine_id, "cause": cause, "onset_at": onset_at, "slack": SLACK}
    return [row[0] for row in await (await conn.execute(queries.children_of, values)).fetchall()]


async def over(conn: Connection) -> list[tuple[UUID, UUID]]:
    """(tenant, alarm) of those whose reason is gone."""
    return await (await conn.execute(queries.over, {"settles": SETTLES})).fetchall()


async def grown_up(conn: Connection) -> list[tuple[UUID, UUID]]:
    """(tenant, alarm) of those that have had the time to grow into their pattern."""
    return await (await conn.execute(queries.grown_up, {"grows_for": GROWS_FOR})).fetchall()
