"""A plant that has verdicts already: they are part of the record after the migration, tenant by tenant."""

from importlib.resources import files
from uuid import uuid4

import psycopg
import pytest

from database.migrate import migrate

_FIRST = 30
_ALARM = (
    "INSERT INTO alarm.alarm (id, tenant_id, machine_id, cause, class, source, model_version, priority, onset_at, "
    "score, contributions) VALUES (%s, %s, %s, 'wear', 'machine', 'limit', 'limits-1', 'high', now(), 1, '[]')"
)


@pytest.fixture
def old(postgres, tmp_path):
    """A database as it was before, whose owner is bound by the guards as any other role."""
    name = f"old_{uuid4().hex[:8]}"
    folder = tmp_path / "migrations"
    folder.mkdir()
    for file in (files("database") / "migrations").iterdir():
        if int(file.name[:4]) < _FIRST:
            (folder / file.name).write_text(file.read_text(encoding="utf-8"), encoding="utf-8")
    with psycopg.connect(postgres.dsn("owner", "postgres"), autocommit=True) as server:
        server.execute(f"CREATE DATABASE {name}")
        migrate(postgres.dsn("owner", name), folder)
        yield postgres.dsn("owner", name)
        server.execute(f"DROP DATABASE {name} WITH (FORCE)")


def plant(conn, machine_class):
    tenant, model, machine, alarm = (uuid4() for _ in range(4))
    conn.execute("SELECT set_config('app.tenant', %s, true)", [str(tenant)])
    conn.execute(
        "INSERT INTO registry.tenant (tenant_id, slug, name) VALUES (%s, %s, 'x')", [tenant, f"t-{machine_class}"]
    )
    conn.execute(
        "INSERT INTO registry.machine_model (id, tenant_id, slug, name, machine_class) VALUES (%s, %s, 'm', 'M', %s)",
        [model, tenant, machine_class],
    )
    conn.execute(
        "INSERT INTO registry.machine (id, tenant_id, slug, name, model_id) VALUES (%s, %s, 'm-1', 'M', %s)",
        [machine, tenant, model],
    )
    conn.execute(_ALARM, [alarm, tenant, machine])
    conn.execute(
        "INSERT INTO alarm.label (tenant_id, alarm_id, verdict, by_id) VALUES (%s, %s, 'false_alarm', %s)",
        [tenant, alarm, uuid4()],
    )
    return tenant, machine


def test_verdicts_of_before_know_what_they_are_about(old):
    with psycopg.connect(old) as conn:
        plants = {plant(conn, name): name for name in ("pump", "press")}
    migrate(old)
    with psycopg.connect(old) as conn:
        for (tenant, machine), machine_class in plants.items():
            conn.execute("SELECT set_config('app.tenant', %s, true)", [str(tenant)])
            found = conn.execute(
                "SELECT machine_id, machine_class, source, model_version, cause, class FROM alarm.label "
                "WHERE tenant_id = %s",
                [tenant],
            )
            assert found.fetchall() == [(machine, machine_class, "limit", "limits-1", "wear", "machine")]
        forced = conn.execute("SELECT relforcerowsecurity FROM pg_class WHERE oid = 'alarm.label'::regclass").fetchone()
        assert forced == (True,), "the guard was lifted for the migration only"
