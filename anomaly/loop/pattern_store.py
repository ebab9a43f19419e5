"""Patterns that were called false: kept when a verdict says so, looked up when a case begins, listed, taken back.

    verdict "false_alarm" ──keep──► alarm.false_pattern ──find──► the case is stored silently     revoke: hear it again

Every function works inside the caller's transaction, whose tenant is already set; the caller commits.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from psycopg.rows import class_row

from anomaly import UnknownPattern
from anomaly.loop.patterns import LASTS, Pattern, is_same, main_shares
from anomaly.records import Alarm, Case
from database.pool import Connection
from database.queries import load_queries

queries = load_queries(__file__)


@dataclass(frozen=True, slots=True)
class FalsePattern:
    """A pattern as screens see it; `silenced`: how many alarms it has kept quiet."""

    id: UUID
    alarm_id: UUID
    machine_id: UUID
    machine_slug: str
    machine_name: str
    cause: str
    mode: int | None
    tags: list[str]
    shares: list[float]
    created_at: datetime
    expires_at: datetime
    revoked_at: datetime | None
    silenced: int


async def keep(conn: Connection, alarm: Alarm, lasts: timedelta = LASTS) -> None:
    """A person has called this alarm false."""
    shares = main_shares([(part["tag"], part["share"]) for part in alarm.contributions])
    values = {
        "alarm_id": alarm.id, "machine_id": alarm.machine_id, "cause": alarm.cause, "mode": alarm.mode,
        "tags": list(shares), "shares": list(shares.values()),
        "score": alarm.score, "expires_at": datetime.now(UTC) + lasts,
    }  # fmt: skip
    await conn.execute(queries.put_pattern, values)


async def take_back(conn: Connection, alarm_id: UUID) -> None:
    """The alarm turned out to be no false one."""
    await conn.execute(queries.take_back_pattern, {"alarm_id": alarm_id})


async def find(conn: Connection, machine_id: UUID, case: Case, age: timedelta = timedelta(0)) -> UUID | None:
    """The pattern that this case is, `age` after it was raised; None: it is news."""
    values = {"machine_id": machine_id, "cause": case.cause}
    for row in await (await conn.execute(queries.patterns_of_cause, values)).fetchall():
        pattern_id, mode, tags, shares, score = row
        pattern = Pattern(pattern_id, mode, dict(zip(tags, shares, strict=True)), score)
        if is_same(pattern, case.contributions, case.score, mode=case.mode, age=age):
            return pattern.id
    return None


async def list_patterns(
    conn: Connection, after: tuple[datetime, UUID] | None = None, limit: int = 50
) -> list[FalsePattern]:
    """At most `limit`, newest first; `after` is (created_at, id) of the last one seen."""
    after_time, after_id = after or (datetime.max.replace(tzinfo=UTC), UUID(int=0))
    values = {"after_time": after_time, "after_id": after_id, "limit": limit}
    return await _shown(conn, queries.page_of_patterns, values)


async def revoke(conn: Connection, pattern_id: UUID, actor_id: UUID) -> FalsePattern:
    """Hear of it again from now on; revoking twice changes nothing. Raises UnknownPattern."""
    await conn.execute(queries.revoke_pattern, {"id": pattern_id, "actor_id": actor_id})
    found = await _shown(conn, queries.pattern_by_id, {"id": pattern_id})
    if not found:
        raise UnknownPattern(str(pattern_id))
    return found[0]


async def _shown(conn: Connection, query: str, values: dict[str, Any]) -> list[FalsePattern]:
    async with conn.cursor(row_factory=class_row(FalsePattern)) as cursor:
        return await (await cursor.execute(query, values)).fetchall()
