"""The wall between tenants: every table has it, the API's role cannot climb it."""

from uuid import uuid4

import psycopg
import pytest

from device_registry.plant import SeedLimit, SeedMachine, SeedModel, SeedPerson, SeedTag, SeedTenant
from device_registry.seed import seed
from tests.database import tenancy

OTHER = SeedTenant(
    "other",
    "Other",
    "s",
    "S",
    (SeedModel("m", "M", "other"),),
    (SeedMachine("pump-1", "Theirs", "m", (SeedTag("vibration", "V", limits=(SeedLimit("high", 1, "c"),)),)),),
    ("gw-1",),
    (SeedPerson("theirs", "T", ("planner",)),),
)
NOW = "SELECT extract(epoch FROM now())::bigint / 60"


@pytest.fixture
def owner(database):
    with psycopg.connect(database.dsn("owner"), autocommit=True) as connection:
        yield connection


@pytest.fixture
def app(database):
    with psycopg.connect(database.dsn("lw_app")) as connection:
        yield connection


@pytest.fixture
async def other(database):
    async with await psycopg.AsyncConnection.connect(database.dsn("owner")) as connection:
        return await seed(connection, OTHER)


def enter(connection, tenant_id):
    connection.execute("SELECT set_config('app.tenant', %s, true)", [str(tenant_id)])


def run_as(connection, tenant_id, statement, argument):
    with connection.transaction():
        if tenant_id:
            enter(connection, tenant_id)
        connection.execute(statement, [argument])


def test_the_wall_has_no_hole(owner):
    assert len(tenancy.tenant_tables(owner)) >= 22
    assert tenancy.holes(owner) == []


@pytest.mark.parametrize(
    ("mistake", "told"),
    [
        ("CREATE TABLE work.note (id int, tenant_id uuid)", "work.note: row-level security"),
        ("CREATE TABLE public.note (id int, tenant_id uuid)", "note: row-level security"),
        ("CREATE TABLE work.note (id int)", "work.note: has no tenant_id"),
        ("ALTER TABLE work.request NO FORCE ROW LEVEL SECURITY", "work.request: row-level security"),
        ("DROP POLICY own_tenant ON registry.tag", "registry.tag: the API's role has other policies"),
        ("CREATE POLICY all_of_it ON registry.tag USING (true)", "registry.tag: the API's role has other policies"),
        ("GRANT SELECT (value) ON telemetry.sample TO lw_app", "telemetry.sample: the API's role has a right"),
        ("GRANT lw_ingest TO lw_app", "telemetry.ledger: the API's role has a right"),
        ("GRANT EXECUTE ON FUNCTION registry.find_login TO PUBLIC", "registry.find_login(text): runs as its owner"),
        ("ALTER FUNCTION telemetry.samples RESET search_path", "telemetry.samples(integer[]"),
    ],
)
def test_the_walk_finds_every_kind_of_hole(owner, mistake, told):
    with owner.transaction(force_rollback=True):
        owner.execute(mistake)
        assert any(hole.startswith(told) for hole in tenancy.holes(owner))


def test_a_partition_made_later_is_closed_too(owner):
    owner.execute("SELECT telemetry.make_partitions(200)")
    partitions = owner.execute(
        "SELECT count(*) FROM pg_inherits WHERE inhparent = 'telemetry.sample'::regclass"
    ).fetchone()
    assert partitions[0] >= 20
    assert tenancy.holes(owner) == []


def test_the_api_reads_nothing_without_a_tenant_and_only_its_own_with_one(tenant, other, owner, app):
    for table in tenancy.tenant_tables(owner):
        if not owner.execute("SELECT has_any_column_privilege('lw_app', %s, 'SELECT')", [table]).fetchone()[0]:
            continue
        everything = owner.execute(f"SELECT tenant_id FROM {table}").fetchall()
        with app.transaction():
            assert app.execute(f"SELECT tenant_id FROM {table}").fetchall() == []
        for one in (tenant, other):
            with app.transaction():
                enter(app, one.tenant_id)
                seen = app.execute(f"SELECT tenant_id FROM {table}").fetchall()
            assert seen == [row for row in everything if row == (one.tenant_id,)]
        assert everything or not table.startswith("registry.") or table in {"registry.session", "registry.dependency"}


def test_the_api_can_neither_write_nor_move_rows_across_the_wall(tenant, other, app):
    with app.transaction():
        enter(app, tenant.tenant_id)
        changed = app.execute("UPDATE registry.machine SET name = 'ours now'").rowcount
        assert changed == len(tenant.machines)
    for statement in (
        "INSERT INTO registry.site (tenant_id, slug, name) VALUES (%s, 'x', 'x')",
        "UPDATE registry.machine SET tenant_id = %s WHERE slug = 'pump-1'",
    ):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            run_as(app, tenant.tenant_id, statement, other.tenant_id)


@pytest.mark.parametrize("table", ["telemetry.sample", "telemetry.text_sample", "telemetry.ledger", "telemetry.batch"])
def test_the_api_cannot_touch_telemetry(app, table):
    for statement in (f"SELECT FROM {table}", f"DELETE FROM {table}"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege), app.transaction():
            app.execute(statement)


def test_the_api_cannot_read_hashes_or_become_somebody_else(app):
    for statement in (
        "SELECT password_hash FROM registry.person",
        "SET ROLE lw_worker",
        "SET SESSION AUTHORIZATION lw_definer",
        "CREATE TABLE public.mine (n int)",
        "ALTER TABLE registry.tag DISABLE ROW LEVEL SECURITY",
    ):
        with pytest.raises(psycopg.errors.InsufficientPrivilege), app.transaction():
            app.execute(statement)


def test_workers_look_across_but_write_inside_their_tenant_only(tenant, other, database):
    with psycopg.connect(database.dsn("lw_worker")) as worker:
        assert worker.execute("SELECT count(*) FROM registry.tenant").fetchone() == (2,)
        worker.commit()
        for scope in (None, other.tenant_id):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                run_as(worker, scope, "INSERT INTO work.counter (tenant_id) VALUES (%s)", tenant.tenant_id)


def test_samples_are_shown_for_visible_tags_and_their_period_only(tenant, other, owner, app, database):
    ours, theirs = tenant.series["pump-1", "vibration"], other.series["pump-1", "vibration"]
    with psycopg.connect(database.dsn("lw_ingest")) as ingest:
        for series in (ours, theirs):
            ingest.execute(
                "INSERT INTO telemetry.sample (time, value, series_id, arrived, quality) "
                f"SELECT now() - n * interval '1 minute', n, %s, ({NOW}), 0 FROM generate_series(1, 10) n",
                [series],
            )
            ingest.execute("INSERT INTO telemetry.text_sample VALUES (now(), %s, 0, 'running')", [series])

    def read(tenant_id) -> list[tuple]:
        with app.transaction():
            if tenant_id:
                enter(app, tenant_id)
            arguments = [[ours, theirs], "-1h", "1h"]
            query = "SELECT series_id, value FROM telemetry.samples(%s, now() + %s::interval, now() + %s::interval)"
            texts = "SELECT series_id, value FROM telemetry.texts(%s, now() + %s::interval, now() + %s::interval)"
            return app.execute(query, arguments).fetchall() + app.execute(texts, arguments).fetchall()

    assert read(None) == []
    assert read(uuid4()) == []
    own = {(ours, float(n)) for n in range(1, 11)} | {(ours, "running")}
    assert set(read(tenant.tenant_id)) == own
    owner.execute(
        "INSERT INTO registry.visible_tag VALUES "
        "(%s, %s, now() - interval '5.5 minutes', now() - interval '2.5 minutes')",
        [tenant.tenant_id, theirs],
    )
    assert set(read(tenant.tenant_id)) == own | {(theirs, 3.0), (theirs, 4.0), (theirs, 5.0)}
