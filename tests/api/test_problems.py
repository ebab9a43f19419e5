"""How errors are told: one shape, the right status, and never more than a stranger may know."""

import psycopg
import pytest

import anomaly
import device_registry
import maintenance
from api import problems

SHAPE = {"type", "title", "status", "detail"}


@pytest.fixture
def broken_commit(database):
    """A person's row can be changed, but the change cannot be committed."""
    with psycopg.connect(database.dsn("owner"), autocommit=True) as conn:
        conn.execute(
            """CREATE FUNCTION public.refuse() RETURNS trigger LANGUAGE plpgsql AS
               $$ BEGIN RAISE 'secret detail of the database'; END $$"""
        )
        conn.execute(
            "CREATE CONSTRAINT TRIGGER refuse AFTER UPDATE ON registry.person DEFERRABLE INITIALLY DEFERRED "
            "FOR EACH ROW EXECUTE FUNCTION public.refuse()"
        )


async def test_nothing_is_answered_before_it_is_committed_and_a_fault_hides_its_cause(client, ours, broken_commit):
    answer = await client.patch("/api/v1/session", json={"language": "en"}, headers=ours.bearer("planner"))
    assert answer.status_code == 500
    assert answer.json().keys() == SHAPE | {"incident"}
    assert "secret" not in answer.text
    assert "x-content-type-options" in answer.headers
    me = await client.get("/api/v1/session", headers=ours.bearer("planner"))
    assert me.json()["person"]["language"] == "zh-CN"


async def test_without_a_database_everybody_is_told_to_come_back(client, app, ours):
    await app.state.api.pool.close()
    answer = await client.get("/api/v1/machines", headers=ours.bearer("planner"))
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    assert answer.json()["type"] == "urn:linewright:problem:database-away"
    assert "postgres" not in answer.text
    assert (await client.get("/healthz")).status_code == 503


async def test_what_the_framework_refuses_has_the_same_shape(client, ours):
    for method, path, status in [
        ("PUT", "/api/v1/orders", 404),
        ("GET", "/api/v1/nothing", 404),
        ("POST", "/", 405),
        ("GET", "/api/v1/orders/no-uuid", 422),
    ]:
        answer = await client.request(method, path, headers=ours.bearer("planner"))
        assert answer.status_code == status, (method, path)
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json().keys() >= SHAPE
        assert answer.json()["status"] == status


def test_every_error_of_the_rooms_below_has_its_line():
    # Raised while a process starts or works beside requests, never inside one.
    elsewhere = {"UnreadableState", "UnknownGateway", "LoginTaken", "WeakPassword"}
    for room, root in [
        (anomaly, anomaly.AnomalyError),
        (device_registry, device_registry.RegistryError),
        (maintenance, maintenance.MaintenanceError),
    ]:
        for name, error in vars(room).items():
            if isinstance(error, type) and issubclass(error, root) and error is not root and name not in elsewhere:
                lines = [kind for kind in error.__mro__ if kind in problems.PROBLEMS]
                assert lines or name == "Refused", name
