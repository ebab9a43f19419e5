"""Brings a database to this program's schema: numbered SQL files, each applied once, in order, in one transaction.

    migrations/NNNN_name[.plain|.timescale].sql ──► public.linewright_migration (number, name, sha256)

A file with a backend in its name is applied on that backend only. An applied file never changes: whoever edits one
is told, because two databases would silently differ.
"""

import hashlib
import re
from dataclasses import dataclass
from functools import partial
from importlib.resources import files
from importlib.resources.abc import Traversable

import psycopg
import structlog

from database import DatabaseUnavailable, MigrationConflict
from database.backend import Backend, prepare
from database.roles import change_shared

log = structlog.get_logger()

_NAME = re.compile(r"(\d{4})_([a-z0-9_]+)(?:\.(plain|timescale))?\.sql")
_LOCK = 0x6C696E65  # any number that nothing else in the database takes
_TABLE = """
CREATE TABLE IF NOT EXISTS public.linewright_migration (
  number      int PRIMARY KEY,
  name        text NOT NULL,
  sha256      text NOT NULL,
  applied_at  timestamptz NOT NULL DEFAULT now()
)
"""
_Connection = psycopg.Connection[tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Migration:
    """One file that belongs to this backend."""

    number: int
    name: str
    text: str

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.text.encode()).hexdigest()


def migrate(dsn: str, folder: Traversable | None = None) -> list[str]:
    """Apply what is missing; returns the names of what was applied. The role must own the database.

    Raises:
        DatabaseUnavailable: nobody answers.
        MigrationConflict: an applied file was edited, or the database is newer than this program.
    """
    try:
        connection = psycopg.connect(dsn, autocommit=True, application_name="linewright migrate")
    except psycopg.OperationalError as error:
        raise DatabaseUnavailable(f"the database does not answer: {error}") from error
    with connection:
        connection.execute("SELECT pg_advisory_lock(%s)", [_LOCK])
        backend = prepare(connection)
        wanted = read_migrations(folder or files("database") / "migrations", backend)
        connection.execute(_TABLE)
        missing = _missing(connection, wanted)
        for migration in missing:
            change_shared(partial(_apply, connection, migration))
            log.info("migration applied", migration=migration.name, backend=backend.kind)
    return [migration.name for migration in missing]


def read_migrations(folder: Traversable, backend: Backend) -> list[Migration]:
    """The files of this backend in order of their numbers."""
    found: dict[int, Migration] = {}
    for file in folder.iterdir():
        match = _NAME.fullmatch(file.name)
        if not match:
            raise MigrationConflict(f"{file.name}: a migration is called NNNN_name.sql or NNNN_name.<backend>.sql")
        number, name, suffix = int(match[1]), f"{match[1]}_{match[2]}", match[3]
        if suffix not in (None, backend.migration_suffix):
            continue
        if number in found:
            raise MigrationConflict(f"{file.name}: the number is taken by {found[number].name}")
        found[number] = Migration(number, name, file.read_text(encoding="utf-8"))
    return [found[number] for number in sorted(found)]


def _missing(connection: _Connection, wanted: list[Migration]) -> list[Migration]:
    applied: dict[int, tuple[str, str]] = {
        int(number): (name, sha256)
        for number, name, sha256 in connection.execute("SELECT number, name, sha256 FROM public.linewright_migration")
    }
    known = {migration.number for migration in wanted}
    newer = sorted(name for number, (name, _) in applied.items() if number not in known)
    if newer:
        raise MigrationConflict(
            f"the database has {', '.join(newer)}, which this program does not know; update Linewright"
        )
    for migration in wanted:
        if migration.number in applied and applied[migration.number][1] != migration.sha256:
            raise MigrationConflict(
                f"{migration.name} was changed after it had been applied to this database; "
                "put the old text back and write the change as a new migration"
            )
    return [migration for migration in wanted if migration.number not in applied]


def _apply(connection: _Connection, migration: Migration) -> None:
    with connection.transaction():
        connection.execute(migration.text.encode())
        connection.execute(
            "INSERT INTO public.linewright_migration (number, name, sha256) VALUES (%s, %s, %s)",
            [migration.number, migration.name, migration.sha256],
        )
