"""Verdicts, the record of rules, and what keeps alarms silent, over HTTP."""

from datetime import UTC, date, datetime, timedelta
from uuid import uuid4

import psycopg
import pytest

from anomaly.loop import nightly
from database.pool import open_pool
from ingest_service.transactions import Transactions
from tests.api.plants import add_alarm

API = "/api/v1"


async def get(client, plant, path, who="planner", status=200, **query):
    answer = await client.get(f"{API}{path}", params=query, headers=plant.bearer(who))
    assert answer.status_code == status, answer.text
    return answer.json()


async def post(client, plant, path, body=None, who="planner", status=200):
    answer = await client.post(f"{API}{path}", json=body, headers=plant.bearer(who))
    assert answer.status_code == status, answer.text
    return answer.json()


@pytest.fixture
def alarms(database, ours):
    """Six more alarms that have returned."""
    with psycopg.connect(database.dsn("owner")) as conn:
        conn.execute("SELECT set_config('app.tenant', %s, true)", [str(ours.tenant_id)])
        found = [add_alarm(conn, ours.tenant_id, ours.machine, f"cause-{number}")[0] for number in range(6)]
        conn.execute("UPDATE alarm.alarm SET active = false, cause = 'wear' WHERE cause LIKE 'cause-%'")
    return found


async def test_verdicts_become_a_record_and_a_night(client, ours, theirs, alarms, database):
    verdicts = ["confirmed_functional", "confirmed_incipient", "false_alarm", "sensor_fault", "not_inspected"]
    for alarm, verdict in zip(alarms, verdicts, strict=False):
        await post(client, ours, f"/alarms/{alarm}/verdict", {"verdict": verdict}, who="technician")
    await post(client, ours, f"/alarms/{alarms[2]}/verdict", {"verdict": "confirmed_incipient"})  # looked again
    found = await get(client, ours, "/precision")
    (rule,) = found["rules"]
    assert {key: rule[key] for key in ("source", "cause", "machine_class", "right", "counted", "not_inspected")} == {
        "source": "limit", "cause": "wear", "machine_class": "pump", "right": 3, "counted": 4, "not_inspected": 1,
    }  # fmt: skip
    assert (rule["precision"], rule["lower"], rule["upper"]) == pytest.approx((0.75, 0.3006, 0.9544), abs=1e-4)
    assert (rule["standing"], rule["standing_id"]) == ("trusted", None)
    assert [one["machine_class"] for one in found["classes"]] == ["pump"]
    assert [(one["source"], one["model_version"]) for one in found["models"]] == [("limit", "limit/1")]
    assert (await get(client, theirs, "/precision"))["rules"] == []
    async with open_pool(database.settings("lw_worker")) as pool:
        for day in (1, 2, 3):
            await nightly.evaluate_due(Transactions(pool), date(2026, 3, day), "anomaly-1", datetime.now(UTC))
    page = await get(client, ours, "/evaluations", limit=2)
    assert [one["day"] for one in page["items"]] == ["2026-03-03", "2026-03-02"]
    assert (page["items"][0]["right"], page["items"][0]["counted"]) == (3, 4)
    assert [one["cause"] for one in page["items"][0]["rules"]] == ["wear"]
    rest = await get(client, ours, "/evaluations", limit=2, cursor=page["next_cursor"])
    assert ([one["day"] for one in rest["items"]], rest["next_cursor"]) == (["2026-03-01"], None)
    await get(client, ours, "/evaluations", cursor="rubbish", status=422)


async def test_an_order_says_what_was_found_of_its_alarm(client, ours, alarms, database):
    with psycopg.connect(database.dsn("owner")) as conn:
        conn.execute("SELECT set_config('app.tenant', %s, true)", [str(ours.tenant_id)])
        conn.execute(
            "INSERT INTO work.work_order (id, tenant_id, no, machine_id, type, priority, state, title, source, "
            "source_id, reported_at) VALUES (%s, %s, 99, %s, 'corrective', 'high', 'NEW', 'x', 'alarm', %s, now())",
            [uuid4(), ours.tenant_id, ours.machine, alarms[0]],
        )
    told = await post(client, ours, f"/alarms/{alarms[0]}/verdict", {"verdict": "false_alarm"}, status=409)
    assert told["detail"] == "an order answers this alarm: say there what was found"


async def test_a_person_reverses_a_standing_and_everybody_reads_why(client, ours):
    path = f"/standings/{ours.extra['standing']}"
    assert (await get(client, ours, path))["standing"] == "advisory"
    body = {"standing": "trusted", "reason": "the sensor was loose"}
    settled = await post(client, ours, path, body)
    assert (settled["standing"], settled["cause"]) == ("trusted", "bearing_wear")
    (event,) = settled["events"]
    assert (event["actor_id"], event["reason"]) == (str(ours.people["planner"]), "the sensor was loose")
    assert (await get(client, ours, f"/standings/{uuid4()}", status=404))["type"].endswith(":not-found")


async def test_a_pattern_is_listed_and_revoked(client, ours):
    (pattern,) = (await get(client, ours, "/false-patterns", "operator"))["items"]
    assert (pattern["contributions"], pattern["revoked_at"]) == ([{"tag": "flow", "share": 1.0}], None)
    assert pattern["machine"]["slug"] == "pump-1"
    assert (await post(client, ours, f"/false-patterns/{pattern['id']}/revoke"))["revoked_at"]


async def test_a_stop_is_planned_once_and_ended(client, ours, theirs):
    body = {"id": str(uuid4()), "machine_id": str(ours.machine), "starts_at": "2026-03-01T00:00:00Z", "reason": "belt"}
    stop = await post(client, ours, "/planned-stops", body, "technician", 201)
    assert (stop["ends_at"], stop["ended_by"], stop["by_id"]) == (None, None, str(ours.people["technician"]))
    assert await post(client, ours, "/planned-stops", body | {"reason": "again"}, status=201) == stop
    assert len((await get(client, ours, "/planned-stops", "operator"))["items"]) == 2
    ended = await post(client, ours, f"/planned-stops/{stop['id']}/end")
    assert (ended["ended_by"], ended["ends_at"] is None) == (str(ours.people["planner"]), False)
    backwards = body | {"id": str(uuid4()), "ends_at": "2026-02-01T00:00:00Z"}
    assert "body.ends_at" in (await post(client, ours, "/planned-stops", backwards, status=422))["fields"]
    await post(client, theirs, "/planned-stops", body | {"id": str(uuid4())}, status=404)


async def test_dependencies_form_no_circle(client, ours):
    (one,) = (await get(client, ours, "/dependencies"))["items"]
    assert (one["machine"]["slug"], one["parent"]["slug"]) == ("pump-1", "pump-2")
    back = {"machine_id": str(ours.machine_a), "parent_id": str(ours.machine), "within_s": 60, "causes": ["stopped"]}
    assert (await post(client, ours, "/dependencies", back, status=409))["type"].endswith(":circle")
    gone = await client.delete(f"{API}/dependencies/{one['id']}", headers=ours.bearer("admin"))
    assert (gone.status_code, gone.content) == (204, b"")
    added = await post(client, ours, "/dependencies", back, status=201)
    assert (added["within_s"], added["causes"]) == (60.0, ["stopped"])


async def test_out_of_service_until_its_end(client, ours):
    path = f"/alarms/{ours.alarm}"
    out = await post(client, ours, f"{path}/take-out", {"hours": 72, "reason": "overhaul"}, "technician")
    lasting = datetime.fromisoformat(out["suppressed_until"]) - datetime.now(UTC)
    assert (out["state"], round(lasting / timedelta(hours=1))) == ("out_of_service", 72)
    assert (await post(client, ours, f"{path}/return", who="technician"))["state"] == "unack_active"
    assert (await post(client, ours, f"{path}/return", status=409))["type"].endswith(":not-now")


async def test_the_report_of_a_period(client, ours, alarms):
    day = datetime.now(UTC)
    period = {"from": (day - timedelta(days=1)).isoformat(), "to": (day + timedelta(hours=1)).isoformat()}
    found = await get(client, ours, "/alarm-report", **period)
    assert found["alarms"] == 7
    assert [(one["cause"], one["alarms"]) for one in found["top"]] == [("wear", 6), ("bearing_wear", 1)]
    assert [one["cause"] for one in found["chattering"]] == ["wear"]
    assert (await get(client, ours, "/alarm-report", site_id=str(uuid4()), **period))["alarms"] == 0
    await get(client, ours, "/alarm-report", status=422, **(period | {"from": "2020-01-01T00:00:00Z"}))
