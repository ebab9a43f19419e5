"""Every operation × every role, and every operation with another tenant's ids; both generated from OpenAPI.

A new operation fails here until it has a line in ROLES (and a body in BODIES, if it takes one).
"""

import json
from uuid import uuid4

import psycopg
import pytest

from api.access import ACCESS, PUBLIC
from api.openapi import document
from tests.api.plants import ROLES as ALL_ROLES
from tests.api.plants import add_session

# o operator, t technician, p planner, a admin, v vendor; * anybody at all
ROLES = {
    "create_session": "*",
    "read_session": "otpav",
    "change_session": "otpav",
    "end_session": "otpav",
    "list_machines": "otpav",
    "read_machine": "otpav",
    "read_values": "otpav",
    "read_history": "otpav",
    "export_history": "otpav",
    "list_waveforms": "otpav",
    "read_waveform": "otpav",
    "download_waveform": "otpav",
    "list_gateways": "otpa",
    "read_completeness": "otpa",
    "read_label": "otpa",
    "find_labelled_machine": "otpa",
    "create_label": "pa",
    "revoke_label": "pa",
    "list_orders": "otpa",
    "read_order": "otpa",
    "create_order": "tpa",
    "act_on_order": "otpa",
    "read_attachment": "otpa",
    "read_effect": "otpa",
    "list_alarms": "otpav",
    "read_evidence": "otpav",
    "read_picture": "otpav",
    "read_cost": "pa",
    "acknowledge_alarm": "otpa",
    "shelve_alarm": "otpa",
    "unshelve_alarm": "otpa",
    "judge_alarm": "tpa",
    "take_out_alarm": "tpa",
    "return_alarm": "tpa",
    "read_alarm_report": "pa",
    "read_precision": "pa",
    "list_evaluations": "pa",
    "read_standing": "pa",
    "settle_standing": "pa",
    "list_detector_models": "pa",
    "read_detector_model": "pa",
    "act_on_detector_model": "pa",
    "list_false_patterns": "otpa",
    "revoke_false_pattern": "pa",
    "list_planned_stops": "otpa",
    "plan_stop": "tpa",
    "end_planned_stop": "tpa",
    "list_dependencies": "otpa",
    "add_dependency": "pa",
    "remove_dependency": "pa",
    "list_people": "otpa",
    "follow_live": "otpav",
    "read_public_label": "*",
    "send_report": "*",
    "read_public_report": "*",
}
BODIES = {
    "create_session": lambda plant: {"login": "nobody", "password": "nothing at all"},
    "change_session": lambda plant: {"language": "en"},
    "create_order": lambda plant: {
        "id": str(uuid4()), "machine_id": str(plant.machine), "title": "x", "type": "inspection", "priority": "low",
    },
    "act_on_order": lambda plant: {"request_id": str(uuid4()), "action": "cancel", "reason": "matrix"},
    "shelve_alarm": lambda plant: {"minutes": 5, "reason": "matrix"},
    "take_out_alarm": lambda plant: {"hours": 1, "reason": "matrix"},
    "judge_alarm": lambda plant: {"verdict": "not_inspected"},
    "settle_standing": lambda plant: {"standing": "advisory", "reason": "matrix"},
    "act_on_detector_model": lambda plant: {"action": "stage", "reason": "matrix"},
    "plan_stop": lambda plant: {
        "id": str(uuid4()), "machine_id": str(plant.machine), "starts_at": "2026-03-01T00:00:00Z", "reason": "matrix",
    },
    "add_dependency": lambda plant: {"machine_id": str(plant.machine), "parent_id": str(plant.machine_a)},
}  # fmt: skip
PERIOD = {"tags": "flow", "from": "2026-03-01T00:00:00Z", "to": "2026-03-01T01:00:00Z"}
QUERIES = dict.fromkeys(("read_history", "export_history", "list_waveforms"), PERIOD)
QUERIES["read_alarm_report"] = {name: PERIOD[name] for name in ("from", "to")}
STREAMS = {"follow_live"}  # would not end by itself; the tests of the live stream follow it


def operations():
    """operation id → (method, path, names of its path parameters)."""
    found = {}
    for path, methods in json.loads(document())["paths"].items():
        for method, operation in methods.items():
            names = [p["name"] for p in operation.get("parameters", []) if p["in"] == "path"]
            found[operation["operationId"]] = (method.upper(), path, names)
    return found


OPERATIONS = operations()


def ids_of(plant):
    return {
        "machine_id": plant.machine, "order_id": plant.extra["order"], "alarm_id": plant.alarm,
        "label_id": plant.label, "attachment_id": plant.extra["attachment"], "token": plant.label_token,
        "report_id": plant.extra["report"], "gateway_id": plant.extra["gateway"],
        "waveform_id": plant.extra["waveform"], "standing_id": plant.extra["standing"],
        "pattern_id": plant.extra["pattern"], "stop_id": plant.extra["stop"], "model_id": plant.extra["model"],
        "dependency_id": plant.extra["dependency"],
    }  # fmt: skip


async def call(client, operation, plant, headers):
    method, path, _ = OPERATIONS[operation]
    body = BODIES[operation](plant) if operation in BODIES else None
    return await client.request(
        method, path.format(**ids_of(plant)), params=QUERIES.get(operation), json=body, headers=headers
    )


@pytest.fixture
async def filled(client, ours, theirs):
    """Both plants with a report that has a photo, and so an order."""
    for plant in (ours, theirs):
        parts = {"photo": ("p.jpg", b"\xff\xd8\xff\xe0 a photo")}
        fields = {"id": str(uuid4()), "symptom": "leak"}
        url = f"/api/v1/public/labels/{plant.label_token}/reports"
        assert (await client.post(url, data=fields, files=parts)).status_code == 201
        (order,) = (await client.get("/api/v1/orders", headers=plant.bearer("admin"))).json()["items"]
        whole = (await client.get(f"/api/v1/orders/{order['id']}", headers=plant.bearer("admin"))).json()
        plant.extra.update(order=order["id"], attachment=whole["attachments"][0]["id"], report=fields["id"])
    return ours, theirs


def test_every_operation_has_its_roles():
    assert OPERATIONS.keys() == ROLES.keys() == ACCESS.keys()
    for operation, letters in ROLES.items():
        roles = {role for role in ALL_ROLES if role[0] in letters}
        assert ACCESS[operation] == (PUBLIC if letters == "*" else roles), operation


def test_every_body_stands_in_the_table():
    document_ = json.loads(document())
    taking = {
        operation["operationId"]
        for methods in document_["paths"].values()
        for operation in methods.values()
        if "application/json" in operation.get("requestBody", {}).get("content", {})
    }
    assert taking == BODIES.keys()


async def test_who_may_not_is_refused_and_who_may_is_not(client, filled, database):
    ours, _ = filled
    with psycopg.connect(database.dsn("owner")) as conn:
        conn.execute("SELECT set_config('app.tenant', %s, true)", [str(ours.tenant_id)])
        leaving = {role: add_session(conn, ours.tenant_id, ours.people[role]) for role in ALL_ROLES}
    wrong = []
    for operation in sorted(OPERATIONS.keys() - STREAMS, key=lambda name: name == "revoke_label"):
        if ROLES[operation] == "*":
            continue
        nobody = await call(client, operation, ours, {})
        if nobody.status_code != 401:
            wrong.append((operation, "nobody", nobody.status_code))
        for role in ALL_ROLES:
            headers = ours.bearer(role)
            if operation == "end_session":
                headers = {"Authorization": f"Bearer {leaving[role]}"}
            answer = await call(client, operation, ours, headers)
            refused = answer.status_code == 403 and answer.json()["type"].endswith(":not-allowed")
            if refused == (role[0] in ROLES[operation]) or answer.status_code in {401, 422} or answer.is_server_error:
                wrong.append((operation, role, answer.status_code, answer.text))
    assert wrong == []


async def test_ids_of_another_tenant_do_not_exist(client, filled):
    ours, theirs = filled
    headers = theirs.bearer("admin")
    before = (await client.get(f"/api/v1/orders/{ours.extra['order']}", headers=ours.bearer("admin"))).json()
    for operation, (_, _, names) in sorted(OPERATIONS.items(), key=lambda item: item[0] == "revoke_label"):
        if ROLES[operation] == "*" or not (names or operation == "create_order"):
            continue
        foreign = await call(client, operation, ours, headers)
        assert foreign.status_code == 404, (operation, foreign.status_code, foreign.text)
        own = await call(client, operation, theirs, headers)
        assert own.status_code < 410, (operation, "works with one's own ids", own.text)
        assert own.status_code != 404 or operation == "read_label", operation
    after = (await client.get(f"/api/v1/orders/{ours.extra['order']}", headers=ours.bearer("admin"))).json()
    assert after == before
    still = await client.get(f"/api/v1/public/labels/{ours.label_token}")
    assert still.status_code == 200


async def test_lists_hold_nothing_of_another_tenant(client, filled):
    ours, theirs = filled
    foreign = {str(value) for value in (*ids_of(ours).values(), ours.machine_a, *ours.people.values())}
    lists = [name for name, (method, _, names) in OPERATIONS.items() if method == "GET" and not names]
    for operation in set(lists) - STREAMS:
        for query in ({}, {"machine_id": str(ours.machine)}, {"state": "all"}, {"role": "technician"}):
            answer = await client.get(OPERATIONS[operation][1], params=query, headers=theirs.bearer("admin"))
            assert answer.status_code in {200, 404, 422}
            assert not [value for value in foreign if value in answer.text], operation
