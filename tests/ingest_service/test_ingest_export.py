"""What leaves is what is stored: every row once, in order, in a form that spreadsheets and programs read back."""

import contextlib
import csv
import io
import sys
from datetime import UTC, datetime, timedelta
from functools import partial
from uuid import uuid4

import numpy as np
import psycopg
import pytest

from database.pool import open_pool, tenant_transaction
from ingest_service import export
from ingest_service.export import NoLongerThere, ParquetMissing, Resolution, Source, Wanted
from ingest_service.export import pages as paging
from ingest_service.export.planning import WINDOW_ROWS, joined
from protocols.sample import Reason, bad
from tests.ingest_service.history_parts import add_hot, add_packs, add_texts, steps_of, truth

DAY = datetime(2026, 10, 1, tzinfo=UTC)
MANY = 1_000_000


@pytest.fixture
async def opened(database, tenant):
    """A function that opens transactions of the tenant, as the API does."""
    async with open_pool(database.settings("lw_app")) as pool:
        yield partial(tenant_transaction, pool, tenant.tenant_id)


def source(tenant, machine, tag, unit="", kind="float"):
    return Source(tenant.series[machine, tag], machine, tag, unit, kind)


async def exported(opened, wanted, form="csv", **more) -> bytes:
    async with opened() as connection:
        planned = await export.plan(connection, wanted, MANY)
    written = export.table(form, wanted.resolution, **more)
    return b"".join([part async for part in export.stream(planned, opened, written)])


def read_csv(data: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(data.decode(), newline="")))


async def test_every_sample_of_packs_and_hot_rows_leaves_once_and_in_order(database, tenant, opened):
    n = 45_000
    codes = np.where(np.arange(n) % 1000 < 3, bad(Reason.TIMEOUT), 0)
    codes[500] = 0x0107
    flow = truth(tenant.series["pump-1", "flow"], DAY, 1.5, np.random.default_rng(1).normal(size=n), codes)
    add_packs(database, flow.at(slice(None, 40_000)))
    add_hot(database, flow.at(slice(40_000, None)))
    since, until = DAY + timedelta(seconds=15), DAY + timedelta(hours=18)
    data = await exported(opened, Wanted((source(tenant, "pump-1", "flow", "m³/h"),), since, until))
    inside = flow.at((flow.time_us >= since.timestamp() * 1e6) & (flow.time_us < until.timestamp() * 1e6))
    rows = read_csv(data)
    assert len(rows) == len(inside.code) == 43_190
    assert [round(float(row["time_ms"]) * 1000) for row in rows] == inside.time_us.tolist()
    values = [float(row["value"]) if row["value"] else None for row in rows]
    assert values == [value if good else None for value, good in zip(inside.value, inside.good, strict=True)]
    assert {(row["machine"], row["tag"], row["unit"], row["text"]) for row in rows} == {("pump-1", "flow", "m³/h", "")}
    told = {(row["quality"], row["reason"]) for row in rows}
    assert told == {("good", "none"), ("bad", "timeout"), ("uncertain", "clamped")}
    assert rows[0]["time"] == "2026-10-01T00:00:15.000Z"


async def test_a_window_is_read_in_pages_and_samples_of_one_time_stay_together(database, tenant, opened, monkeypatch):
    monkeypatch.setattr(paging, "_PAGE_ROWS", 7)
    flow, state = tenant.series["pump-1", "flow"], tenant.series["press-1", "state"]
    twice = truth(flow, DAY, 1, range(40))
    add_packs(database, twice, twice._replace(value=twice.value + 100))
    add_texts(database, state, [(DAY + timedelta(seconds=n // 3), f"{n}", 0) for n in range(60)])
    sources = (source(tenant, "press-1", "state", kind="text"), source(tenant, "pump-1", "flow", kind="int"))
    rows = read_csv(await exported(opened, Wanted(sources, DAY, DAY + timedelta(hours=1))))
    texts, numbers = rows[:60], rows[60:]
    assert sorted(int(row["text"]) for row in texts) == list(range(60))
    assert sorted(int(row["value"]) for row in numbers) == [*range(40), *range(100, 140)]
    for part in (texts, numbers):
        assert [row["time"] for row in part] == sorted(row["time"] for row in part)


async def test_texts_are_quoted_and_harmless_in_excel(database, tenant, opened):
    texts = ['say "stop", now', "zwei\nZeilen", "=1+1", "停机"]
    add_texts(
        database,
        tenant.series["press-1", "state"],
        [(DAY + timedelta(microseconds=i), t, 0) for i, t in enumerate(texts)],
    )
    wanted = Wanted((source(tenant, "press-1", "state", "@", "text"),), DAY, DAY + timedelta(seconds=1))
    plain = await exported(opened, wanted)
    assert plain.startswith(b"machine,tag,unit,time,time_ms,value,text,quality,reason\r\n")
    assert plain.count(b"\r\n") == 5
    assert [row["text"] for row in read_csv(plain)] == texts
    assert [row["time"] for row in read_csv(plain)][:2] == ["2026-10-01T00:00:00.000Z", "2026-10-01T00:00:00.000001Z"]
    assert read_csv(plain)[1]["time_ms"] == "1790812800000.001"
    excel = await exported(opened, wanted, excel=True)
    assert excel.startswith(b"\xef\xbb\xbfmachine")
    rows = read_csv(excel[3:])
    assert [row["text"] for row in rows] == [*texts[:2], "'=1+1", texts[3]]
    assert {row["unit"] for row in rows} == {"'@"}


@pytest.mark.parametrize(
    ("resolution", "step_s"), [(Resolution.MINUTE, 60), (Resolution.HOUR, 3600), (Resolution.DAY, 86400)]
)
async def test_steps_leave_with_counts_and_extremes(database, tenant, opened, monkeypatch, resolution, step_s):
    monkeypatch.setattr("ingest_service.export.planning.WINDOW_ROWS", 50)
    codes = np.where(np.arange(3000) % 100 == 7, bad(Reason.STALE), 0)
    flow = truth(tenant.series["pump-1", "flow"], DAY, 20, np.arange(3000) % 77, codes)
    add_packs(database, flow)
    wanted = Wanted((source(tenant, "pump-1", "flow"),), DAY, DAY + timedelta(days=2), resolution)
    rows = read_csv(await exported(opened, wanted))
    shown = {float(row["time_ms"]): tuple(float(row[name]) for name in ("mean", "min", "max")) for row in rows}
    expected = steps_of(flow, step_s)
    assert len(rows) == len(expected)
    assert shown == {at: pytest.approx(step) for at, step in expected.items()}
    assert sum(int(row["n"]) for row in rows) == flow.good.sum()
    assert sum(int(row["bad"]) for row in rows) == 30
    assert float(rows[-1]["last"]) == flow.value[-1]


async def test_parquet_holds_the_same(database, tenant, opened):
    parquet = pytest.importorskip("pyarrow.parquet", reason="needs the extra `parquet`")
    codes = np.where(np.arange(45_000) == 3, bad(Reason.STALE), 0)
    flow = truth(tenant.series["pump-1", "flow"], DAY, 1, np.arange(45_000) / 8, codes)
    add_packs(database, flow)
    add_texts(
        database,
        tenant.series["press-1", "state"],
        [(DAY, "run", 0), (DAY + timedelta(seconds=1), None, bad(Reason.STALE))],
    )
    sources = (source(tenant, "pump-1", "flow", "m³/h"), source(tenant, "press-1", "state", kind="text"))
    data = await exported(opened, Wanted(sources, DAY, DAY + timedelta(days=1)), "parquet")
    file = parquet.ParquetFile(io.BytesIO(data))
    assert file.metadata.num_row_groups >= 3
    table = file.read().to_pydict()
    assert len(table["time"]) == 45_002
    assert table["time"][:2] == [DAY, DAY + timedelta(seconds=1)]
    assert table["value"][:5] == [0.0, 0.125, 0.25, None, 0.5]
    assert table["text"][-2:] == ["run", None]
    assert table["reason"][3] == table["reason"][-1] == "stale"
    steps = Wanted(sources[:1], DAY, DAY + timedelta(days=1), Resolution.HOUR)
    hours = parquet.ParquetFile(io.BytesIO(await exported(opened, steps, "parquet"))).read().to_pydict()
    assert hours["n"] == [3599, *[3600] * 11, 1800]
    assert hours["max"][0] == 3599 / 8


def test_without_pyarrow_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(ParquetMissing, match=r"pip install 'linewright\[parquet\]'"):
        export.table("parquet", Resolution.RAW)


async def test_the_plan_counts_before_anything_leaves(database, tenant, opened):
    flow, state = tenant.series["pump-1", "flow"], tenant.series["press-1", "state"]
    add_packs(database, truth(flow, DAY, 1, range(30_000)), truth(flow, DAY + timedelta(days=90), 1, range(30_000)))
    add_texts(database, state, [(DAY + timedelta(seconds=n), "x", 0) for n in range(200)])
    wanted = Wanted(
        (source(tenant, "pump-1", "flow"), source(tenant, "press-1", "state", kind="text")),
        DAY,
        DAY + timedelta(days=120),
    )
    async with opened() as connection:
        planned = await export.plan(connection, wanted, MANY)
        assert planned.rows == 60_200
        assert [window.rows for window in planned.windows] == [30_000, 30_000, 200]
        assert (await export.plan(connection, wanted, 100)).rows == 60_101


def test_neighbours_are_joined_up_to_a_window():
    hour = timedelta(hours=1)
    counts = [(DAY, 15_000), (DAY + hour, 5_000), (DAY + 2 * hour, 1), (DAY + 30 * hour, 50_000), (DAY + 31 * hour, 2)]
    parts = joined(counts, hour)
    assert [(since - DAY, until - DAY, rows) for since, until, rows in parts] == [
        (0 * hour, 2 * hour, WINDOW_ROWS),
        (2 * hour, 3 * hour, 1),
        (30 * hour, 31 * hour, 50_000),
        (31 * hour, 32 * hour, 2),
    ]


def share(database, guest, series, until) -> None:
    """Let another tenant see a series up to `until`; none at all: take it back."""
    with psycopg.connect(database.dsn("owner")) as owner:
        owner.execute("SELECT set_config('app.tenant', %s, true)", [str(guest)])
        owner.execute("INSERT INTO registry.tenant VALUES (%s, 'guest', 'Guest') ON CONFLICT DO NOTHING", [guest])
        owner.execute("DELETE FROM registry.visible_tag")
        if until:
            owner.execute("INSERT INTO registry.visible_tag VALUES (%s, %s, %s, %s)", [guest, series, DAY, until])


async def test_what_is_not_shared_does_not_leave_and_a_right_that_ends_breaks_the_stream(database, tenant):
    flow, guest = source(tenant, "pump-1", "flow"), uuid4()
    add_packs(database, truth(flow.series_id, DAY, 1, range(60_000)))
    wanted = Wanted((flow,), DAY - timedelta(days=1), DAY + timedelta(days=1))
    share(database, guest, flow.series_id, DAY + timedelta(hours=12))
    async with open_pool(database.settings("lw_app")) as pool:
        opened = partial(tenant_transaction, pool, guest)
        assert len(read_csv(await exported(opened, wanted))) == 12 * 3600
        async with opened() as connection:
            planned = await export.plan(connection, wanted, MANY)
        async with contextlib.aclosing(export.stream(planned, opened, export.table("csv", Resolution.RAW))) as parts:
            assert len([await anext(parts), await anext(parts)]) == 2
            share(database, guest, flow.series_id, None)
            with pytest.raises(NoLongerThere, match="pump-1 flow"):
                await anext(parts)
        assert read_csv(await exported(opened, wanted)) == []


def transactions_of_the_api(database) -> int:
    query = "SELECT FROM pg_stat_activity WHERE usename = 'lw_app' AND datname = %s AND xact_start IS NOT NULL"
    with psycopg.connect(database.dsn("owner")) as owner:
        return owner.execute(query, [database.name]).rowcount


async def test_between_two_pages_nothing_is_held(database, tenant):
    flow = source(tenant, "pump-1", "flow")
    add_packs(database, truth(flow.series_id, DAY, 1, range(60_000)))
    wanted = Wanted((flow,), DAY, DAY + timedelta(days=1))
    async with open_pool(database.settings("lw_app")) as pool:
        opened = partial(tenant_transaction, pool, tenant.tenant_id)
        async with opened() as connection:
            planned = await export.plan(connection, wanted, MANY)
            assert transactions_of_the_api(database) == 1
        parts = export.stream(planned, opened, export.table("csv", Resolution.RAW))
        sizes = [len(await anext(parts)), len(await anext(parts))]
        assert transactions_of_the_api(database) == 0
        sizes += [len(part) async for part in parts]
    assert len(planned.windows) == 4
    assert max(sizes) < 100 * WINDOW_ROWS, "a page is a window, whatever the size of the range"
