"""The spool's SQLite file: every batch is here, on disk, before anyone hears of it, until the cloud has it.

    columns ──write (one transaction, one fsync)──► batch + payload ──load──► bytes to publish
    receipt ──write──► kept for a while ──time is up, or the space is needed──► deleted

WAL with synchronous=FULL: what `write` has returned survives a power cut. All of it blocks and belongs to one thread
(`spool.py`). Small pages, because the group commit of a small plant is a few kB and SQLite writes whole pages.
"""

import contextlib
import hashlib
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID

import numpy as np

from edge_gateway import SpoolUnwritable
from edge_gateway.batcher import GROUP_BYTES, size_bytes
from edge_gateway.delivery import BatchKey, Change
from edge_gateway.ranges import Ranges
from edge_gateway.spool_connection import connect
from edge_gateway.spool_room import PAGE_BYTES, Limits, Room
from edge_gateway.spooled import Dropped, HeldRun, Removed, Salvaged, batch_id, queries, run_no_of, seq_of
from protocols.sample import Columns
from protocols.wire import columnar
from protocols.wire.batch import BatchHeader
from runtime.clock import NS_PER_S, ClockState

T = TypeVar("T")

_LAYOUT = 1
_COMPRESS_FROM_BYTES = 512
_CREATE = ("run", "catalog", "batch", "batch_receipted", "payload", "dropped")
_DROPPED_TOLD = 100


@dataclass(frozen=True, slots=True)
class Commit:
    """What one transaction takes in: new batches, and what receipts have changed meanwhile."""

    batches: Sequence[Columns]
    changes: Sequence[Change]
    now_ns: int
    clock: ClockState


@dataclass(frozen=True, slots=True)
class Written:
    """The batches that a write committed, and what it removed to make room or because its time was up."""

    keys: list[BatchKey]
    payload_bytes: int
    gone: list[BatchKey]
    dropped_batches: int
    dropped_samples: int


class SpoolFile:
    """One open spool. `begin_run` before the first `write`."""

    def __init__(self, path: Path, max_bytes: int, keep_s: float) -> None:
        self._path = path
        self._limits = Limits(max_bytes)
        self._keep_ns = round(keep_s * NS_PER_S)
        self._run_ids: dict[int, UUID] = {}
        self._run_nos: dict[UUID, int] = {}
        self._run_no = 0
        self._revision = 0
        self._seq = 0

    def open(self) -> None:
        """Connect, check and lay out.

        Raises:
            sqlite3.DatabaseError: it is taken, cannot be written, or is damaged (`salvage.py` tells them apart).
        """
        self._connection = connect(self._path)
        try:
            self._lay_out()
        except BaseException:
            self._connection.close()
            raise
        self._room = Room(self._connection, self._path, self._limits)
        for run_no, run_id, _, _ in self._connection.execute(queries.runs):
            self._know(run_no, UUID(bytes=run_id))

    def _lay_out(self) -> None:
        db = self._connection
        db.execute(f"PRAGMA wal_autocheckpoint = {self._limits.log_bytes // PAGE_BYTES}")
        db.execute(f"PRAGMA journal_size_limit = {self._limits.log_bytes_most}")
        (layout,) = db.execute("PRAGMA user_version").fetchone()
        (answer,) = db.execute("PRAGMA quick_check(1)").fetchone()
        if answer != "ok":
            raise sqlite3.DatabaseError(f"quick_check says: {answer}")
        if layout > _LAYOUT:
            raise SpoolUnwritable(f"{self._path}: layout {layout} is of a newer version; install that version again")
        if layout == 0:
            with self._transaction():
                for name in _CREATE:
                    db.execute(getattr(queries, f"create_{name}"))
                db.execute(f"PRAGMA user_version = {_LAYOUT}")

    def close(self) -> None:
        self._connection.close()

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[None]:
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._connection.execute("COMMIT")
        except BaseException:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            raise

    def _know(self, run_no: int, run: UUID) -> None:
        self._run_ids[run_no] = run
        self._run_nos[run] = run_no

    # Runs

    def runs(self) -> list[HeldRun]:
        """What is here of earlier runs, oldest first."""
        ranges: dict[int, tuple[Ranges, Ranges]] = {}
        for id_, receipted in self._connection.execute(queries.batches):
            both = ranges.setdefault(run_no_of(id_), (Ranges(), Ranges()))
            both[receipted].add(seq_of(id_), seq_of(id_))
        return [
            HeldRun(UUID(bytes=run_id), revision, started_ns, *ranges.get(run_no, (Ranges(), Ranges())))
            for run_no, run_id, revision, started_ns in self._connection.execute(queries.runs)
        ]

    def catalogs(self) -> dict[int, bytes]:
        return dict(self._connection.execute(queries.catalogs).fetchall())

    def begin_run(self, run: UUID, revision: int, catalog: bytes, now_ns: int) -> None:
        """Number batches of `run` from 1 on."""
        row = {"run_id": run.bytes, "revision": revision, "started_ns": now_ns}

        def work() -> int:
            with self._transaction():
                self._connection.execute(queries.delete_empty_runs)
                run_no = self._connection.execute(queries.insert_run, row).lastrowid
                self._connection.execute(queries.keep_catalog, {"revision": revision, "body": catalog})
                self._connection.execute(queries.delete_unused_catalogs)
            return int(run_no or 0)

        self._run_no = self._attempt(work)
        self._revision, self._seq = revision, 0
        self._know(self._run_no, run)

    def _attempt(self, work: Callable[[], T]) -> T:
        """Do it; on a full disk once more with the space of the reserve."""
        self._room.look_for_space()
        try:
            try:
                return work()
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode != sqlite3.SQLITE_FULL:
                    raise
                self._room.disk_is_full()
                return work()
        except sqlite3.OperationalError as error:
            raise SpoolUnwritable(f"{self._path}: {error}") from error

    def take_over(self, catalogs: dict[int, bytes], salvaged: Iterable[Salvaged]) -> int:
        """Put in what could be read of a damaged spool, under its old runs and numbers; returns how many batches."""
        count = 0
        with self._transaction():
            for revision, body in catalogs.items():
                self._connection.execute(queries.keep_catalog, {"revision": revision, "body": body})
            for batch in salvaged:
                row = {**batch._asdict(), "run_no": run_no_of(batch.id), "run_id": batch.run.bytes}
                self._connection.execute(queries.salvage_run, {**row, "started_ns": batch.first_ns})
                self._connection.execute(queries.salvage_batch, row)
                self._connection.execute(queries.insert_payload, row)
                self._know(run_no_of(batch.id), batch.run)
                count += 1
        return count

    # Batches

    @property
    def batches_most(self) -> int:
        """How many batches a commit should hold at most, so that the log stays within its share."""
        return max(1, self._limits.transaction_bytes // GROUP_BYTES)

    def write(self, commit: Commit) -> Written:
        """Commit batches and receipts, and delete what is no longer needed: one transaction, one fsync.

        Raises:
            SpoolUnwritable: nothing of it was committed, it may be tried again (under new numbers).
        """
        rows = [self._encode(columns, commit.clock) for columns in commit.batches]
        removed = self._attempt(lambda: self._write(rows, commit))
        keys = [self._key(row["id"]) for row in rows]
        payload_bytes = sum(len(row["body"]) for row in rows)
        gone = [self._key(id_) for id_ in removed.ids]
        return Written(keys, payload_bytes, gone, removed.dropped_batches, removed.dropped_samples)

    def _encode(self, columns: Columns, clock: ClockState) -> dict[str, Any]:
        self._seq += 1
        count = sum(len(column) for column in columns)
        header = BatchHeader(self._run_ids[self._run_no], self._seq, self._revision, clock, count)
        body = columnar.encode(header, columns, compress=size_bytes(columns) >= _COMPRESS_FROM_BYTES)
        return {
            "id": batch_id(self._run_no, self._seq),
            "revision": self._revision,
            "samples": count,
            "first_ns": min(int(np.min(column.time_ns)) for column in columns),
            "last_ns": max(int(np.max(column.time_ns)) for column in columns),
            "sha256": hashlib.sha256(body).digest(),
            "body": body,
        }

    def _write(self, rows: list[dict[str, Any]], commit: Commit) -> Removed:
        with self._transaction():
            for change in commit.changes:
                self._mark(change.run, change.receipted, commit.now_ns)
                self._mark(change.run, change.reopened, None)
            removed = self._room.expire(commit.now_ns - self._keep_ns)
            removed.add(self._room.make(sum(len(row["body"]) for row in rows)))
            self._connection.executemany(queries.insert_batch, rows)
            self._connection.executemany(queries.insert_payload, rows)
        return removed

    def _mark(self, run: UUID, ranges: Ranges, receipted_ns: int | None) -> None:
        for low, high in ranges:
            first, last = batch_id(self._run_nos[run], low), batch_id(self._run_nos[run], high)
            self._connection.execute(queries.mark, {"first": first, "last": last, "receipted_ns": receipted_ns})

    def _key(self, id_: int) -> BatchKey:
        return BatchKey(self._run_ids[run_no_of(id_)], seq_of(id_))

    def _id(self, key: BatchKey) -> int:
        return batch_id(self._run_nos[key.run], key.seq)

    def load(self, keys: Sequence[BatchKey]) -> list[bytes | None]:
        """The payloads of these batches; None where it is gone, or was damaged and is given up with that."""
        return [self._load(key) for key in keys]

    def _load(self, key: BatchKey) -> bytes | None:
        row = self._connection.execute(queries.load, {"id": self._id(key)}).fetchone()
        if row and hashlib.sha256(row[0]).digest() == row[1]:
            return bytes(row[0])
        if row:
            with self._transaction():
                about = self._connection.execute(queries.one_batch, {"id": self._id(key)}).fetchall()
                self._room.drop(about, "damaged")
        return None

    def before_this_run(self, most: int) -> list[bytes]:
        """The newest payloads of earlier runs, newest first."""
        query = {"before": batch_id(self._run_no, 0), "most": most}
        return [bytes(body) for (body,) in self._connection.execute(queries.newest, query)]

    def first_ns(self, key: BatchKey) -> int | None:
        """When the first sample of this batch was taken."""
        row = self._connection.execute(queries.one_batch, {"id": self._id(key)}).fetchone()
        return int(row[2]) if row else None

    def dropped(self) -> list[Dropped]:
        """What never reached the cloud, newest first."""
        rows = self._connection.execute(queries.dropped, {"most": _DROPPED_TOLD})
        return [
            Dropped(self._run_ids[run_no_of(first)], seq_of(first), seq_of(last), *rest) for first, last, *rest in rows
        ]

    def used_bytes(self) -> int:
        return self._room.used_bytes()
