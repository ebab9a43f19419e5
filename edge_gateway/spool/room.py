"""Keeps the spool under its byte cap: says when something has to go, so that the next batches fit.

    max_bytes = database + write-ahead log + reserve

The reserve is a file as large as the log may become. When the disk itself is full, it is given up: its space is what
writing the log back into the database can take at most. From then on the database does not grow, it gives up what it
holds instead, until there is space for the reserve again.
"""

import contextlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from edge_gateway import SpoolUnwritable
from edge_gateway.spool.connection import Database, beside
from edge_gateway.spool.rows import Removed

_PAGES_BESIDE = 8
_PAGES_A_BATCH = 3


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
        return min(1 << 20, max(64 << 10, self.max_bytes // 256))

    @property
    def log_bytes_most(self) -> int:
        """The log overshoots by the transaction that fills it."""
        return self.log_bytes + 2 * self.transaction_bytes

    @property
    def database_bytes(self) -> int:
        """What is left for the database besides the log and a reserve for it."""
        return self.max_bytes - 2 * self.log_bytes_most


class Room:
    """The space of one open spool. `make` runs inside the caller's transaction."""

    def __init__(self, db: Database, limits: Limits) -> None:
        self._db = db
        self._log = beside(db.path, "-wal")
        self._reserve = beside(db.path, "-reserve")
        self._limits = limits
        self.page_bytes = self._pragma("page_size")  # a spool that began with larger ones keeps them
        self._pages_most = self._all_pages
        self.limit_log()
        self._take_reserve()

    def limit_log(self) -> None:
        """Hold the log to its share; to be said to every new connection."""
        self._db.execute(f"PRAGMA wal_autocheckpoint = {self._limits.log_bytes // self.page_bytes}")
        self._db.execute(f"PRAGMA journal_size_limit = {self._limits.log_bytes_most}")

    @property
    def _all_pages(self) -> int:
        return self._limits.database_bytes // self.page_bytes

    def used_bytes(self) -> int:
        """What the batches take: database without its free pages, and log."""
        with contextlib.suppress(FileNotFoundError):
            return self._used_pages() * self.page_bytes + self._log.stat().st_size
        return self._used_pages() * self.page_bytes

    def _used_pages(self) -> int:
        return self._pragma("page_count") - self._pragma("freelist_count")

    def _pragma(self, name: str) -> int:
        return int(self._db.execute(f"PRAGMA {name}").fetchone()[0])

    def make(self, sizes: Sequence[int], blocks: Iterator[Removed]) -> Removed:
        """Have one block given up after the other until batches of these sizes fit; none while there is space.

        Raises:
            SpoolUnwritable: they do not even fit into an empty spool.
        """
        removed = Removed()
        needed_pages = sum(size // (self.page_bytes - 4) + _PAGES_A_BATCH for size in sizes) + _PAGES_BESIDE
        while self._used_pages() + needed_pages > self._pages_most:
            block = next(blocks, None)
            if block is None:
                raise SpoolUnwritable(f"{sum(sizes)} bytes do not fit: give the spool more max_bytes or the disk space")
            removed.add(block)
        return removed

    def disk_is_full(self) -> None:
        """The disk gave out before the cap: grow no more, and write the log back into the space of the reserve."""
        self._pages_most = self._pragma("page_count")
        self._give_reserve()
        self._db.execute("PRAGMA wal_checkpoint(RESTART)").fetchall()

    def look_for_space(self) -> None:
        """When there is space for the reserve again, the database may grow again."""
        if not self._reserve.exists() and self._free_bytes() > 2 * self._limits.log_bytes_most:
            self._take_reserve()
            self._pages_most = self._all_pages

    def _free_bytes(self) -> int:
        disk = os.statvfs(self._log.parent)
        return disk.f_bavail * disk.f_frsize

    def _take_reserve(self) -> None:
        """Without a reserve the spool works too, but then a full disk may make it wait instead of giving up."""
        try:
            descriptor = os.open(self._reserve, os.O_CREAT | os.O_WRONLY, 0o600)
            try:
                os.posix_fallocate(descriptor, 0, self._limits.log_bytes_most)
            finally:
                os.close(descriptor)
        except OSError:
            self._give_reserve()

    def _give_reserve(self) -> None:
        with contextlib.suppress(OSError):
            self._reserve.unlink()
