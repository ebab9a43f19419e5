"""Opens the spool's database: WAL, every commit flushed before it returns, and nobody else beside us."""

import contextlib
import os
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from edge_gateway import GatewayError, SpoolTaken, SpoolUnwritable

PAGE_BYTES = 512  # SQLite writes whole pages: small ones, for the group commit of a small plant is a few kB
_PRAGMAS = (
    f"page_size = {PAGE_BYTES}",
    "locking_mode = EXCLUSIVE",
    "journal_mode = WAL",
    "synchronous = FULL",
    "cache_size = -2000",
    "temp_store = MEMORY",
    "secure_delete = OFF",  # on in Debian: it would write every page once more to delete it
)
_NO_DAMAGE = {
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_PERM,
    sqlite3.SQLITE_READONLY,
}


_UNKNOWN = 1 << 62


class Database:
    """One open file. `put_back` gives it another connection, so hold this and not the connection."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._connection = _connect(path)
        self._files = _files(path)
        self.log_frames = self._write_log_back()

    def _write_log_back(self) -> int:
        """Returns how many pages of the log an earlier process has left to us."""
        try:
            _, frames, _ = self.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
        except sqlite3.OperationalError:  # a full disk; it will be written back later
            return _UNKNOWN
        return int(frames)

    def execute(self, sql: str, parameters: Mapping[str, Any] | Sequence[Any] = ()) -> sqlite3.Cursor:
        return self._connection.execute(sql, parameters)

    def executemany(self, sql: str, parameters: Iterable[Mapping[str, Any]]) -> None:
        self._connection.executemany(sql, parameters)

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        """All of it or nothing; on disk when the context is left."""
        self.execute("BEGIN IMMEDIATE")
        try:
            yield
            self.execute("COMMIT")
        except BaseException:
            if self._connection.in_transaction:
                self.execute("ROLLBACK")
            raise

    def close(self) -> None:
        self._connection.close()

    @property
    def lost(self) -> bool:
        """Somebody has deleted or replaced the file, which the connection does not notice."""
        return _files(self.path) != self._files

    def put_back(self) -> None:
        """Write what the connection still sees into a new file; what stands in its place by now is set aside."""
        copy = beside(self.path, "-copy")
        copy.unlink(missing_ok=True)
        self.execute("VACUUM INTO ?", [str(copy)])
        _flush(copy)
        self._connection.close()
        if _files(self.path)[0] not in (None, self._files[0]):
            set_aside(self.path, "replaced")
        copy.rename(self.path)
        _flush(self.path.parent)
        self._connection = _connect(self.path)
        self._files = _files(self.path)


def _connect(path: Path) -> sqlite3.Connection:
    """A connection that nobody else can have beside it, with every commit on disk before it returns."""
    connection = sqlite3.connect(path, isolation_level=None, timeout=1.0)
    connection.text_factory = partial(str, encoding="utf-8", errors="replace")
    try:
        for pragma in _PRAGMAS:
            connection.execute(f"PRAGMA {pragma}")
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("COMMIT")
    except BaseException:
        connection.close()
        raise
    return connection


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def beside(path: Path, suffix: str) -> Path:
    """A file that belongs to the spool: `-wal` is SQLite's write-ahead log."""
    return path.with_name(path.name + suffix)


def set_aside(path: Path, why: str) -> Path:
    """Rename the file and its log to <name>.<why>; only the last one is kept, for they are large."""
    aside = beside(path, f".{why}")
    for suffix in ("", "-wal", "-shm"):
        beside(aside, suffix).unlink(missing_ok=True)
        with contextlib.suppress(FileNotFoundError):
            beside(path, suffix).rename(beside(aside, suffix))
    return aside


def _files(path: Path) -> list[tuple[int, int] | None]:
    """Which files stand there now: database and log."""
    found: list[tuple[int, int] | None] = []
    for file in (path, beside(path, "-wal")):
        try:
            about = file.stat()
            found.append((about.st_dev, about.st_ino))
        except FileNotFoundError:
            found.append(None)
    return found


def is_damage(error: sqlite3.DatabaseError) -> bool:
    """Whether it is the file's content that is wrong, and not the disk or somebody else."""
    return _code(error) not in {*_NO_DAMAGE, sqlite3.SQLITE_BUSY}


def unusable(path: Path, error: sqlite3.DatabaseError) -> GatewayError | None:
    """Why the file cannot be opened although it may be whole; None when it is damaged."""
    if is_damage(error):
        return None
    if _code(error) == sqlite3.SQLITE_BUSY:
        return SpoolTaken(f"{path}: another process uses this spool; stop it, or give this gateway another path")
    return SpoolUnwritable(f"{path}: {error}; give the gateway a folder that it may write to, with space left")


def _code(error: sqlite3.DatabaseError) -> int:
    return int(getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT)) & 0xFF
