"""Three years of alarms and verdicts: what is asked at every alarm and every night is read by index."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from uuid import UUID, uuid4

import psycopg
import pytest

from anomaly.flood import store as flood
from anomaly.loop import nightly, pattern_store, standings
from anomaly.loop.records import Rule
from anomaly.records import Case
from anomaly.suppression import reasons, stops
from database.embedded import DATABASE
from database.pool import Connection, set_tenant
from tests.plans.explained import Work, explained

ALARMS = 40_000
MACHINES = 200
_PLANT = """
INSERT INTO registry.machine (id, tenant_id, slug, name)
SELECT gen_random_uuid(), %(tenant)s, 'm-' || i, 'M ' || i FROM generate_series(1, %(machines)s) i;
"""
_ALARMS = """
WITH m AS (SELECT array_agg(id ORDER BY slug) ids FROM registry.machine WHERE tenant_id = %(tenant)s)
INSERT INTO alarm.alarm (id, tenant_id, machine_id, cause, class, source, model_version, priority, onset_at, raised_at,
                         cleared_at, active, suppression, suppressed_by, suppressed_by_id, score, contributions)
SELECT gen_random_uuid(), %(tenant)s, m.ids[1 + i %% %(machines)s], 'cause-' || i %% 7, 'machine',
       CASE WHEN i %% 3 = 0 THEN 'limit' ELSE 'statistical' END, 'v-1', 'high', at, at,
       at + interval '5 minutes', false,
       CASE WHEN i %% 9 = 0 THEN 'by_design' WHEN i %% 11 = 0 THEN 'shelved' ELSE 'none' END,
       CASE WHEN i %% 9 = 0 THEN 'pattern' END, CASE WHEN i %% 9 = 0 THEN gen_random_uuid() END, 1.5, '[]'
FROM m, generate_series(1, %(alarms)s) i, LATERAL (SELECT now() - i * interval '39 minutes' AS at) moment
"""
_LABELS = """
INSERT INTO alarm.label (tenant_id, alarm_id, verdict, by_id, at, machine_id, machine_class, source, model_version,
                         cause, class)
SELECT tenant_id, id, 'confirmed_incipient', id, raised_at, machine_id, 'pump', source, model_version, cause, class
FROM alarm.alarm WHERE tenant_id = %(tenant)s
"""
_PATTERNS = """
INSERT INTO alarm.false_pattern (tenant_id, alarm_id, machine_id, cause, tags, shares, score, created_at,
                                 expires_at)
SELECT tenant_id, id, machine_id, cause, '{a}', '{1}', 1.5, raised_at, raised_at + interval '30 days'
FROM alarm.alarm WHERE tenant_id = %(tenant)s AND source = 'statistical'
"""
_STOPS = """
INSERT INTO alarm.planned_stop (id, tenant_id, machine_id, starts_at, ends_at, reason, by_id)
SELECT gen_random_uuid(), tenant_id, machine_id, raised_at, raised_at + interval '1 hour', 'x', id
FROM alarm.alarm WHERE tenant_id = %(tenant)s AND abs(hashtext(id::text)) %% 8 = 0
"""
_DEPENDENCIES = """
INSERT INTO registry.dependency (tenant_id, machine_id, parent_id)
SELECT tenant_id, id, (SELECT id FROM registry.machine WHERE tenant_id = %(tenant)s AND slug = 'm-1')
FROM registry.machine WHERE tenant_id = %(tenant)s AND slug <> 'm-1'
"""


class Site(NamedTuple):
    """Where the questions are asked."""

    dsn: str
    tenant: UUID
    machine: UUID
    parent: UUID


@pytest.fixture(scope="module")
def site(postgres) -> Iterator[Site]:
    name = f"loop_{uuid4().hex[:8]}"
    with psycopg.connect(postgres.dsn("owner", "postgres"), autocommit=True) as server:
        server.execute(f"CREATE DATABASE {name} TEMPLATE {DATABASE} STRATEGY FILE_COPY")
        yield _filled(postgres.dsn("owner", name))
        server.execute(f"DROP DATABASE {name} WITH (FORCE)")


def _filled(dsn: str) -> Site:
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("SET session_replication_role = replica")
        tenants = [uuid4(), uuid4()]
        for tenant in tenants:
            values = {"tenant": tenant, "machines": MACHINES, "alarms": ALARMS}
            connection.execute("INSERT INTO registry.tenant (tenant_id, slug, name) VALUES (%s, %s, 'x')",
                               [tenant, str(tenant)])  # fmt: skip
            for statement in (_PLANT, _ALARMS, _LABELS, _PATTERNS, _STOPS, _DEPENDENCIES):
                connection.execute(statement, values)
        for table in ("alarm.alarm", "alarm.label", "alarm.false_pattern", "alarm.planned_stop", "registry.dependency"):
            connection.execute(f"VACUUM ANALYZE {table}")
        found = connection.execute(
            "SELECT id FROM registry.machine WHERE tenant_id = %s AND slug IN ('m-1', 'm-77') ORDER BY slug",
            [tenants[0]],
        )
        (parent,), (machine,) = found.fetchall()
        return Site(dsn, tenants[0], machine, parent)


def _case(source: str = "statistical") -> Case:
    onset_ns = round((datetime.now(UTC) - timedelta(days=40)).timestamp()) * 1_000_000_000
    return Case("cause-3", source, "high", onset_ns, 1.5, (("b", 1.0),))


async def newest(conn: Connection, _: Site) -> None:
    await standings.review(conn, Rule("statistical", "v-1", "cause-3", "pump"))


async def quarter(conn: Connection, _: Site) -> None:
    await nightly.tallies(conn, datetime.now(UTC) - timedelta(days=20))


async def silent(conn: Connection, site: Site) -> None:
    await reasons.find(conn, site.machine, _case())


async def below(conn: Connection, site: Site) -> None:
    await reasons.children(conn, site.parent, "cause-3", datetime.now(UTC))


async def over(conn: Connection, _: Site) -> None:
    await reasons.over(conn)
    await reasons.grown_up(conn)


async def day(conn: Connection, _: Site) -> None:
    now = datetime.now(UTC)
    await flood.load(conn, now - timedelta(days=1), now)


async def pages(conn: Connection, _: Site) -> None:
    before = datetime.now(UTC) - timedelta(days=100)
    await pattern_store.list_patterns(conn, (before, uuid4()), 5)
    await stops.list_stops(conn, (before, uuid4()), 5)


class Question(NamedTuple):
    """A call, the role that asks, the most pages it is worth, and the index it cannot do without."""

    ask: Callable[[Connection, Site], Awaitable[None]]
    role: str
    pages_most: int
    without: str


QUESTIONS = {
    "the newest verdicts of a rule": Question(newest, "lw_worker", 300, "label_by_rule"),
    "verdicts of twenty days": Question(quarter, "lw_worker", 100, "label_by_time"),
    "what silences a case": Question(silent, "lw_worker", 300, "planned_stop_by_machine"),
    "what explains a case": Question(silent, "lw_worker", 300, "alarm_by_onset"),
    "what a case explains": Question(
        below, "lw_worker", 800, "alarm_one_case, alarm.alarm_by_onset, alarm.alarm_by_machine"
    ),
    "whose silence is over": Question(over, "lw_worker", 100, "alarm_one_case"),
    "the alarms of a day": Question(day, "lw_app", 400, "alarm_by_time"),
    "pages of patterns and stops": Question(pages, "lw_app", 200, "false_pattern_by_time"),
}


@pytest.fixture
async def asking(site: Site) -> AsyncIterator[Connection]:
    async with await psycopg.AsyncConnection.connect(site.dsn) as connection:
        await set_tenant(connection, site.tenant)
        yield connection
        await connection.rollback()


async def follow(question: Question, site: Site, connection: Connection) -> Work:
    async with explained(connection) as work:
        await connection.execute(f"SET LOCAL ROLE {question.role}")
        await question.ask(connection, site)
        await connection.execute("RESET ROLE")
    return work


def faults(question: Question, work: Work) -> list[str]:
    found = [str(scan) for scan in work.needless()]
    return found + ([f"{work.pages} pages of {work.scans}"] if work.pages > question.pages_most else [])


@pytest.mark.parametrize("name", QUESTIONS)
async def test_nothing_is_read_without_need(name, site, asking):
    assert faults(QUESTIONS[name], await follow(QUESTIONS[name], site, asking)) == []


@pytest.mark.parametrize("name", QUESTIONS)
async def test_without_its_index_the_look_finds_it(name, site, asking):
    await asking.execute(f"DROP INDEX alarm.{QUESTIONS[name].without}")
    assert faults(QUESTIONS[name], await follow(QUESTIONS[name], site, asking)) != []
