"""What people say of an alarm that made no order, and what any verdict does: record, standing, pattern.

    judge ──► label + verdict.given            verdict.given ──learn──► pattern kept or taken back, rule reviewed

Every function works inside the caller's transaction, whose tenant is already set; the caller commits.
"""

from uuid import UUID, uuid4

import structlog

from anomaly import store
from anomaly.loop import pattern_store, standings
from anomaly.records import Alarm
from database import outbox
from database.pool import Connection
from database.queries import load_queries

log = structlog.get_logger()
queries = load_queries(__file__)


async def judge(conn: Connection, alarm_id: UUID, verdict: str, actor_id: UUID) -> Alarm:
    """Somebody has looked at an alarm without an order; a later verdict replaces the earlier. Raises UnknownAlarm."""
    alarm = await store.load_alarm(conn, alarm_id)
    await conn.execute(queries.insert_label, {"alarm_id": alarm_id, "verdict": verdict, "by_id": actor_id})
    told = {"alarm_id": str(alarm_id), "machine_id": str(alarm.machine_id), "cause": alarm.cause, "verdict": verdict}
    await outbox.write(conn, alarm.tenant_id, "verdict.given", f"verdict.given:{alarm_id}:{uuid4()}", told)
    return alarm


async def learn(conn: Connection, alarm: Alarm, verdict: str) -> None:
    """Let a verdict count; letting it count twice changes nothing."""
    if alarm.source == "statistical" and verdict == "false_alarm":
        await pattern_store.keep(conn, alarm)
    else:
        await pattern_store.take_back(conn, alarm.id)
    rule = await standings.rule_of(conn, alarm.machine_id, store.case_of(alarm), alarm.model_version)
    decision = await standings.review(conn, rule)
    if decision:
        log.warning("standing changed", rule=rule, standing=decision.standing, reason=decision.reason)
