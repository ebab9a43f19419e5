"""Alarms in the database: raised and cleared with event, evidence and outbox at once; what people do to them.

    CaseChange ──record──► priority that its rule has earned, reason to be silent ──► alarm + event + evidence + outbox
    acknowledge, shelve, take out, and what ends them ──► facts + event, told anew when it is active

Every function works inside the caller's transaction, whose tenant is already set; the caller commits.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from psycopg.rows import class_row, dict_row
from psycopg.types.json import Jsonb

from anomaly import NotPossible, UnknownAlarm, evidence
from anomaly.alarm_state import OUT_OF_SERVICE_MOST, SHELVE_MOST, Facts, after, state
from anomaly.loop import standings
from anomaly.records import PRIORITIES, Alarm, Case, CaseChange, Evidence, MachineRef
from anomaly.suppression import reasons
from database import outbox
from database.pool import Connection
from database.queries import load_queries

queries = load_queries(__file__)

_END_OF_TIME = datetime.max.replace(tzinfo=UTC)
_NO_ID = UUID(int=0)


async def list_alarms(
    conn: Connection,
    machine_id: UUID | None = None,
    after: tuple[datetime, UUID] | None = None,
    limit: int = 50,
    *,
    active: bool = False,
) -> list[Alarm]:
    """At most `limit` alarms, last raised first; `after` is (raised_at, id) of the last one seen."""
    after_time, after_id = after or (_END_OF_TIME, _NO_ID)
    values = {"machine_id": machine_id, "after_time": after_time, "after_id": after_id, "limit": limit}
    found = await conn.execute(queries.page_of_active_alarms if active else queries.page_of_alarms, values)
    return await _load(conn, [row[0] for row in await found.fetchall()])


async def load_alarm(conn: Connection, alarm_id: UUID) -> Alarm:
    """Raises UnknownAlarm."""
    found = await _load(conn, [alarm_id])
    if not found:
        raise UnknownAlarm(str(alarm_id))
    return found[0]


async def load_evidence(conn: Connection, alarm_id: UUID) -> Evidence:
    """Raises UnknownAlarm."""
    async with conn.cursor(row_factory=class_row(Evidence)) as cursor:
        found = await (await cursor.execute(queries.evidence, {"alarm_id": alarm_id})).fetchone()
    if found is None:
        raise UnknownAlarm(f"no evidence of {alarm_id}")
    return found


async def active_counts(conn: Connection, machine_ids: Sequence[UUID]) -> dict[UUID, int]:
    """How many active alarms each of these machines has; machines without one are left out."""
    found = await conn.execute(queries.active_counts, {"machine_ids": list(machine_ids)})
    return dict(await found.fetchall())


async def limits_of_tags(conn: Connection, tag_ids: Sequence[UUID]) -> dict[UUID, dict[str, float]]:
    """Kind → threshold of every limit that is switched on, by tag."""
    found = await conn.execute(queries.limits_of_tags, {"tag_ids": list(tag_ids)})
    limits: dict[UUID, dict[str, float]] = {}
    for tag_id, kind, threshold in await found.fetchall():
        limits.setdefault(tag_id, {})[kind] = threshold
    return limits


async def acknowledge(conn: Connection, alarm_id: UUID, actor_id: UUID) -> Alarm:
    """Somebody has seen it; seeing it again changes nothing. Raises UnknownAlarm."""
    alarm = await _lock(conn, alarm_id)
    if alarm.acked:
        return alarm
    return await _change(conn, alarm, after(_facts(alarm), "ack"), "ack", actor_id, {})


async def shelve(conn: Connection, alarm_id: UUID, actor_id: UUID, duration: timedelta, reason: str) -> Alarm:
    """Put it aside for a while; evaluation goes on. Raises UnknownAlarm, NotPossible."""
    if not timedelta() < duration <= SHELVE_MOST:
        raise NotPossible(f"an alarm is shelved for at most {SHELVE_MOST}")
    alarm = await _lock(conn, alarm_id)
    until = datetime.now(UTC) + duration
    shelved = after(_facts(alarm), "shelve", until=until)
    return await _change(conn, alarm, shelved, "shelve", actor_id, {"until": until.isoformat(), "reason": reason})


async def unshelve(conn: Connection, alarm_id: UUID, actor_id: UUID | None) -> Alarm:
    """Take it back from the shelf (actor None: its time is over); when still active, it asks for work now.

    Raises UnknownAlarm, NotPossible.
    """
    return await _back(conn, alarm_id, "unshelve", actor_id)


async def take_out(conn: Connection, alarm_id: UUID, actor_id: UUID, duration: timedelta, reason: str) -> Alarm:
    """Take it out of service until its end, for work on the machine. Raises UnknownAlarm, NotPossible."""
    if not timedelta() < duration <= OUT_OF_SERVICE_MOST:
        raise NotPossible(f"an alarm is out of service for at most {OUT_OF_SERVICE_MOST.days} days")
    alarm = await _lock(conn, alarm_id)
    until = datetime.now(UTC) + duration
    out = after(_facts(alarm), "take_out", until=until)
    return await _change(conn, alarm, out, "take_out", actor_id, {"until": until.isoformat(), "reason": reason})


async def return_to_service(conn: Connection, alarm_id: UUID, actor_id: UUID | None) -> Alarm:
    """Put it back into service (actor None: its time is over); when still active, it asks for work now.

    Raises UnknownAlarm, NotPossible.
    """
    return await _back(conn, alarm_id, "return_to_service", actor_id)


async def unsuppress(conn: Connection, alarm_id: UUID, why: str) -> Alarm:
    """The reason to be silent is gone; when still active, it asks for work now. Raises UnknownAlarm, NotPossible."""
    return await _back(conn, alarm_id, "unsuppress", None, {"why": why})


async def record(conn: Connection, machine: MachineRef, change: CaseChange, version: str, snapshot: str) -> UUID | None:
    """Write down what a detector has decided; writing it twice writes it once. Answers with the alarm.

    snapshot: the evidence, kept when this raises the alarm; version: of the detector.
    """
    case = change.case
    key = {"machine_id": machine.id, "cause": case.cause}
    row = await (await conn.execute(queries.active_alarm, key)).fetchone()
    if change.action == "clear":
        return await _clear(conn, row[0], change.time_ns) if row else None
    rule = await standings.rule_of(conn, machine.id, case, version)
    earned = await standings.earned(conn, rule, case.priority)
    if row:
        return await _grow(conn, row[0], case, earned)
    return await _raise(conn, machine, case, earned, (version, snapshot))


def case_of(alarm: Alarm) -> Case:
    """The case that an alarm stands for, with the priority that its detector asked for."""
    parts = tuple((part["tag"], part["share"]) for part in alarm.contributions)
    onset_ns = round(alarm.onset_at.timestamp() * 1e6) * 1000
    return Case(alarm.cause, alarm.source, alarm.asked, onset_ns, alarm.score, parts, alarm.mode, alarm.class_)


async def _raise(conn: Connection, machine: MachineRef, case: Case, earned: str, seen: tuple[str, str]) -> UUID:
    key = {"machine_id": machine.id, "cause": case.cause}
    shelf = await (await conn.execute(queries.shelf_of_cause, key)).fetchone()
    reason = None if shelf else await reasons.find(conn, machine.id, case)
    alarm_id = uuid4()
    values = key | _values(case, earned) | _silence(shelf, reason) | {
        "id": alarm_id, "model_version": seen[0], "onset_at": _time(case.onset_ns), "mode": case.mode,
        "kind": case.kind,
    }  # fmt: skip
    if not await (await conn.execute(queries.insert_alarm, values)).fetchone():  # somebody was faster
        row = await (await conn.execute(queries.active_alarm, key)).fetchone()
        return await _grow(conn, row[0], case, earned) if row else await _raise(conn, machine, case, earned, seen)
    kept = {"alarm_id": alarm_id, "snapshot": seen[1], "sha256": evidence.digest(seen[1])}
    await conn.execute(queries.insert_evidence, kept)
    await _event(conn, alarm_id, "raise", None, {"priority": earned, "asked": case.priority, "score": case.score})
    if reason:
        await _event(conn, alarm_id, "suppress", None, {"by": reason.kind, "id": str(reason.id)})
    await _tell_raised(conn, await load_alarm(conn, alarm_id))
    if not reason and earned != "advisory":
        await _explain(conn, machine, case, alarm_id)
    return alarm_id


async def _explain(conn: Connection, machine: MachineRef, case: Case, alarm_id: UUID) -> None:
    """Alarms of machines below that were told a moment too early are silent from now on."""
    for child in await reasons.children(conn, machine.id, case.cause, _time(case.onset_ns)):
        await conn.execute(queries.suppress_alarm, {"id": child, "kind": "parent", "reason_id": alarm_id})
        await _event(conn, child, "suppress", None, {"by": "parent", "id": str(alarm_id)})


async def _grow(conn: Connection, alarm_id: UUID, case: Case, earned: str) -> UUID:
    before = await load_alarm(conn, alarm_id)
    # What a rule has lost since then does not make a case quieter that is already open.
    priority = min(before.priority, earned, key=PRIORITIES.index)
    await conn.execute(queries.grow_alarm, _values(case, priority) | {"id": alarm_id})
    if before.priority != priority:
        await _event(conn, alarm_id, "raise", None, {"priority": priority, "before": before.priority})
    age = datetime.now(UTC) - before.raised_at
    if before.suppressed_by and not await reasons.still(conn, before.machine_id, case, before.suppressed_by, age):
        await unsuppress(conn, alarm_id, "it has become more than what silenced it")
    elif before.priority != priority:
        await _tell_raised(conn, await load_alarm(conn, alarm_id))
    return alarm_id


async def _clear(conn: Connection, alarm_id: UUID, time_ns: int) -> UUID:
    alarm = await load_alarm(conn, alarm_id)
    facts = after(_facts(alarm), "rtn")
    values = {"id": alarm_id, "cleared_at": _time(time_ns), "latched": facts.latched}
    await conn.execute(queries.clear_alarm, values)
    await _event(conn, alarm_id, "clear", None, {})
    payload = {"alarm_id": str(alarm_id), "machine_id": str(alarm.machine_id), "cause": alarm.cause}
    await outbox.write(conn, alarm.tenant_id, "alarm.cleared", f"alarm.cleared:{alarm_id}", payload)
    return alarm_id


async def _change(
    conn: Connection, alarm: Alarm, facts: Facts, action: str, actor_id: UUID | None, detail: dict[str, Any]
) -> Alarm:
    values = {"id": alarm.id, "acked": facts.acked, "suppression": facts.suppression}
    await conn.execute(queries.update_facts, values | {"suppressed_until": facts.suppressed_until})
    await _event(conn, alarm.id, action, actor_id, detail)
    return await load_alarm(conn, alarm.id)


async def _back(
    conn: Connection, alarm_id: UUID, action: str, actor_id: UUID | None, detail: dict[str, Any] | None = None
) -> Alarm:
    alarm = await _lock(conn, alarm_id)
    back = await _change(conn, alarm, after(_facts(alarm), action), action, actor_id, detail or {})
    if back.active:
        await _tell_raised(conn, back)
    return back


async def _event(conn: Connection, alarm_id: UUID, action: str, actor_id: UUID | None, detail: dict[str, Any]) -> None:
    values = {"alarm_id": alarm_id, "action": action, "actor_id": actor_id, "detail": Jsonb(detail)}
    await conn.execute(queries.insert_event, values)


async def _tell_raised(conn: Connection, alarm: Alarm) -> None:
    payload = {
        "alarm_id": str(alarm.id), "machine_id": str(alarm.machine_id), "cause": alarm.cause, "source": alarm.source,
        "priority": alarm.priority, "suppression": alarm.suppression, "onset_at": alarm.onset_at.isoformat(),
    }  # fmt: skip
    key = f"alarm.raised:{alarm.id}:{alarm.priority}:{alarm.suppression}"
    await outbox.write(conn, alarm.tenant_id, "alarm.raised", key, payload)


async def _load(conn: Connection, ids: list[UUID]) -> list[Alarm]:
    async with conn.cursor(row_factory=dict_row) as cursor:
        rows = await (await cursor.execute(queries.alarms_by_ids, {"ids": ids})).fetchall()
    now = datetime.now(UTC)
    return [Alarm(class_=row.pop("class"), state=state(_facts_of(row), now), **row) for row in rows]


async def _lock(conn: Connection, alarm_id: UUID) -> Alarm:
    await conn.execute(queries.lock_alarm, {"id": alarm_id})
    return await load_alarm(conn, alarm_id)


def _facts(alarm: Alarm) -> Facts:
    return Facts(alarm.active, alarm.acked, alarm.latched, alarm.suppression, alarm.suppressed_until)


def _facts_of(row: dict[str, Any]) -> Facts:
    return Facts(row["active"], row["acked"], row["latched"], row["suppression"], row["suppressed_until"])


def _values(case: Case, priority: str) -> dict[str, Any]:
    parts = [{"tag": tag, "share": share} for tag, share in case.contributions]
    return {
        "cause": case.cause, "source": case.source, "priority": priority, "asked": case.priority, "score": case.score,
        "contributions": Jsonb(parts),
    }  # fmt: skip


def _silence(shelf: tuple[str, datetime] | None, reason: reasons.Reason | None) -> dict[str, Any]:
    suppression, until = shelf or ("by_design" if reason else "none", None)
    return {
        "suppression": suppression, "suppressed_until": until, "suppressed_by": reason and reason.kind,
        "suppressed_by_id": reason and reason.id,
    }  # fmt: skip


def _time(time_ns: int) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=time_ns // 1000)
