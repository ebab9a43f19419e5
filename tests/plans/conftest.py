"""A database with many series, packs, partitions, texts and batches, in which one question needs very little."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from uuid import UUID, uuid4

import psycopg
import pytest

from database.embedded import DATABASE

SERIES = 200
HOURS = 48
RUNS = 30
BATCHES = 300

_PACKS = """
INSERT INTO telemetry.pack (t0, t1, last_at, total, low, high, last, step_us, origin, divisor, series_id, n, bad, code)
SELECT hour, hour + '3590 s', hour + '3590 s', 17820, 0, 99, 59, 10000000, 0, 1, series_id, 360, 0,
       (SELECT array_agg((i %% 100)::int2) FROM generate_series(0, 359) i)
FROM generate_series(1, %(series)s) series_id,
     generate_series(%(first)s, %(first)s + interval '1 hour' * (%(hours)s - 1), '1 hour') hour
"""
_HOT = """
INSERT INTO telemetry.sample (time, value, series_id, arrived, quality)
SELECT %(until)s - (150 - i) * interval '4 s', i, series_id, %(arrived)s, 0
FROM generate_series(1, %(series)s - 50) series_id, generate_series(1, 150) i ORDER BY series_id, i
"""
# Half an hour of one series in which nothing was measured.
_BAD = """
UPDATE telemetry.pack SET n = 180, bad = 180, code = code[1:180] || array_fill(NULL::int2, ARRAY[180]),
  quality = array_fill(0::int2, ARRAY[180]) || array_fill(513::int2, ARRAY[180])
WHERE series_id = 5 AND t0 = %(first)s + interval '4 hours'
"""
_TEXTS = """
INSERT INTO telemetry.text_sample (series_id, time, value, quality)
SELECT series_id, %(first)s + i * interval '1 minute', 'state ' || i, 0
FROM generate_series(1, %(series)s, 10) series_id, generate_series(0, 2879) i ORDER BY i
"""
_LEDGER = """
INSERT INTO telemetry.ledger (gateway_id, run_id, committed)
SELECT gateway, gen_random_uuid(), '{[1,150),[151,301)}'
FROM unnest(%(gateways)s::uuid[]) gateway, generate_series(1, %(runs)s) run
"""
_BATCHES = """
INSERT INTO telemetry.batch (gateway_id, run_id, seq, sha256, samples)
SELECT gateway_id, run_id, seq, '\\x00', 100 FROM telemetry.ledger, generate_series(1, %(batches)s) seq WHERE seq <> 150
"""


class Site(NamedTuple):
    """Where the questions are asked."""

    dsn: str
    tenant: UUID
    gateway: UUID
    first: datetime  # packs and texts begin here
    hot_until: datetime  # and hot rows end here
    packed: frozenset[str]  # partitions whose rows are in packs already


@pytest.fixture(scope="module")
def site(postgres) -> Iterator[Site]:
    """Made once for all questions; none of them leaves a change."""
    name = f"plans_{uuid4().hex[:8]}"
    with psycopg.connect(postgres.dsn("owner", "postgres"), autocommit=True) as server:
        server.execute(f"CREATE DATABASE {name} TEMPLATE {DATABASE} STRATEGY FILE_COPY")
        yield _filled(postgres.dsn("owner", name))
        server.execute(f"DROP DATABASE {name} WITH (FORCE)")


def _filled(dsn: str) -> Site:
    now = datetime.now(UTC).replace(second=0, microsecond=0)
    first = now.replace(minute=0) - timedelta(hours=HOURS)
    with psycopg.connect(dsn, autocommit=True) as connection:
        tenants = [_tenant(connection, slug) for slug in ("ours", "theirs")]
        connection.execute(_PACKS, {"series": SERIES, "first": first, "hours": HOURS})
        connection.execute(_BAD, {"first": first})
        parts = connection.execute("SELECT part::text, first FROM telemetry.hot_parts() ORDER BY 2 LIMIT 4").fetchall()
        for _, arrived in parts:
            connection.execute(_HOT, {"series": SERIES, "until": now, "arrived": arrived})
        connection.execute(
            "UPDATE telemetry.packing SET closed_until = %(at)s, packed_until = %(at)s", {"at": parts[2][1]}
        )
        connection.execute(_TEXTS, {"series": SERIES, "first": first})
        gateways = [_gateway(connection, tenants[0], f"gw-{n}") for n in range(5)]
        connection.execute(_LEDGER, {"gateways": gateways, "runs": RUNS})
        connection.execute(_BATCHES, {"batches": BATCHES})
        # Of a table of four pages nobody reads an index.
        connection.execute(_LEDGER, {"gateways": [uuid4() for _ in range(200)], "runs": RUNS})
        connection.execute("SELECT telemetry.summarize()")
        for table in ("pack", "text_sample", "ledger", "batch"):
            connection.execute(f"VACUUM ANALYZE telemetry.{table}")  # as autovacuum would
        connection.execute("VACUUM ANALYZE registry.visible_tag")
    packed = frozenset(part.split(".")[-1].strip('"') for part, _ in parts[:2])
    return Site(dsn, tenants[0], gateways[0], first, now, packed)


def _gateway(connection: psycopg.Connection, tenant: UUID, slug: str) -> UUID:
    connection.execute("SELECT set_config('app.tenant', %s, false)", [str(tenant)])
    statement = "INSERT INTO registry.gateway (tenant_id, slug, name) VALUES (%s, %s, %s) RETURNING id"
    return connection.execute(statement, [tenant, slug, slug]).fetchone()[0]


def _tenant(connection: psycopg.Connection, slug: str) -> UUID:
    """A tenant that sees every series, and as many more that have no samples."""
    tenant = uuid4()
    connection.execute("SELECT set_config('app.tenant', %s, false)", [str(tenant)])
    connection.execute("INSERT INTO registry.tenant (tenant_id, slug, name) VALUES (%s, %s, %s)", [tenant, slug, slug])
    connection.execute(
        "INSERT INTO registry.visible_tag (tenant_id, series_id) SELECT %s, generate_series(1, 20000)", [tenant]
    )
    return tenant
