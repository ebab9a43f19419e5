"""Reading back: spikes survive, bad stretches are intervals, a foreign tenant sees nothing, points stay few."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import numpy as np
import psycopg
import pytest

from database.pool import open_pool, tenant_transaction, transaction
from ingest_service.history import history, latest, step_s
from ingest_service.rows import prepare
from ingest_service.series_map import SeriesMap
from ingest_service.writer import write
from protocols.sample import GOOD, Reason, ValueKind, bad
from tests.ingest_service.ingest_parts import column, delivery, payload

SINCE = datetime(2026, 11, 1, 8, tzinfo=UTC)
START_NS = int(SINCE.timestamp()) * 10**9


async def store(database, tenant, *columns) -> SeriesMap:
    """Write columns as a gateway of the tenant would; alias 0 is vibration, 1 flow, 2 state (text)."""
    names = [("pump-1", "vibration"), ("pump-1", "flow"), ("press-1", "state")]
    series = SeriesMap.of({alias: tenant.series[name] for alias, name in enumerate(names)})
    one = delivery(payload(*columns, run=uuid4(), seq=1), gateway_id=tenant.gateways["gw-1"], series=series)
    with psycopg.connect(database.dsn("owner")) as connection:
        [now_s] = connection.execute("SELECT extract(epoch FROM now())::float8").fetchone()
    async with open_pool(database.settings("lw_ingest")) as pool, transaction(pool) as connection:
        await write(connection, prepare([one], round(now_s * 1e9)))
    return series


async def read(database, tenant_id, *question, **more):
    async with open_pool(database.settings("lw_app")) as pool, tenant_transaction(pool, tenant_id) as connection:
        return await history(connection, *question, **more)


@pytest.mark.parametrize(
    ("span", "points", "step"),
    [
        (timedelta(minutes=1), 400, 1), (timedelta(hours=1), 400, 10), (timedelta(days=1), 400, 300),
        (timedelta(days=365), 400, 86400), (timedelta(days=3650), 400, 10 * 86400), (timedelta(0), 400, 1),
    ],
)  # fmt: skip
def test_the_finest_readable_step_is_taken(span, points, step):
    assert step_s(SINCE, SINCE + span, points) == step


async def test_a_spike_survives_and_points_stay_few(database, tenant):
    n = 20_000
    values = np.sin(np.arange(n) / 500)
    values[12_345] = 99.0
    times = START_NS + np.arange(n, dtype=np.int64) * 10**9
    series = await store(database, tenant, column(values.tolist(), aliases=np.zeros(n), times_ns=times))
    vibration = int(series.table[0])
    until = SINCE + timedelta(seconds=n)
    told = await read(database, tenant.tenant_id, [vibration], SINCE, until, points=300)
    one = told.series[vibration]
    assert told.resolution_s == 120
    assert 2 <= len(one.time_ms) <= 300
    assert one.high.max() == 99.0
    peak = int(one.high.argmax())
    assert one.time_ms[peak] <= SINCE.timestamp() * 1000 + 12_345_000 < one.time_ms[peak] + 120_000
    first = values[:120]
    assert (one.mean[0], one.low[0], one.high[0]) == pytest.approx((first.mean(), first.min(), first.max()))
    assert one.bad == ()


async def test_few_samples_come_as_they_are_and_bad_stretches_with_their_reasons(database, tenant):
    codes = [GOOD, bad(Reason.TIMEOUT), bad(Reason.TIMEOUT), bad(Reason.STALE), GOOD, bad(Reason.RESTART_GAP)]
    times = [START_NS + n * 10**9 for n in range(6)]
    numbers = column([1.0, 0, 0, 0, 5.0, 0], aliases=[0] * 6, times_ns=times, codes=codes)
    flow = column([7.0], aliases=[1], times_ns=[START_NS])
    texts = column(["run", "", "idle"], kind=ValueKind.TEXT, aliases=[2] * 3, times_ns=times[:3], codes=[0, 0x0202, 0])
    ids = (await store(database, tenant, numbers, flow, texts)).table.tolist()
    told = await read(database, tenant.tenant_id, ids, SINCE, SINCE + timedelta(seconds=60))
    start_ms = START_NS / 1e6
    vibration, pump_flow, state = (told.series[series_id] for series_id in ids)
    assert told.resolution_s == 0
    assert vibration.time_ms.tolist() == [start_ms, start_ms + 4000]
    assert vibration.mean.tolist() == vibration.low.tolist() == vibration.high.tolist() == [1.0, 5.0]
    assert vibration.bad == (
        (start_ms + 1000, start_ms + 3000, "timeout"),
        (start_ms + 3000, start_ms + 4000, "stale"),
        (start_ms + 5000, start_ms + 60_000, "restart_gap"),
    )
    assert pump_flow.bad == ()
    assert len(state.mean) == 0
    assert state.bad == ((start_ms + 1000, start_ms + 2000, "disconnected"),)


async def test_latest_is_by_source_time_and_knows_texts_and_bad_values(database, tenant):
    now_ns = int(datetime.now(UTC).timestamp() * 1e9)
    numbers = column(
        [1.0, 2.0, 3.0],
        aliases=[0, 0, 1],
        times_ns=[now_ns - 10**9, now_ns - 2 * 10**9, now_ns - 10**9],
        codes=[0, 0, bad(Reason.TIMEOUT)],
    )
    texts = column(["run", "idle"], kind=ValueKind.TEXT, aliases=[2, 2], times_ns=[now_ns - 10**9, now_ns])
    ids = (await store(database, tenant, numbers, texts)).table.tolist()
    async with open_pool(database.settings("lw_app")) as pool:
        async with tenant_transaction(pool, tenant.tenant_id) as connection:
            told = await latest(connection, ids)
            assert [(told[one].value, told[one].code) for one in ids] == [(1.0, 0), (None, 0x0201), ("idle", 0)]
            assert await latest(connection, ids, timedelta(milliseconds=1)) == {}
        async with tenant_transaction(pool, uuid4()) as connection:
            assert await latest(connection, ids) == {}


async def test_another_tenant_sees_an_empty_period(database, tenant):
    ids = (await store(database, tenant, column([1.0], aliases=[0], times_ns=[START_NS]))).table.tolist()
    told = await read(database, uuid4(), ids, SINCE, SINCE + timedelta(hours=1))
    assert all(len(one.mean) == 0 for one in told.series.values())
