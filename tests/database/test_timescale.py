"""The same schema and queries on TimescaleDB, against a real server (scripts/timescale-chroot)."""

import os

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from database.backend import Kind, detect
from database.migrate import migrate
from device_registry.seed import seed
from tests.database import tenancy
from tests.plant import PLANT

SERVER = os.environ.get("LINEWRIGHT_TEST_TIMESCALE_DSN", "")
MINUTES_NOW = "(extract(epoch FROM now())::bigint / 60)::int"

pytestmark = [
    pytest.mark.timescale,
    pytest.mark.skipif(not SERVER, reason="LINEWRIGHT_TEST_TIMESCALE_DSN is not set; see scripts/timescale-chroot"),
]


@pytest.fixture
def dsn():
    """A fresh, migrated database on that server."""
    name = f"linewright_test_{os.getpid()}"
    with psycopg.connect(SERVER, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
        yield make_conninfo(SERVER, dbname=name)
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
async def plant(dsn):
    migrate(dsn)
    async with await psycopg.AsyncConnection.connect(dsn) as connection:
        return await seed(connection, PLANT)


def connect_as(dsn, role):
    connection = psycopg.connect(dsn)
    connection.execute(f"SET SESSION AUTHORIZATION {role}")
    connection.commit()
    return connection


def write_samples(dsn, series, minutes_old):
    """Ten samples that arrived so many minutes ago, by COPY as ingest does it."""
    with connect_as(dsn, "lw_ingest") as ingest:
        arrived = ingest.execute(f"SELECT {MINUTES_NOW} - %s", [minutes_old]).fetchone()[0]
        stamps = ingest.execute(
            "SELECT now() - (%s + n) * interval '1 minute' FROM generate_series(0, 9) n", [minutes_old]
        ).fetchall()
        query = "COPY telemetry.sample (time, value, series_id, arrived, quality) FROM STDIN"
        with ingest.cursor() as cursor, cursor.copy(query) as copy:
            for number, (stamp,) in enumerate(stamps):
                copy.write_row((stamp, float(number), series, arrived, 0))


def read_samples(dsn, tenant_id, series, since="-100 days"):
    query = "SELECT value FROM telemetry.samples(%s, now() + %s::interval, now() + interval '1 hour') ORDER BY value"
    with connect_as(dsn, "lw_app") as app:
        app.execute("SELECT set_config('app.tenant', %s, true)", [str(tenant_id)])
        return [value for (value,) in app.execute(query, [[series], since])]


def test_migrations_make_a_hypertable_and_the_edition_is_told(dsn):
    assert "0004_sample_partitions" in migrate(dsn)
    assert migrate(dsn) == []
    with psycopg.connect(dsn) as connection:
        backend = detect(connection)
        assert (backend.kind, backend.migration_suffix) == (Kind.TIMESCALE_APACHE, "timescale")
        assert backend.timescale_version
        query = (
            "SELECT d.column_name, d.integer_interval FROM timescaledb_information.hypertables h "
            "JOIN timescaledb_information.dimensions d USING (hypertable_schema, hypertable_name) "
            "WHERE h.hypertable_schema = 'telemetry' AND h.hypertable_name = 'sample'"
        )
        assert connection.execute(query).fetchall() == [("arrived", 10)]


def test_an_extension_that_is_there_is_taken_and_one_that_is_only_available_is_made(dsn):
    with psycopg.connect(dsn) as connection:
        before = connection.execute("SELECT extversion FROM pg_extension WHERE extname = 'timescaledb'").fetchall()
    migrate(dsn)
    with psycopg.connect(dsn) as connection:
        after = connection.execute("SELECT extversion FROM pg_extension WHERE extname = 'timescaledb'").fetchall()
    assert (len(before), len(after)) == (0, 1)


def test_samples_come_back_through_the_function_and_old_ones_are_dropped(dsn, plant):
    series = plant.series["pump-1", "vibration"]
    write_samples(dsn, series, 0)
    write_samples(dsn, series, 40 * 1440)
    assert read_samples(dsn, plant.tenant_id, series) == sorted([float(n) for n in range(10)] * 2)
    with connect_as(dsn, "lw_ingest") as ingest:
        assert ingest.execute("SELECT telemetry.make_partitions()").fetchone() == (0,)
    with psycopg.connect(dsn) as owner:
        for dropped in (1, 0):
            assert owner.execute(f"SELECT telemetry.drop_parts({MINUTES_NOW} - 30 * 1440)").fetchone() == (dropped,)
    assert read_samples(dsn, plant.tenant_id, series) == [float(n) for n in range(10)]


def test_the_wall_has_no_hole_in_its_chunks_either(dsn, plant):
    write_samples(dsn, plant.series["pump-1", "vibration"], 0)
    with psycopg.connect(dsn) as connection:
        assert connection.execute("SELECT count(*) FROM show_chunks('telemetry.sample')").fetchone() == (1,)
        assert tenancy.holes(connection) == []
    with connect_as(dsn, "lw_app") as app, pytest.raises(psycopg.errors.InsufficientPrivilege):
        app.execute("SELECT FROM telemetry.sample")
