"""Machines, values, history, alarms and evidence, over samples that ingest could have written."""

import hashlib
import json
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from protocols.sample import Reason, bad
from tests.api.plants import add_alarm

MACHINES = "/api/v1/machines"


def store_samples(database, rows):
    """rows: (series, time, value, quality code)."""
    with psycopg.connect(database.dsn("lw_ingest")) as conn, conn.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO telemetry.sample (series_id, time, value, quality, arrived) "
            "VALUES (%s, %s, %s, %s, (extract(epoch FROM now()) / 60)::int)",
            rows,
        )


async def get(client, plant, path, who="technician", **query):
    answer = await client.get(path, params=query, headers=plant.bearer(who))
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_the_list_counts_what_is_wrong_and_what_is_done_about_it(client, ours, theirs):
    page = await get(client, ours, MACHINES)
    assert [machine["slug"] for machine in page["items"]] == ["pump-1", "pump-2"]
    first, second = page["items"]
    assert (first["active_alarms"], first["open_orders"]) == (1, 0)
    assert (second["active_alarms"], second["open_orders"]) == (0, 0)
    assert (first["machine_class"], first["model"], first["site"]) == ("pump", "P 100", "Plant 1")
    one = await get(client, ours, MACHINES, limit=1)
    rest = await get(client, ours, MACHINES, limit=1, cursor=one["next_cursor"])
    assert [one["items"][0]["slug"], rest["items"][0]["slug"], rest["next_cursor"]] == ["pump-1", "pump-2", None]


async def test_the_page_of_a_machine_has_all_its_screen_needs(client, ours):
    fields = {"id": "0198c3f2-5b1e-7c44-9a53-6f1f0e8d2b11", "symptom": "leak"}
    sent = await client.post(f"/api/v1/public/labels/{ours.label_token}/reports", data=fields)
    assert sent.status_code == 201
    machine = await get(client, ours, f"{MACHINES}/{ours.machine}")
    assert [order["title"] for order in machine["recent_orders"]] == ["report:leak"]
    assert machine["open_orders"] == 1
    vendor = await get(client, ours, f"{MACHINES}/{ours.machine}", "vendor")
    assert vendor["recent_orders"] == [], "who may not list orders does not get them this way"
    tags = {tag["slug"]: tag for tag in machine["tags"]}
    assert tags.keys() == {"flow", "vibration", "mode"}
    assert (tags["vibration"]["limits"], tags["flow"]["limits"]) == ({"high": 7.1}, {})
    assert machine["serial"] == "SN-SECRET-1"
    (alarm,) = machine["active"]
    assert (alarm["cause"], alarm["class"], alarm["state"]) == ("bearing_wear", "machine", "unack_active")
    assert alarm["contributions"] == [{"tag": "vibration", "share": 1.0}]


async def test_latest_values_are_told_with_their_quality(client, ours, database):
    now = datetime.now(UTC)
    store_samples(
        database,
        [
            (ours.series["flow"], now - timedelta(seconds=20), 10.0, 0),
            (ours.series["flow"], now - timedelta(seconds=10), 12.5, 0),
            (ours.series["vibration"], now - timedelta(seconds=30), 3.0, 0),
            (ours.series["vibration"], now - timedelta(seconds=5), None, bad(Reason.TIMEOUT)),
        ],
    )
    items = (await get(client, ours, f"{MACHINES}/{ours.machine}/values"))["items"]
    shown = {item["slug"]: (item["value"], item["quality"], item["reason"]) for item in items}
    assert shown == {"flow": (12.5, "good", "none"), "vibration": (None, "bad", "timeout")}
    assert items[0]["tag_id"] == str(ours.tags["flow"])
    assert datetime.fromisoformat(items[0]["time"]) == (now - timedelta(seconds=10))
    assert items[0]["time"].endswith("Z")


async def test_history_keeps_a_spike_and_shows_what_was_bad(client, ours, database):
    start = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=1)
    rows = [(ours.series["flow"], start + timedelta(seconds=n), 50.0, 0) for n in range(3000)]
    rows[1234] = (ours.series["flow"], start + timedelta(seconds=1234), 99.0, 0)
    for n in range(600, 660):
        rows[n] = (ours.series["flow"], start + timedelta(seconds=n), None, bad(Reason.DISCONNECTED))
    store_samples(database, rows)
    query = {"from": start.isoformat(), "to": (start + timedelta(hours=1)).isoformat()}
    path = f"{MACHINES}/{ours.machine}/history"
    told = await get(client, ours, path, tags="flow, vibration,flow", points=100, **query)
    assert told["resolution_s"] > 0
    flow, vibration = told["series"]
    assert (flow["slug"], flow["unit"], vibration["points"]) == ("flow", "m³/h", [])
    assert len(flow["points"]) <= 100
    assert max(point[3] for point in flow["points"]) == 99.0
    assert min(point[2] for point in flow["points"]) == 50.0
    (stretch,) = flow["bad"]
    assert stretch[2] == "disconnected"
    assert abs((stretch[1] - stretch[0]) / 1000 - 60) <= 1
    fine = await get(client, ours, path, tags="flow", points=2000, **query | {"to": query["from"][:14] + "59:59Z"})
    assert fine["series"][0]["points"][0][0] >= start.timestamp() * 1000 - 60_000


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"tags": "flow,nothing"}, "query.tags"),
        ({"tags": ""}, "query.tags"),
        ({"to": "2026-03-01T00:00:00Z"}, "query.to"),
        ({"from": "2020-01-01T00:00:00Z"}, "query.to"),
        ({"from": "2026-03-01T00:00:00"}, "query.from"),
        ({"points": "1"}, "query.points"),
    ],
)
async def test_a_history_that_is_not_understood_is_told(client, ours, changes, field):
    query = {"tags": "flow", "from": "2026-03-01T00:00:00Z", "to": "2026-03-01T01:00:00Z"} | changes
    answer = await client.get(
        f"{MACHINES}/{ours.machine}/history", params=query, headers=ours.bearer("technician")
    )
    assert answer.status_code == 422
    assert field in answer.json()["fields"]


async def test_evidence_is_what_was_hashed(client, ours):
    told = await get(client, ours, f"/api/v1/alarms/{ours.alarm}/evidence")
    again = json.dumps(told["snapshot"], separators=(",", ":"), sort_keys=True)
    assert hashlib.sha256(again.encode()).hexdigest() == told["sha256"] == ours.evidence_sha256


async def test_an_alarm_is_acknowledged_shelved_and_taken_back(client, ours):
    path, headers = f"/api/v1/alarms/{ours.alarm}", ours.bearer("operator")
    acked = await client.post(f"{path}/ack", headers=headers)
    assert (acked.json()["state"], acked.json()["acked"]) == ("ack_active", True)
    again = await client.post(f"{path}/ack", headers=headers)
    assert again.status_code == 200
    shelved = await client.post(f"{path}/shelve", json={"minutes": 30, "reason": "belt"}, headers=headers)
    assert shelved.json()["state"] == "shelved"
    assert (await client.post(f"{path}/unshelve", headers=headers)).json()["state"] == "ack_active"
    twice = await client.post(f"{path}/unshelve", headers=headers)
    assert twice.status_code == 409
    for body in ({"minutes": 481, "reason": "x"}, {"minutes": 0, "reason": "x"}, {"minutes": 5, "reason": " "}):
        assert (await client.post(f"{path}/shelve", json=body, headers=headers)).status_code == 422


async def test_the_list_of_alarms_has_pages_and_a_filter(client, ours, database):
    with psycopg.connect(database.dsn("owner")) as conn:
        conn.execute("SELECT set_config('app.tenant', %s, true)", [str(ours.tenant_id)])
        made = [add_alarm(conn, ours.tenant_id, ours.machine_a, f"cause-{n}")[0] for n in range(4)]
        conn.execute("UPDATE alarm.alarm SET active = false, cleared_at = now() WHERE id = %s", [made[0]])
    seen, cursor = [], {}
    while True:
        page = await get(client, ours, "/api/v1/alarms", limit=2, **cursor)
        seen += [item["id"] for item in page["items"]]
        if page["next_cursor"] is None:
            break
        cursor = {"cursor": page["next_cursor"]}
    assert sorted(seen) == sorted(map(str, [*made, ours.alarm]))
    active = {item["id"] for item in (await get(client, ours, "/api/v1/alarms", active="true"))["items"]}
    assert active == {str(ours.alarm), *map(str, made[1:])}


async def test_people_are_found_by_role(client, ours, theirs):
    people = (await get(client, ours, "/api/v1/people", role="technician"))["items"]
    assert {person["id"] for person in people} == {str(ours.people["technician"]), str(ours.people["second"])}
    everybody = (await get(client, ours, "/api/v1/people"))["items"]
    assert len(everybody) == 6
    assert "login" not in everybody[0]
    unknown = await client.get("/api/v1/people", params={"role": "boss"}, headers=ours.bearer("planner"))
    assert unknown.status_code == 422
