"""Migrations: each once, in order, whole or not at all, never edited."""

import shutil
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from database import DatabaseUnavailable, MigrationConflict
from database.backend import Backend, Kind, detect
from database.embedded import EmbeddedPostgres
from database.migrate import migrate, read_migrations
from database.roles import enable_logins
from device_registry.seed import seed
from tests.database import tenancy
from tests.plant import PLANT

MIGRATIONS = Path(__file__).parents[2] / "database" / "migrations"
PLAIN = Backend(Kind.PLAIN, "18")


@pytest.fixture
def empty(postgres):
    """DSN of an empty database."""
    with psycopg.connect(postgres.dsn("owner", "postgres"), autocommit=True) as connection:
        connection.execute("CREATE DATABASE empty")
        yield postgres.dsn("owner", "empty")
        connection.execute("DROP DATABASE empty WITH (FORCE)")


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "0001_first.sql").write_text("CREATE TABLE first (n int); INSERT INTO first VALUES (1);")
    (tmp_path / "0002_second.plain.sql").write_text("CREATE TABLE second (n int);")
    (tmp_path / "0002_second.timescale.sql").write_text("this is no SQL")
    return tmp_path


def tables(dsn: str) -> set[str]:
    with psycopg.connect(dsn) as connection:
        return {name for (name,) in connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")}


def test_all_of_ours_apply_once(empty):
    applied = migrate(empty)
    assert applied == [migration.name for migration in read_migrations(MIGRATIONS, PLAIN)]
    assert migrate(empty) == []


def test_the_variant_of_the_backend_is_taken(empty, folder):
    assert migrate(empty, folder) == ["0001_first", "0002_second"]
    with psycopg.connect(empty) as connection:
        assert detect(connection).kind is Kind.PLAIN
    timescale = Backend(Kind.TIMESCALE_APACHE, "18", "2.31.0")
    assert [migration.text for migration in read_migrations(folder, timescale)][1] == "this is no SQL"


def test_an_edited_migration_is_a_conflict(empty, folder):
    migrate(empty, folder)
    (folder / "0001_first.sql").write_text("CREATE TABLE first (n bigint);")
    with pytest.raises(MigrationConflict, match="0001_first was changed"):
        migrate(empty, folder)


def test_a_database_newer_than_the_program_is_a_conflict(empty, folder):
    migrate(empty, folder)
    (folder / "0002_second.plain.sql").unlink()
    with pytest.raises(MigrationConflict, match="0002_second"):
        migrate(empty, folder)


@pytest.mark.parametrize("name", ["readme.txt", "1_short.sql", "0003_x.mysql.sql"])
def test_a_stray_file_is_a_conflict(empty, folder, name):
    (folder / name).write_text("")
    with pytest.raises(MigrationConflict, match="NNNN_name"):
        migrate(empty, folder)


def test_a_number_taken_twice_is_a_conflict(empty, folder):
    (folder / "0001_other.sql").write_text("")
    with pytest.raises(MigrationConflict, match="taken"):
        migrate(empty, folder)


def test_a_failing_migration_leaves_nothing_and_keeps_what_was_before(empty, folder):
    (folder / "0003_third.sql").write_text("CREATE TABLE third (n int); SELECT 1 / 0;")
    with pytest.raises(psycopg.errors.DivisionByZero):
        migrate(empty, folder)
    assert tables(empty) == {"first", "second", "linewright_migration"}
    (folder / "0003_third.sql").write_text("CREATE TABLE third (n int);")
    assert migrate(empty, folder) == ["0003_third"]


def test_two_at_once_apply_each_migration_once(empty, folder):
    shutil.copy(folder / "0002_second.plain.sql", folder / "0003_slow.sql")
    (folder / "0003_slow.sql").write_text("SELECT pg_sleep(0.3);")
    applied: list[list[str]] = []
    runs = [threading.Thread(target=lambda: applied.append(migrate(empty, folder))) for _ in range(2)]
    for run in runs:
        run.start()
    for run in runs:
        run.join(10)
    assert sorted(map(len, applied)) == [0, 3]


def test_an_absent_database_is_told(empty):
    with pytest.raises(DatabaseUnavailable):
        migrate("host=/nowhere")


async def test_an_owner_without_special_rights_is_enough(open_folder):
    with EmbeddedPostgres(open_folder / "ordinary" / "pg") as server:  # roles belong to a whole server
        with psycopg.connect(server.dsn("owner"), autocommit=True) as connection:
            connection.execute("CREATE ROLE somebody LOGIN CREATEROLE PASSWORD 'x'")
            connection.execute("CREATE DATABASE theirs OWNER somebody")
        dsn = make_conninfo(server.dsn("owner", "theirs"), user="somebody", password="x")
        assert migrate(dsn)
        enable_logins(dsn, {"lw_app": "a password of lw_app"})
        async with await psycopg.AsyncConnection.connect(dsn) as connection:
            seeded = await seed(connection, PLANT)
        with psycopg.connect(make_conninfo(dsn, user="lw_app", password="a password of lw_app")) as app:
            app.execute("SELECT set_config('app.tenant', %s, true)", [str(seeded.tenant_id)])
            assert app.execute("SELECT count(*) FROM registry.machine").fetchone() == (4,)
        with psycopg.connect(server.dsn("owner", "theirs")) as connection:
            assert tenancy.holes(connection) == []


def test_two_databases_of_one_server_may_be_set_up_at_the_same_moment(open_folder):
    def set_up(name: str) -> None:
        dsn = server.dsn("owner", name)
        migrate(dsn)
        for turn in range(20):
            enable_logins(dsn, {"lw_app": f"password {turn}", "lw_ingest": "another"})

    names = [f"plant_{number}" for number in range(4)]
    with EmbeddedPostgres(open_folder / "shared" / "pg") as server, ThreadPoolExecutor(len(names)) as threads:
        with psycopg.connect(server.dsn("owner"), autocommit=True) as connection:
            for name in names:
                connection.execute(f"CREATE DATABASE {name}")
        list(threads.map(set_up, names))
