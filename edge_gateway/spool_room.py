"""Keeps the spool under its byte cap: what is receipted goes first, then the oldest, and every drop is written down.

The cap covers the database, its write-ahead log and a reserve file as large as the log. When the disk itself is full,
the reserve is given up: its space is what writing the log back into the database can take at most. From then on the
database does not grow, it drops its oldest instead, until there is space for the reserve again.
"""

import contextlib
import os
import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from edge_gateway import SpoolUnwritable
from edge_gateway.spooled import Removed, queries

PAGE_BYTES = 1024
_RECEIPTED_BLOCK = 64
_OPEN_BLOCK = 8
_EXPIRED_BLOCK = 64


@dataclass(frozen=True, slots=True)
class Limits:
    """How the cap is shared out."""

    max_bytes: int

    @property
    def log_bytes(self) -> int:
        """The log is written back into the database at this size."""
        return min(4 << 20, max(128 << 10, self.max_bytes // 32))

    @property
    def transaction_bytes(self) -> int:
        """A transaction takes no more batches beyond this."""
        return min(1 << 20, max(64 << 10, self.max_bytes // 64))

    @property
    def log_bytes_most(self) -> int:
        """The log overshoots by the transaction that fills it."""
        return self.log_bytes + 2 * self.transaction_bytes

    @property
    def database_pages(self) -> int:
        """What is left for the database besides the log and a reserve for it."""
        return (self.max_bytes - 2 * self.log_bytes_most) // PAGE_BYTES


class Room:
    """The space of one open spool. `make` and `expire` run inside the caller's transaction."""

    def __init__(self, connection: sqlite3.Connection, path: Path, limits: Limits) -> None:
        self._connection = connection
        self._log = path.with_name(path.name + "-wal")
        self._reserve = path.with_name(path.name + "-reserve")
        self._limits = limits
        self._pages_most = limits.database_pages
        self._take_reserve()

    def used_bytes(self) -> int:
        """What the batches take: database without its free pages, and log."""
        with contextlib.suppress(FileNotFoundError):
            return self._used_pages() * PAGE_BYTES + self._log.stat().st_size
        return self._used_pages() * PAGE_BYTES

    def _used_pages(self) -> int:
        return self._pragma("page_count") - self._pragma("freelist_count")

    def _pragma(self, name: str) -> int:
        return int(self._connection.execute(f"PRAGMA {name}").fetchone()[0])

    def make(self, needed_bytes: int) -> Removed:
        """Delete until so much fits; nothing is deleted while there is space.

        Raises:
            SpoolUnwritable: it does not even fit into an empty spool.
        """
        removed = Removed()
        needed_pages = needed_bytes // (PAGE_BYTES - 4) + 8
        while self._used_pages() + needed_pages > self._pages_most:
            block = self._receipted()
            if not block.ids:
                block = self._open()
            if not block.ids:
                raise SpoolUnwritable(
                    f"{needed_bytes} bytes do not fit: give the spool more max_bytes or the disk space"
                )
            removed.add(block)
        return removed

    def expire(self, before_ns: int) -> Removed:
        """Delete a block of batches receipted before that time; few at once, but never less than a whole block."""
        query = {"before_ns": before_ns, "most": _EXPIRED_BLOCK}
        ids = [id_ for (id_,) in self._connection.execute(queries.expired, query)]
        if len(ids) < _EXPIRED_BLOCK:
            return Removed()
        self._delete(ids)
        return Removed(ids)

    def drop(self, rows: Iterable[tuple[int, int, int, int]], reason: str) -> Removed:
        """Give up batches (id, samples, first_ns, last_ns) that have no receipt, and write that down."""
        removed = Removed()
        for id_, samples, first_ns, last_ns in rows:
            row = {"id": id_, "samples": samples, "first_ns": first_ns, "last_ns": last_ns, "reason": reason}
            if not self._connection.execute(queries.extend_dropped, row).rowcount:
                self._connection.execute(queries.insert_dropped, row)
            removed.add(Removed([id_], 1, samples))
        self._delete(removed.ids)
        return removed

    def _receipted(self) -> Removed:
        ids = [id_ for (id_,) in self._connection.execute(queries.receipted_block, {"most": _RECEIPTED_BLOCK})]
        self._delete(ids)
        return Removed(ids)

    def _open(self) -> Removed:
        return self.drop(self._connection.execute(queries.open_block, {"most": _OPEN_BLOCK}).fetchall(), "no_space")

    def _delete(self, ids: list[int]) -> None:
        for query in (queries.delete_payload, queries.delete_batch):
            self._connection.executemany(query, [{"id": id_} for id_ in ids])

    def disk_is_full(self) -> None:
        """The disk gave out before the cap: grow no more, and write the log back into the space of the reserve."""
        self._pages_most = self._pragma("page_count")
        self._reserve.unlink(missing_ok=True)
        self._connection.execute("PRAGMA wal_checkpoint(RESTART)").fetchall()

    def look_for_space(self) -> None:
        """When there is space for the reserve again, the database may grow again."""
        if not self._reserve.exists() and self._free_bytes() > 2 * self._limits.log_bytes_most:
            self._take_reserve()
            self._pages_most = self._limits.database_pages

    def _free_bytes(self) -> int:
        disk = os.statvfs(self._log.parent)
        return disk.f_bavail * disk.f_frsize

    def _take_reserve(self) -> None:
        """Without a reserve the spool works too, but then a full disk may make it wait instead of dropping."""
        with contextlib.suppress(OSError):
            descriptor = os.open(self._reserve, os.O_CREAT | os.O_WRONLY, 0o600)
            try:
                os.posix_fallocate(descriptor, 0, self._limits.log_bytes_most)
            finally:
                os.close(descriptor)
