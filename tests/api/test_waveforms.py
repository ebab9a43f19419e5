"""Bursts over HTTP: a list of whole ones, one of them, and a file that numpy opens and whose hash is right."""

import hashlib
import io
from uuid import uuid4

import numpy as np
import psycopg

DAY = {"from": "2026-03-01T00:00:00Z", "to": "2026-03-02T00:00:00Z"}


async def ask(client, plant, path="", who="technician", **query):
    url = f"/api/v1/machines/{plant.machine}/waveforms{path}"
    return await client.get(url, params=query, headers=plant.bearer(who))


def change(database, query, *values):
    with psycopg.connect(database.dsn("owner")) as connection:
        connection.execute(query, values)


async def test_a_burst_is_listed_told_and_downloaded(client, ours):
    [listed] = (await ask(client, ours, **DAY, tags="vibration")).json()["items"]
    assert (listed["tag"], listed["unit"], listed["n"], listed["start_ns"]) == (
        "vibration", "mm/s", 4, 1772323201000000007,
    )  # fmt: skip
    path = f"/{listed['id']}"
    assert (await ask(client, ours, path)).json() == listed
    answer = await ask(client, ours, path + "/npy")
    assert answer.headers["content-disposition"] == 'attachment; filename="vibration_20260301T000001.npy"'
    raw = np.load(io.BytesIO(answer.content), allow_pickle=False)
    assert (raw * listed["scale"]).tolist() == [0.5, 1.0, 1.5, -0.5]
    assert hashlib.sha256(raw.tobytes()).hexdigest() == listed["sha256"]


async def test_other_tags_other_periods_and_other_machines_have_none(client, ours):
    assert (await ask(client, ours, **DAY, tags="flow")).json()["items"] == []
    assert (await ask(client, ours, **{"from": DAY["to"], "to": "2026-03-03T00:00:00Z"})).json()["items"] == []
    elsewhere = f"/api/v1/machines/{ours.machine_a}/waveforms/{ours.extra['waveform']}"
    assert (await client.get(elsewhere, headers=ours.bearer("admin"))).status_code == 404
    assert (await ask(client, ours, f"/{uuid4()}/npy")).status_code == 404
    wrong = await ask(client, ours, **DAY, tags="nothing")
    assert (wrong.status_code, wrong.json()["fields"]) == (422, {"query.tags": "this machine has no tag 'nothing'"})


async def test_half_a_burst_is_not_there_and_a_damaged_one_is_told(client, ours, database):
    path = f"/{ours.extra['waveform']}"
    change(database, "UPDATE telemetry.waveform_part SET data = 'abcd' WHERE waveform_id = %s AND part = 0", path[1:])
    damaged = await ask(client, ours, path + "/npy")
    assert (damaged.status_code, damaged.json()["type"]) == (500, "urn:linewright:problem:damaged")
    change(database, "DELETE FROM telemetry.waveform_part WHERE waveform_id = %s AND part = 1", path[1:])
    assert (await ask(client, ours, **DAY)).json() == {"items": [], "next_cursor": None}
    assert [(await ask(client, ours, path + end)).status_code for end in ("", "/npy")] == [404, 404]


async def test_pages_go_back_in_time_and_none_is_missed_or_twice(client, ours, database):
    change(database, "DELETE FROM telemetry.waveform")
    for k in range(7):  # the 3rd and the 4th began together
        change(
            database,
            "WITH burst AS (INSERT INTO telemetry.waveform VALUES (%s, '2026-03-01T00:00:00Z'::timestamptz"
            " + %s * interval '1 minute', %s, 10, 1, %s, 0, 1, '<i2', sha256('')) RETURNING id)"
            " INSERT INTO telemetry.waveform_part SELECT id, 0, id, id, 1, now(), 1, '' FROM burst",
            uuid4(), k - (k == 3), k, ours.series["vibration"],
        )  # fmt: skip
    starts, query = [], dict(DAY)
    while True:
        page = (await ask(client, ours, **query, limit=2)).json()
        starts += [one["start_ns"] for one in page["items"]]
        if page["next_cursor"] is None:
            break
        query["cursor"] = page["next_cursor"]
    assert sorted(starts, reverse=True) == [6, 5, 4, 3, 2, 1, 0]
    assert sorted(starts[:2]) == [5, 6]
    for cursor in ("nonsense", "WyIyMDI2LTAzLTAxIl0"):
        assert (await ask(client, ours, **DAY, cursor=cursor)).status_code == 422
