"""What a case costs, over HTTP, from samples that ingest could have written."""

from datetime import UTC, datetime, timedelta

import numpy as np
import psycopg
import pytest

from tests.api.test_loop import get
from tests.api.test_machines import store_samples

NOW = datetime.now(UTC)
ONSET = NOW - timedelta(days=2)
MORE_KW = 3.0


@pytest.fixture
def measured(database, ours):
    """Nine days of power and flow; since the onset the same flow takes 3 kW more."""
    with psycopg.connect(database.dsn("owner")) as conn:
        conn.execute("SELECT set_config('app.tenant', %s, true)", [str(ours.tenant_id)])
        conn.execute("UPDATE alarm.alarm SET onset_at = %s WHERE id = %s", [ONSET, ours.alarm])
        (power,) = conn.execute(
            "INSERT INTO registry.tag (tenant_id, machine_id, slug, name, unit, kind) "
            "VALUES (%s, %s, 'power', 'Power', 'kW', 'float') RETURNING series_id",
            [ours.tenant_id, ours.machine],
        ).fetchone()
    rng = np.random.default_rng(0)
    rows = []
    for step in range(9 * 144):
        at = NOW - timedelta(minutes=10 * step)
        flow = float(rng.uniform(100, 300)) if at.hour >= 12 else 0.0
        kw = 8.0 + 0.1 * flow + (MORE_KW if at >= ONSET and flow else 0.0) + float(rng.normal(0, 0.3))
        rows += [(ours.series["flow"], at, flow, 0), (power, at, kw, 0)]
    store_samples(database, rows)


async def test_the_case_costs_what_it_costs(client, ours, measured, app):
    found = await get(client, ours, f"/alarms/{ours.alarm}/cost")
    assert (found["result"], found["reason"]) == ("estimated", "power for the same output")
    assert found["excess_kw"] == pytest.approx(MORE_KW, abs=0.3)
    assert found["lower_kw"] < found["excess_kw"] < found["upper_kw"]
    assert found["kwh_per_week"] == pytest.approx(MORE_KW * 84, rel=0.15)
    assert (found["per_week"], found["currency"]) == (None, None)
    priced = app.state.api.settings.model_copy(update={"energy_price": 0.8, "currency": "EUR"})
    object.__setattr__(app.state.api, "settings", priced)
    found = await get(client, ours, f"/alarms/{ours.alarm}/cost")
    assert (found["per_week"], found["currency"]) == (pytest.approx(0.8 * found["kwh_per_week"]), "EUR")


async def test_a_machine_without_power_is_said(client, ours):
    found = await get(client, ours, f"/alarms/{ours.alarm}/cost")
    assert (found["result"], found["per_week"]) == ("unknown", None)
    assert found["reason"] == "0 tags of this machine have a unit of power; one is needed"
