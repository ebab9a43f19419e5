"""The evaluation of every night: once a day and tenant, however many workers there are and however often they start.

    local time past `at`, day not written yet ─► alarm.evaluation (the row is the lock) ─► rules reviewed, day written

What a stopped process has missed is made up for on the same day; earlier days stay empty and are seen to be.
"""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import date, datetime, time, timedelta, tzinfo
from uuid import UUID

import structlog
from psycopg.rows import class_row

from anomaly.loop import standings
from anomaly.loop.precision import Precision, by, first_standing
from anomaly.loop.records import EvaluatedRule, Evaluation, Rule, Tally
from database.pool import Connection, set_tenant
from database.queries import load_queries
from ingest_service.transactions import Commits

log = structlog.get_logger()
queries = load_queries(__file__)

SPAN = timedelta(days=90)


def due(now: datetime, at: time, zone: tzinfo | None) -> date | None:
    """The day whose evaluation should stand by `now`; None while its hour has not come.

    zone: of the plant; None: of this computer. An hour that a change of clocks leaves out comes late, one that it
    brings twice is recognised by its day.
    """
    local = now.astimezone(zone)
    return local.date() if local.time() >= at else None


async def evaluate_due(work: Commits, day: date, worker: str, now: datetime) -> int:
    """Evaluate `day` for every tenant that has not been; how many that were."""
    tenants = await work.until_committed(lambda conn: _waiting(conn, day))
    done = 0
    for tenant_id in tenants:
        done += await work.until_committed(lambda conn, one=tenant_id: _evaluate(conn, one, day, worker, now))  # type: ignore[misc]
    return done


async def tallies(conn: Connection, since: datetime) -> list[Tally]:
    """How often each verdict was given since then, by rule and class of alarm."""
    found = await (await conn.execute(queries.tallies, {"since": since})).fetchall()
    return [Tally(Rule(*row[:4]), *row[4:]) for row in found]


async def list_evaluations(conn: Connection, before: date | None = None, limit: int = 50) -> list[Evaluation]:
    """At most `limit` days before `before`, newest first."""
    async with conn.cursor(row_factory=class_row(Evaluation)) as cursor:
        return await (await cursor.execute(queries.evaluations, {"before": before, "limit": limit})).fetchall()


async def evaluated_rules(conn: Connection, days: Sequence[date]) -> dict[date, list[EvaluatedRule]]:
    """The rules of some evaluations."""
    rules: dict[date, list[EvaluatedRule]] = {day: [] for day in days}
    for row in await (await conn.execute(queries.evaluated_rules, {"days": list(days)})).fetchall():
        rules[row[0]].append(EvaluatedRule(Rule(*row[1:5]), *row[5:]))
    return rules


async def _waiting(conn: Connection, day: date) -> list[UUID]:
    done = {row[0] for row in await (await conn.execute(queries.evaluated_days, {"day": day})).fetchall()}
    return [row[0] for row in await (await conn.execute(queries.tenants)).fetchall() if row[0] not in done]


async def _evaluate(conn: Connection, tenant_id: UUID, day: date, worker: str, now: datetime) -> int:
    await set_tenant(conn, tenant_id)
    if not await (await conn.execute(queries.begin_evaluation, {"day": day, "worker": worker})).fetchone():
        return 0  # another worker was faster
    found = by(await tallies(conn, now - SPAN), _rule)
    for rule in found:
        decision = await standings.review(conn, rule)
        if decision:
            log.warning("standing changed", rule=rule, standing=decision.standing, reason=decision.reason)
    held = {one.rule: one.standing for one in await standings.list_standings(conn)}
    for rule, precision in found.items():
        standing = held.get(rule, first_standing(rule.source))
        await conn.execute(queries.insert_evaluated_rule, asdict(rule) | _sums(day, precision) | {"standing": standing})
    await conn.execute(queries.finish_evaluation, _sums(day, sum(found.values(), Precision())))
    return 1


def _rule(tally: Tally) -> Rule:
    return tally.rule


def _sums(day: date, precision: Precision) -> dict[str, object]:
    return {
        "day": day, "right": precision.right, "counted": precision.counted, "not_inspected": precision.not_inspected,
    }  # fmt: skip
