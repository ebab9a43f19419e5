"""Opens the spool's database: WAL, every commit flushed before it returns, and nobody else beside us."""

import sqlite3
from pathlib import Path

from edge_gateway import GatewayError, SpoolTaken, SpoolUnwritable
from edge_gateway.spool_room import PAGE_BYTES

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


def connect(path: Path) -> sqlite3.Connection:
    """A connection that nobody else can have beside it, with every commit on disk before it returns."""
    connection = sqlite3.connect(path, isolation_level=None, timeout=1.0)
    try:
        for pragma in _PRAGMAS:
            connection.execute(f"PRAGMA {pragma}")
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("COMMIT")
    except BaseException:
        connection.close()
        raise
    return connection


def unusable(path: Path, error: sqlite3.DatabaseError) -> GatewayError | None:
    """Why the file cannot be opened although it may be whole; None when it is damaged."""
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT) & 0xFF
    if code == sqlite3.SQLITE_BUSY:
        return SpoolTaken(f"{path}: another process uses this spool; stop it, or give this gateway another path")
    if code in _NO_DAMAGE:
        return SpoolUnwritable(f"{path}: {error}; give the gateway a folder that it may write to, with space left")
    return None
