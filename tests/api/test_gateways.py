"""Gateways over HTTP: what they last said, and what is missing of what they measured."""

from uuid import uuid4

import psycopg


def put(database, *statements):
    with psycopg.connect(database.dsn("owner")) as connection:
        for query, values in statements:
            connection.execute(query, values)


async def test_a_gateway_that_never_said_anything_is_complete(client, ours):
    (listed,) = (await client.get("/api/v1/gateways", headers=ours.bearer("planner"))).json()["items"]
    assert (listed["slug"], listed["online"], listed["open_batches"]) == ("gw-1", None, None)
    url = f"/api/v1/gateways/{listed['id']}/completeness"
    assert (await client.get(url, headers=ours.bearer("planner"))).json() == {
        "gateway": listed, "complete": True, "gaps": [],
    }  # fmt: skip


async def test_what_is_missing_is_told_with_its_reason_to_its_tenant_only(client, ours, theirs, database):
    gateway, run = ours.extra["gateway"], uuid4()
    put(
        database,
        (
            "INSERT INTO telemetry.ledger VALUES (%s, %s, '{[1,4), [6,9), [10,12)}', now(), now() - interval '1 day')",
            [gateway, run],
        ),
        (
            "INSERT INTO telemetry.dropped VALUES (%s, %s, 4, 5, 800, %s, %s, 'no_space')",
            [gateway, run, "2026-03-01T08:00Z", "2026-03-01T08:10Z"],
        ),
        ("INSERT INTO telemetry.gateway_state (gateway_id, online, open_batches) VALUES (%s, false, 0)", [gateway]),
    )
    url = f"/api/v1/gateways/{gateway}/completeness"
    told = (await client.get(url, headers=ours.bearer("operator"))).json()
    assert (told["complete"], told["gateway"]["online"]) == (False, False)
    dropped, unknown = told["gaps"]
    assert dropped == {
        "run_id": str(run), "first_seq": 4, "last_seq": 5, "explanation": "dropped", "reason": "no_space",
        "samples": 800, "since": "2026-03-01T08:00:00Z", "until": "2026-03-01T08:10:00Z",
    }  # fmt: skip
    assert (unknown["first_seq"], unknown["last_seq"], unknown["explanation"]) == (9, 9, "unknown")
    assert (await client.get(url, headers=theirs.bearer("admin"))).status_code == 404


async def test_gateways_come_in_pages(client, ours, database):
    for number in (2, 3):
        put(
            database,
            ("SELECT set_config('app.tenant', %s, true)", [str(ours.tenant_id)]),
            (
                "INSERT INTO registry.gateway (tenant_id, slug, name) VALUES (%s, %s, 'x')",
                [ours.tenant_id, f"gw-{number}"],
            ),
        )
    first = (await client.get("/api/v1/gateways", params={"limit": 2}, headers=ours.bearer("admin"))).json()
    assert [one["slug"] for one in first["items"]] == ["gw-1", "gw-2"]
    more = {"limit": 2, "cursor": first["next_cursor"]}
    second = (await client.get("/api/v1/gateways", params=more, headers=ours.bearer("admin"))).json()
    assert ([one["slug"] for one in second["items"]], second["next_cursor"]) == (["gw-3"], None)
