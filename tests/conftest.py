"""Real parts for every test: a PostgreSQL server for the session, a fresh migrated database and a broker for each."""

import shutil
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import psycopg
import pytest
import structlog

from database.embedded import DATABASE, EmbeddedPostgres, start_database
from database.settings import DatabaseSettings
from device_registry.seed import Seeded, seed
from linewright.broker import Broker
from runtime.ports import free_ports
from tests.plant import PLANT

_numbers = count(1)
_MEMORY = Path("/dev/shm")
_MEMORY_BYTES_LEAST = 4 << 30


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Long ones first; within a file the order stays."""
    items.sort(key=lambda item: item.get_closest_marker("long") is None)


@pytest.fixture(autouse=True)
def logs_as_before() -> Iterator[None]:
    """A command that runs in this process sets up its logs; the test after it listens as if nothing had been."""
    before = structlog.get_config()
    yield
    structlog.configure(**before)
    structlog.contextvars.clear_contextvars()


@dataclass(frozen=True, slots=True)
class Database:
    """A migrated database that belongs to one test."""

    server: EmbeddedPostgres
    name: str

    def dsn(self, role: str) -> str:
        """Connection string of `owner`, `lw_ingest`, `lw_worker` or `lw_app`."""
        return self.server.dsn(role, self.name)

    def settings(self, role: str) -> DatabaseSettings:
        """The same as a service is given it."""
        return DatabaseSettings.model_validate({"dsn": self.dsn(role)})


@pytest.fixture(scope="session")
def free_port() -> Callable[[], int]:
    """A factory of TCP ports on 127.0.0.1 that nobody listens on."""

    return lambda: free_ports()[0]


def _temporary_folder(parent: Path | None = None) -> Iterator[Path]:
    """One that other accounts may enter: as root, the server runs as one."""
    folder = Path(tempfile.mkdtemp(prefix="lw-test-", dir=parent))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def open_folder() -> Iterator[Path]:
    """A temporary folder that other accounts may enter."""
    yield from _temporary_folder()


@pytest.fixture(scope="session")
def fast_folder() -> Iterator[Path]:
    """The same in memory where there is enough: a database is made of 300 files, and every test gets one."""
    roomy = _MEMORY.is_dir() and shutil.disk_usage(_MEMORY).free > _MEMORY_BYTES_LEAST
    yield from _temporary_folder(_MEMORY if roomy else None)


@pytest.fixture(scope="session")
def postgres(fast_folder: Path) -> Iterator[EmbeddedPostgres]:
    """The session's server; its database `linewright` is migrated and serves as template only."""
    with start_database(fast_folder / "postgres") as server:
        with psycopg.connect(server.dsn("owner", "postgres"), autocommit=True) as connection:
            # Nothing here has to outlive a power cut.
            for option in ("fsync", "full_page_writes", "synchronous_commit"):
                connection.execute(f"ALTER SYSTEM SET {option} = off")
            connection.execute("SELECT pg_reload_conf()")
        yield server


@pytest.fixture
def database(postgres: EmbeddedPostgres) -> Iterator[Database]:
    """A fresh migrated database."""
    name = f"test_{next(_numbers)}"
    with psycopg.connect(postgres.dsn("owner", "postgres"), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {DATABASE} STRATEGY FILE_COPY")
        yield Database(postgres, name)
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
async def broker(request: pytest.FixtureRequest, open_folder: Path) -> AsyncIterator[Broker]:
    """A real broker on a free port; parametrize indirectly with `mosquitto` or `iotcore` to choose."""
    folder = Path(tempfile.mkdtemp(prefix="broker-", dir=open_folder))
    async with Broker(folder, program=getattr(request, "param", None)) as running:
        yield running


@pytest.fixture
async def tenant(database: Database) -> Seeded:
    """The plant of tests/plant.py in `database`."""
    async with await psycopg.AsyncConnection.connect(database.dsn("owner")) as connection:
        return await seed(connection, PLANT)
