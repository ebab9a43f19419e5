"""Each test of this folder runs on plain PostgreSQL, and on TimescaleDB where there is one."""

import os
from itertools import count

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from database.migrate import migrate
from database.roles import LOGINS, enable_logins
from tests.ingest_service.storage.stored import settle

SERVER = os.environ.get("LINEWRIGHT_TEST_TIMESCALE_DSN", "")
_numbers = count(1)


@pytest.fixture(params=["plain", pytest.param("timescale", marks=pytest.mark.timescale)])
def place(request):
    """An empty database with a few tags."""
    if request.param == "plain":
        yield settle(request.getfixturevalue("database").dsn)
        return
    if not SERVER:
        pytest.skip("LINEWRIGHT_TEST_TIMESCALE_DSN is not set; see scripts/timescale-chroot")
    name = f"linewright_storage_{os.getpid()}_{next(_numbers)}"
    with psycopg.connect(SERVER, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
        try:
            owner = make_conninfo(SERVER, dbname=name)
            migrate(owner)
            enable_logins(owner, dict.fromkeys(LOGINS, "storage"))
            yield settle(lambda role: owner if role == "owner" else make_conninfo(owner, user=role, password="storage"))
        finally:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
