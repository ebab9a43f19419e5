"""Whether a repair helped, over HTTP, from samples that ingest could have written."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import numpy as np
import psycopg
import pytest

from tests.api.test_machines import store_samples

HOUR = timedelta(hours=1)
NOW = datetime.now(UTC)
ONSET, BEGUN, DONE = NOW - 60 * HOUR, NOW - 32 * HOUR, NOW - 30 * HOUR


@pytest.fixture
def repaired(database, ours):
    """An order that was made by the alarm and is done."""
    order = uuid4()
    with psycopg.connect(database.dsn("owner")) as conn:
        conn.execute("SELECT set_config('app.tenant', %s, true)", [str(ours.tenant_id)])
        conn.execute("UPDATE alarm.alarm SET onset_at = %s WHERE id = %s", [ONSET, ours.alarm])
        conn.execute(
            "INSERT INTO work.work_order (id, tenant_id, no, machine_id, type, priority, state, title, source, "
            "source_id, reported_at, arrived_at, completed_at) "
            "VALUES (%s, %s, 99, %s, 'corrective', 'high', 'DONE', 'x', 'alarm', %s, %s, %s, %s)",
            [order, ours.tenant_id, ours.machine, ours.alarm, ONSET, BEGUN, DONE],
        )
    return order


def vibrate(database, ours, after, until=NOW):
    """Five minutes between two samples: ordinary 2.0, faulty 6.0, then `after`."""
    rng = np.random.default_rng(0)
    rows, at = [], ONSET - 26 * HOUR
    while at < until:
        level = 2.0 if at < ONSET else 6.0 if at < DONE else after
        rows.append((ours.series["vibration"], at, level + float(rng.normal(0, 0.2)), 0))
        at += timedelta(minutes=5)
    store_samples(database, rows)


async def effect(client, ours, order):
    answer = await client.get(f"/api/v1/orders/{order}/effect", headers=ours.bearer("operator"))
    assert answer.status_code == 200, answer.text
    return answer.json()


@pytest.mark.parametrize(("after", "result"), [(2.0, "improved"), (6.0, "same"), (9.0, "worse")])
async def test_it_says_what_the_repair_did(client, ours, repaired, database, after, result):
    vibrate(database, ours, after)
    found = await effect(client, ours, repaired)
    assert found["result"] == result, found
    assert found["lower"] <= found["shift"] <= found["upper"]
    assert f"{found['before']:.1f} scales from ordinary before" in found["reason"]


async def test_before_anything_was_measured_it_is_too_early(client, ours, repaired, database):
    vibrate(database, ours, 2.0, until=DONE)
    assert (await effect(client, ours, repaired))["result"] == "too_early"


async def test_an_order_without_an_alarm_is_not_checked(client, ours):
    body = {"id": str(uuid4()), "machine_id": str(ours.machine), "title": "x", "type": "inspection", "priority": "low"}
    await client.post("/api/v1/orders", json=body, headers=ours.bearer("planner"))
    found = await effect(client, ours, body["id"])
    assert (found["result"], found["reason"]) == ("not_checked", "no alarm made this order")
