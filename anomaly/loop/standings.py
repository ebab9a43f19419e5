"""How loudly each rule may speak: looked up when an alarm is raised, changed by its record or by a person.

    case ──earned──► priority            verdict, night ──review──► standing + event + outbox ◄──settle── a person

Every function works inside the caller's transaction, whose tenant is already set; the caller commits.
"""

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from psycopg.rows import class_row

from anomaly import UnknownStanding
from anomaly.loop.precision import WINDOW, Decision, decide, first_standing, is_right, priority_of
from anomaly.loop.records import Rule, Standing, StandingEvent
from anomaly.records import Case
from database import outbox
from database.pool import Connection
from database.queries import load_queries

queries = load_queries(__file__)

_PROMOTED = "medium"  # of a rule without a row; the column's own default


async def rule_of(conn: Connection, machine_id: UUID, case: Case, model_version: str) -> Rule:
    """The rule that speaks in this case."""
    row = await (await conn.execute(queries.class_of_machine, {"machine_id": machine_id})).fetchone()
    return Rule(case.source, model_version, case.cause, row[0] if row else "other")


async def earned(conn: Connection, rule: Rule, asked: str) -> str:
    """The priority that an alarm of this rule gets when its detector asks for `asked`."""
    row = await (await conn.execute(queries.standing_of, asdict(rule))).fetchone()
    standing = _standing(row) if row else None
    if standing is None:
        return priority_of(rule.source, asked, first_standing(rule.source), _PROMOTED)
    return priority_of(rule.source, asked, standing.standing, standing.priority)


async def review(conn: Connection, rule: Rule) -> Decision | None:
    """Promote or demote a rule when its newest verdicts ask for it; answers with what was decided."""
    row = await (await conn.execute(queries.standing_of, asdict(rule))).fetchone()
    before = _standing(row) if row else None
    held = before.standing if before else first_standing(rule.source)
    values = asdict(rule) | {"counts_from": before.counts_from if before else None, "window": WINDOW}
    found = await (await conn.execute(queries.newest_verdicts, values)).fetchall()
    decision = decide(held, [is_right(alarm_class, verdict) for alarm_class, verdict in found])
    if decision is None:
        return None
    await conn.execute(queries.begin_standing, asdict(rule) | {"standing": held})
    row = await (await conn.execute(queries.standing_of, asdict(rule))).fetchone()
    assert row
    locked = await _lock(conn, row[0])
    if locked.standing != held:  # somebody was faster
        return None
    await _change(conn, locked, decision, None)
    return decision


async def settle(conn: Connection, standing_id: UUID, wanted: str, reason: str, actor_id: UUID) -> Standing:
    """A person decides, against the record or with it; from now on only later verdicts count.

    Raises:
        UnknownStanding.
    """
    await _change(conn, await _lock(conn, standing_id), Decision(wanted, reason), actor_id)
    return await _lock(conn, standing_id)


async def list_standings(conn: Connection) -> list[Standing]:
    """Of every rule that was ever decided about."""
    return [_standing(row) for row in await (await conn.execute(queries.standings)).fetchall()]


async def standing_events(conn: Connection, standing_id: UUID) -> list[StandingEvent]:
    """The last hundred decisions about a rule, newest first."""
    async with conn.cursor(row_factory=class_row(StandingEvent)) as cursor:
        return await (await cursor.execute(queries.standing_events, {"standing_id": standing_id})).fetchall()


async def _lock(conn: Connection, standing_id: UUID) -> Standing:
    row = await (await conn.execute(queries.lock_standing, {"id": standing_id})).fetchone()
    if row is None:
        raise UnknownStanding(str(standing_id))
    return _standing(row)


async def _change(conn: Connection, before: Standing, decision: Decision, actor_id: UUID | None) -> None:
    values = {
        "id": before.id, "standing_id": before.id, "standing": decision.standing, "reason": decision.reason,
        "actor_id": actor_id, "counts_from": datetime.now(UTC) if actor_id else None,
    }  # fmt: skip
    await conn.execute(queries.change_standing, values)
    row = await (await conn.execute(queries.insert_standing_event, values)).fetchone()
    assert row
    told = asdict(before.rule) | {"standing": decision.standing, "reason": decision.reason}
    told |= {"standing_id": str(before.id), "actor_id": str(actor_id) if actor_id else None}
    await outbox.write(conn, row[1], "standing.changed", f"standing.changed:{row[0]}", told)


def _standing(row: tuple[Any, ...]) -> Standing:
    return Standing(row[0], Rule(*row[1:5]), *row[5:])
