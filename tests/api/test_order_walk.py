"""A work order over HTTP, from its making to its end, and everything that must not happen on the way."""

import json
from uuid import uuid4

import psycopg
import pytest

ORDERS = "/api/v1/orders"


def new_order(plant, **changes):
    return {
        "id": str(uuid4()), "machine_id": str(plant.machine), "title": "Change the seal",
        "type": "corrective", "priority": "high", **changes,
    }  # fmt: skip


async def make(client, plant, **changes):
    answer = await client.post(ORDERS, json=new_order(plant, **changes), headers=plant.bearer("planner"))
    assert answer.status_code == 201, answer.text
    return answer.json()


async def act(client, plant, who, order, action, headers=None, **more):
    body = {"request_id": str(uuid4()), "action": action, **more}
    return await client.post(
        f"{ORDERS}/{order['id']}/actions", json=body, headers=plant.bearer(who) | (headers or {})
    )


async def test_an_order_walks_from_new_to_closed(client, ours):
    order = await make(client, ours)
    assert (order["state"], order["version"], order["assignee"]) == ("NEW", 1, None)
    technician = str(ours.people["technician"])
    steps = [
        ("planner", "assign", {"assignee_id": technician}, "ASSIGNED"),
        ("technician", "accept", {"device_time": "2026-03-01T08:00:00+08:00"}, "ACCEPTED"),
        ("technician", "start", {"scanned": ours.short_code.lower()}, "IN_PROGRESS"),
        ("technician", "hold", {"reason": "PART: seal 40x62"}, "ON_HOLD"),
        ("technician", "resume", {}, "IN_PROGRESS"),
        ("technician", "complete", {"reason": "seal changed"}, "DONE"),
        ("planner", "close", {}, "CLOSED"),
    ]
    for version, (who, action, more, state) in enumerate(steps, start=2):
        answer = await act(client, ours, who, order, action, **more)
        assert answer.status_code == 200, (action, answer.text)
        assert (answer.json()["state"], answer.json()["version"]) == (state, version)
        assert answer.headers["etag"] == f'"{version}"'
    closed = answer.json()
    assert [event["action"] for event in closed["events"]] == ["create", *(step[1] for step in steps)]
    assert closed["events"][2]["device_time"] == "2026-03-01T00:00:00Z"
    assert closed["events"][3]["data"]["scanned"] is True
    stamps = closed["stamps"]
    assert all(stamps[name] for name in ("assigned_at", "accepted_at", "arrived_at", "completed_at", "closed_at"))
    assert stamps["cancelled_at"] is None
    assert [choice["action"] for choice in closed["allowed_actions"]] == ["reopen"]
    assert closed["allowed_actions"][0]["needs"] == ["reason"]


async def test_what_is_not_possible_now_is_told_with_what_is(client, ours):
    order = await make(client, ours)
    refused = await act(client, ours, "planner", order, "close")
    assert refused.status_code == 409
    problem = refused.json()
    assert problem["type"] == "urn:linewright:problem:not-now"
    assert problem["allowed"] == [choice["action"] for choice in order["allowed_actions"]]
    assert "assign" in problem["allowed"]
    forbidden = await act(client, ours, "operator", order, "assign", assignee_id=str(ours.people["technician"]))
    assert forbidden.status_code == 403
    assert forbidden.json()["allowed"] == []


async def test_what_is_missing_is_named(client, ours):
    order = await make(client, ours)
    nobody = await act(client, ours, "planner", order, "assign")
    assert nobody.status_code == 422
    assert nobody.json()["missing"] == ["assignee_id"]
    await act(client, ours, "planner", order, "assign", assignee_id=str(ours.people["technician"]))
    await act(client, ours, "technician", order, "accept")
    for scanned in ({}, {"scanned": "23456789"}):
        unscanned = await act(client, ours, "technician", order, "start", **scanned)
        assert unscanned.json()["missing"] == ["scan"], unscanned.text
    by_link = await act(client, ours, "technician", order, "start", scanned=f"http://x.example/q/{ours.label_token}")
    assert by_link.json()["state"] == "IN_PROGRESS"


async def test_an_assignee_of_another_tenant_is_nobody(client, ours, theirs):
    order = await make(client, ours)
    refused = await act(client, ours, "planner", order, "assign", assignee_id=str(theirs.people["technician"]))
    assert refused.status_code == 422
    assert refused.json()["missing"] == ["assignee_id"]


async def test_if_match_stops_a_change_on_top_of_a_change_nobody_has_seen(client, ours):
    order = await make(client, ours)
    seen = (await client.get(f"{ORDERS}/{order['id']}", headers=ours.bearer("planner"))).headers["etag"]
    technician = str(ours.people["technician"])
    first = await act(client, ours, "planner", order, "assign", {"If-Match": seen}, assignee_id=technician)
    assert first.status_code == 200
    second = await act(client, ours, "planner", order, "cancel", {"If-Match": seen}, reason="not needed")
    assert second.status_code == 412
    assert second.json()["version"] == 2
    broken = await act(client, ours, "planner", order, "cancel", {"If-Match": '"x"'}, reason="not needed")
    assert broken.status_code == 412
    anyway = await act(client, ours, "planner", order, "cancel", {"If-Match": "*"}, reason="not needed")
    assert anyway.json()["state"] == "CANCELLED"


async def test_sending_twice_acts_once(client, ours):
    body = new_order(ours)
    first = await client.post(ORDERS, json=body, headers=ours.bearer("planner"))
    again = await client.post(ORDERS, json=body, headers=ours.bearer("planner"))
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json()["no"] == again.json()["no"]
    step = {"request_id": str(uuid4()), "action": "cancel", "reason": "typed twice"}
    url = f"{ORDERS}/{body['id']}/actions"
    one, two = [await client.post(url, json=step, headers=ours.bearer("planner")) for _ in range(2)]
    assert (one.status_code, two.status_code) == (200, 200)
    assert one.json()["version"] == two.json()["version"] == 2
    other = await make(client, ours)
    reused = await client.post(f"{ORDERS}/{other['id']}/actions", json=step, headers=ours.bearer("planner"))
    assert reused.status_code == 409
    assert reused.json()["type"].endswith("id-reused")


async def test_an_order_of_an_alarm_needs_a_verdict_and_shows_its_alarm(client, ours, database):
    order = await make(client, ours)
    with psycopg.connect(database.dsn("owner")) as conn:
        conn.execute("SELECT set_config('app.tenant', %s, true)", [str(ours.tenant_id)])
        conn.execute(
            "UPDATE work.work_order SET source = 'alarm', source_id = %s, cause = 'bearing_wear' WHERE id = %s",
            [ours.alarm, order["id"]],
        )
    await act(client, ours, "planner", order, "assign", assignee_id=str(ours.people["technician"]))
    await act(client, ours, "technician", order, "accept")
    await act(client, ours, "technician", order, "start", reason="label is gone")
    bare = await act(client, ours, "technician", order, "complete")
    assert bare.json()["missing"] == ["verdict"]
    done = await act(client, ours, "technician", order, "complete", verdict="confirmed_incipient")
    assert (done.json()["verdict"], done.json()["alarm_id"]) == ("confirmed_incipient", str(ours.alarm))
    still_active = await act(client, ours, "planner", order, "close")
    assert still_active.json()["missing"] == ["reason"], "the alarm is still active"


async def test_criticality_a_is_closed_by_another_person(client, ours, database):
    with psycopg.connect(database.dsn("owner")) as conn:
        conn.execute("SELECT set_config('app.tenant', %s, true)", [str(ours.tenant_id)])
        conn.execute(
            "UPDATE registry.person SET roles = '{technician,planner}' WHERE id = %s", [ours.people["technician"]]
        )
    order = await make(client, ours, machine_id=str(ours.machine_a))
    await act(client, ours, "planner", order, "assign", assignee_id=str(ours.people["technician"]))
    await act(client, ours, "technician", order, "accept")
    await act(client, ours, "technician", order, "start", reason="no label")
    await act(client, ours, "technician", order, "complete")
    own = await act(client, ours, "technician", order, "close")
    assert own.status_code == 403
    assert (await act(client, ours, "planner", order, "close")).json()["state"] == "CLOSED"


async def test_pages_of_orders_join_without_gap_or_double(client, ours):
    made = [(await make(client, ours, title=f"Order {n}"))["id"] for n in range(7)]
    seen, cursor = [], None
    for _ in range(10):
        query = {"state": "open", "limit": 3} | ({"cursor": cursor} if cursor else {})
        page = (await client.get(ORDERS, params=query, headers=ours.bearer("operator"))).json()
        seen += [item["id"] for item in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert seen == made[::-1]


async def test_filters_of_the_list(client, ours, theirs):
    first, second = await make(client, ours), await make(client, ours, machine_id=str(ours.machine_a))
    await make(client, theirs)
    await act(client, ours, "planner", first, "assign", assignee_id=str(ours.people["technician"]))
    await act(client, ours, "planner", second, "cancel", reason="double")

    async def ids(who="technician", **query):
        page = await client.get(ORDERS, params=query, headers=ours.bearer(who))
        return {item["id"] for item in page.json()["items"]}

    assert await ids() == {first["id"]}
    assert await ids(state="closed") == {second["id"]}
    assert await ids(state="done") == set()
    assert await ids(state="all") == {first["id"], second["id"]}
    assert await ids(state="all", machine_id=str(ours.machine_a)) == {second["id"]}
    assert await ids(mine=True) == {first["id"]}
    assert await ids("second", mine=True) == set()
    assert await ids(state="all", machine_id=str(theirs.machine)) == set()


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"state": "broken"}, "query.state"),
        ({"limit": 201}, "query.limit"),
        ({"limit": 0}, "query.limit"),
        ({"cursor": "abc"}, "query.cursor"),
        ({"machine_id": "pump-1"}, "query.machine_id"),
        ({"stat": "open"}, "query.stat"),
    ],
)
async def test_a_filter_that_is_not_understood_is_told(client, ours, query, field):
    answer = await client.get(ORDERS, params=query, headers=ours.bearer("planner"))
    assert answer.status_code == 422
    assert field in answer.json()["fields"]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"id": 7}, "body.id"),
        ({"title": ""}, "body.title"),
        ({"title": "a\0b"}, "body.title"),
        ({"title": "\ud800"}, "body.title"),
        ({"priority": "urgent"}, "body.priority"),
        ({"cost": 5}, "body.cost"),
        ({"state": "CLOSED"}, "body.state"),
    ],
)
async def test_a_body_that_is_not_understood_is_told_field_by_field(client, ours, changes, field):


    body = json.dumps(new_order(ours) | changes).encode()
    headers = ours.bearer("planner") | {"content-type": "application/json"}
    answer = await client.post(ORDERS, content=body, headers=headers)
    assert answer.status_code == 422, answer.text
    assert list(answer.json()["fields"]) == [field]


