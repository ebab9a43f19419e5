"""A range over HTTP: a named file, whole or told why not, for those who may see the machine."""

import csv
import io
import sys
from datetime import UTC, datetime, timedelta

import httpx
import numpy as np
import psycopg
import pytest

from api import history
from ingest_service.export import NoLongerThere, stream
from tests.api.test_server import running
from tests.ingest_service.history_parts import add_packs, truth

DAY = datetime(2026, 10, 1, tzinfo=UTC)
PERIOD = {"from": "2026-10-01T00:00:00Z", "to": "2026-10-02T00:00:00Z"}


@pytest.fixture
def stored(ours, database):
    """Six hours of flow, a sample a second."""
    one = truth(ours.series["flow"], DAY, 1, np.arange(21_600) / 4)
    add_packs(database, one)
    return one


async def ask(client, plant, who="technician", **query):
    path = f"/api/v1/machines/{plant.machine}/export"
    return await client.get(path, params=PERIOD | query, headers=plant.bearer(who))


async def test_a_range_is_a_file_with_every_sample(client, ours, stored):
    answer = await ask(client, ours, tags="flow")
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    name = 'attachment; filename="pump-1_20261001T0000_20261002T0000_raw.csv"'
    assert answer.headers["content-disposition"] == name
    rows = list(csv.DictReader(io.StringIO(answer.content.decode(), newline="")))
    assert [float(row["value"]) for row in rows] == stored.value.tolist()
    assert {(row["tag"], row["unit"], row["quality"]) for row in rows} == {("flow", "m³/h", "good")}


async def test_without_tags_all_of_the_machine_leave_and_texts_only_as_they_are(client, ours, stored, database):
    with psycopg.connect(database.dsn("lw_ingest")) as connection:
        row = [ours.series["mode"], DAY + timedelta(hours=1), 'a "mode"', 0]
        connection.execute(
            "INSERT INTO telemetry.text_sample (series_id, time, value, quality) VALUES (%s, %s, %s, %s)", row
        )
    everything = (await ask(client, ours, excel="true")).content.decode("utf-8-sig")
    assert everything.count("\r\n") == 1 + 21_600 + 1
    assert 'pump-1,mode,,2026-10-01T01:00:00.000Z,1790816400000,,"a ""mode""",good,none\r\n' in everything
    hours = await ask(client, ours, resolution="hour")
    assert (
        hours.text.splitlines()[1]
        == "pump-1,flow,m³/h,2026-10-01T00:00:00.000Z,1790812800000,3600,0,449.875,0.0,899.75,899.75"
    )
    assert len(hours.text.splitlines()) == 7
    refused = await ask(client, ours, tags="mode", resolution="hour")
    assert (refused.status_code, list(refused.json()["fields"])) == (422, ["query.resolution"])


async def test_parquet_leaves_as_it_is_or_the_missing_extra_is_named(client, ours, stored, monkeypatch):
    parquet = pytest.importorskip("pyarrow.parquet", reason="needs the extra `parquet`")
    answer = await ask(client, ours, format="parquet")
    assert answer.headers["content-disposition"].endswith('_raw.parquet"')
    assert parquet.read_table(io.BytesIO(answer.content)).num_rows == 21_600
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    refused = await ask(client, ours, format="parquet")
    assert (refused.status_code, refused.json()["type"]) == (501, "urn:linewright:problem:not-installed")
    assert "linewright[parquet]" in refused.json()["detail"]


async def test_too_much_is_told_with_its_number_and_a_way_out(client, ours, stored, monkeypatch):
    monkeypatch.setattr(history, "EXPORT_ROWS_MOST", 20_000)
    refused = await ask(client, ours)
    assert refused.status_code == 422
    assert "21,600 rows, at most 20,000" in refused.json()["fields"]["query.to"]
    assert (await ask(client, ours, resolution="minute")).status_code == 200


async def test_when_all_places_are_taken_one_comes_back_later(client, app, ours, stored):
    async with app.state.api.exporting, app.state.api.exporting:
        refused = await ask(client, ours)
        assert (refused.status_code, refused.headers["retry-after"]) == (429, "10")
    assert (await ask(client, ours)).status_code == 200


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"tags": "nothing"}, "query.tags"),
        ({"to": "2026-09-30T00:00:00Z"}, "query.to"),
        ({"from": "2006-01-01T00:00:00Z"}, "query.to"),
        ({"format": "xls"}, "query.format"),
        ({"resolution": "week"}, "query.resolution"),
    ],
)
async def test_an_export_that_is_not_understood_is_told(client, ours, query, field):
    answer = await ask(client, ours, **query)
    assert answer.status_code == 422
    assert field in answer.json()["fields"]


async def test_history_tells_texts_and_partly_bad_steps(client, ours, database):
    codes = np.where(np.arange(28_800) % 10 == 0, 0x0201, 0)
    add_packs(database, truth(ours.series["flow"], DAY, 60, np.ones(28_800), codes))
    with psycopg.connect(database.dsn("lw_ingest")) as connection:
        row = [ours.series["mode"], DAY, "auto", 0]
        connection.execute(
            "INSERT INTO telemetry.text_sample (series_id, time, value, quality) VALUES (%s, %s, %s, %s)", row
        )
    path = f"/api/v1/machines/{ours.machine}/history"
    query = PERIOD | {"to": "2026-10-21T00:00:00Z", "tags": "flow,mode", "points": 30}
    told = (await client.get(path, params=query, headers=ours.bearer("operator"))).json()
    flow, mode = told["series"]
    start = int(DAY.timestamp() * 1000)
    assert flow["partly_bad"][0] == [start, start + 86_400_000, 0.1]
    assert (flow["bad"], mode["texts"], mode["points"]) == ([], [[start, "auto"]], [])


@pytest.mark.parametrize("encoding", ["identity", "gzip"])
async def test_what_breaks_off_looks_broken_and_the_next_one_is_whole(
    settings, free_port, ours, stored, monkeypatch, encoding
):
    async def broken(*arguments):
        async for part in stream(*arguments):
            if part.endswith(b"5399.75,,good,none\r\n"):
                raise NoLongerThere("flow")
            yield part

    listening = settings.model_copy(update={"port": free_port()})
    headers = ours.bearer("technician") | {"Accept-Encoding": encoding}
    path = f"/api/v1/machines/{ours.machine}/export"
    async with running(listening) as url, httpx.AsyncClient(base_url=url, headers=headers) as client:
        monkeypatch.setattr("ingest_service.export.stream", broken)
        with pytest.raises(httpx.RemoteProtocolError):
            await client.get(path, params=PERIOD)
        monkeypatch.undo()
        whole = await client.get(path, params=PERIOD)
        assert (whole.status_code, whole.headers.get("content-encoding", "identity")) == (200, encoding)
        assert whole.text.count("\r\n") == 21_601
