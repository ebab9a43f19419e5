"""A16: one sample in 10,000 that cannot be stored costs itself only, is kept with its reason, and is counted."""

import time

import psycopg
from prometheus_client import REGISTRY

from tests.ingest_service.gateway_double import gateway, ingest
from tests.ingest_service.ingest_parts import column

SAMPLES, TAGS, POISON = 10_000, 50, 4_711


def counted(reason: str) -> float:
    return REGISTRY.get_sample_value("linewright_ingest_quarantined_samples_total", {"reason": reason}) or 0.0


def poisoned():
    """All of now, but one of 1970."""
    base_ns = time.time_ns() - SAMPLES * 1000
    times_ns = [base_ns + place * 1000 for place in range(SAMPLES)]
    times_ns[POISON] = 0
    return column([float(place) for place in range(SAMPLES)], aliases=[place % TAGS for place in range(SAMPLES)],
                  times_ns=times_ns)  # fmt: skip


async def test_one_in_ten_thousand_is_set_aside_with_its_reason_and_counted(broker, database, tenant):
    async with ingest(broker, database), gateway(broker) as gw:
        before = counted("impossible_time")
        await gw.publish_catalog()
        gw.add(1, poisoned())
        await gw.deliver()
    with psycopg.connect(database.dsn("owner")) as connection:
        stored = connection.execute(
            "SELECT count(*), count(DISTINCT value), sum(value) FROM telemetry.stored"
        ).fetchone()
        aside = connection.execute("SELECT value::float8, time_ns, reason FROM telemetry.quarantine").fetchall()
    assert stored == (SAMPLES - 1, SAMPLES - 1, SAMPLES * (SAMPLES - 1) / 2 - POISON)
    assert aside == [(float(POISON), 0, "impossible_time")]
    assert counted("impossible_time") == before + 1
