"""Trained detectors over HTTP."""

import psycopg
import pytest

from tests.api.plants import add_model
from tests.api.test_loop import get, post


@pytest.fixture
def second(database, ours):
    """A version that is calmer."""
    with psycopg.connect(database.dsn("owner")) as conn:
        conn.execute("SELECT set_config('app.tenant', %s, true)", [str(ours.tenant_id)])
        return add_model(conn, ours.tenant_id, 2, 0.004)


async def act(client, plant, model, action, status=200):
    body = {"action": action, "reason": f"to {action}"}
    return await post(client, plant, f"/detector-models/{model}/actions", body, status=status)


async def test_stage_release_and_back(client, ours, second):
    first = ours.extra["model"]
    await act(client, ours, first, "stage")
    assert (await act(client, ours, first, "release"))["state"] == "released"
    found = await get(client, ours, f"/detector-models/{second}")
    assert found["against_released"] == [{"name": "above_2", "one": 0.01, "other": 0.004, "verdict": "better"}]
    await act(client, ours, second, "stage")
    await act(client, ours, second, "release")
    assert (await get(client, ours, f"/detector-models/{first}"))["state"] == "retired"
    assert (await act(client, ours, second, "release", 409))["type"].endswith(":not-now")
    back = await act(client, ours, second, "roll_back")
    assert (back["state"], [event["action"] for event in back["events"]]) == (
        "rejected",
        ["roll_back", "release", "stage"],
    )
    whole = await get(client, ours, f"/detector-models/{first}")
    assert (whole["state"], whole["events"][0]["action"]) == ("released", "restore")
    assert whole["events"][0]["actor_id"] == str(ours.people["planner"])


async def test_pages_and_names(client, ours, second):
    page = await get(client, ours, "/detector-models", limit=1)
    rest = await get(client, ours, "/detector-models", limit=1, cursor=page["next_cursor"])
    assert {page["items"][0]["version"], rest["items"][0]["version"]} == {1, 2}
    assert rest["next_cursor"] is None
    assert page["items"][0]["card"]["columns"] == ["power", "flow"]
    assert (await get(client, ours, "/detector-models", name="another"))["items"] == []
