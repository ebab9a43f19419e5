"""The spool's SQLite file: every batch is here, on disk, before anyone hears of it, until the cloud has it.

    columns ──write (one transaction, one fsync)──► batch ──load──► bytes to publish
    receipt ──write──► kept for a while ──time is up, or the space is needed──► deleted

WAL with synchronous=FULL: what `write` has returned survives a power cut. A batch is written once into the log and
once into the database, and nothing of it is touched again until it is deleted. All of it blocks and belongs to one
thread (`spool.py`).
"""

import contextlib
import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID

import structlog

from edge_gateway import SpoolUnwritable
from edge_gateway.batcher import GROUP_BYTES
from edge_gateway.clock.doubt import Correction
from edge_gateway.keep import Group, Keep
from edge_gateway.spool.connection import Database, is_damage
from edge_gateway.spool.layout import lay_out
from edge_gateway.spool.packing import is_whole, packed, put_right
from edge_gateway.spool.receipts import Receipts
from edge_gateway.spool.room import Limits, Room
from edge_gateway.spool.rows import Dropped, Gap, HeldRun, Removed, Salvaged, queries, run_no_of, seq_of
from edge_gateway.spool.runs import Run, Runs
from edge_gateway.spool.sacrifice import Sacrifice
from edge_gateway.uplink.delivery import BatchKey, Change
from edge_gateway.uplink.ranges import Ranges
from runtime.clock import NS_PER_S, ClockState

T = TypeVar("T")

log = structlog.get_logger()

_DROPPED_TOLD = 100


@dataclass(frozen=True, slots=True)
class Commit:
    """What one transaction takes in: new batches, and what receipts have changed meanwhile."""

    batches: Sequence[Group]
    changes: Sequence[Change]
    now_ns: int
    clock: ClockState


@dataclass(frozen=True, slots=True)
class Written:
    """The batches that a write committed, and what it removed to make room or because its time was up.

    `thinned`: new batches with what is left of some that are gone.
    """

    keys: list[BatchKey]
    payload_bytes: int
    gone: list[BatchKey]
    thinned: list[BatchKey]
    thinned_samples: int
    dropped_batches: int
    dropped_samples: int


class SpoolFile:
    """One open spool. `begin_runs` before the first `write`. `damaged`: batches that had to be given up so far."""

    def __init__(self, path: Path, max_bytes: int, keep_s: float, *, thin: bool = True) -> None:
        self.path = path
        self._limits = Limits(max_bytes)
        self._keep_ns = round(keep_s * NS_PER_S)
        self.damaged = 0
        self._thin_bytes = self._limits.transaction_bytes if thin else 0

    def open(self) -> None:
        """Connect, check and lay out.

        Raises:
            sqlite3.DatabaseError: it is taken, cannot be written, or is damaged (`salvage.py` tells them apart).
        """
        self._db = Database(self.path)
        try:
            lay_out(self._db)
            self._runs, self._receipts = Runs(self._db), Receipts(self._db, self._keep_ns)
            self._runs.check()
            self._receipts.check()
        except BaseException:
            self._db.close()
            raise
        self._room = Room(self._db, self._limits)
        self._sacrifice = Sacrifice(self._db, self._runs, self._receipts, self._thin_bytes)

    def close(self, now_ns: int = 0) -> None:
        """`now_ns`: the time at which receipts that are only in memory are written down; 0: they are not."""
        if now_ns and self._receipts.unsaved:
            with contextlib.suppress(SpoolUnwritable):
                self._attempt(lambda: self._save_receipts(now_ns))
        self._db.close()

    def _save_receipts(self, now_ns: int) -> None:
        with self._db.transaction():
            self._receipts.save(now_ns)

    @property
    def page_bytes(self) -> int:
        return self._room.page_bytes

    @property
    def log_frames(self) -> int:
        """How many pages of the log were found when it was opened."""
        return self._db.log_frames

    # Runs

    def held(self) -> list[HeldRun]:
        """What is here of earlier runs, oldest samples first."""
        return self._runs.held(self._receipts.ranges())

    def catalogs(self) -> dict[int, bytes]:
        return dict(self._db.execute(queries.catalogs).fetchall())

    def begin_runs(self, runs: Mapping[Keep, UUID], revision: int, catalog: bytes, now_ns: int) -> None:
        """Number new batches of each worth from 1 on, in these runs."""

        def work() -> dict[Keep, Run]:
            with self._db.transaction():
                return self._runs.begin(runs, revision, catalog, now_ns)

        self._runs.use(self._attempt(work))

    def _attempt(self, work: Callable[[], T]) -> T:
        """Do it; on a full disk once more with the space of the reserve."""
        try:
            self._look_after_file()
            try:
                return work()
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode != sqlite3.SQLITE_FULL:
                    raise
                self._room.disk_is_full()
                return work()
        except (sqlite3.OperationalError, OSError) as error:
            raise SpoolUnwritable(f"{self.path}: {error}") from error

    def _look_after_file(self) -> None:
        if self._db.lost:
            self._db.put_back()
            self._room.limit_log()
            log.error("spool file was deleted, written anew", path=str(self.path), way_out="leave it to the gateway")
        self._room.look_for_space()

    def take_over(self, batches: Iterable[Salvaged], catalogs: Mapping[int, bytes], dropped: Iterable[Gap]) -> None:
        """Put in what could be read of a damaged spool, under its old runs and numbers."""
        with self._db.transaction():
            for revision, body in catalogs.items():
                self._db.execute(queries.keep_catalog, {"revision": revision, "body": body})
            for batch in batches:
                self._runs.take_over(run_no_of(batch.id), batch.run, batch.revision, batch.first_ns)
                self._db.execute(queries.insert_batch, batch._asdict())
            for gap in dropped:
                self._db.execute(queries.insert_dropped_range, gap._asdict())

    def tell_missing(self) -> None:
        """Write down which numbers are not there, of those that were taken over; nobody knows which was the last."""
        told = Ranges((first, last) for first, last, *_ in self._db.execute(queries.dropped, {"most": -1}))
        rows = self._db.execute(queries.missing).fetchall()
        gaps = [
            Gap(low, high, 0, first_ns, last_ns, "damaged")
            for first, last, first_ns, last_ns in rows
            for low, high in Ranges([(first, last)]).without(told)
        ]
        self.take_over((), {}, gaps)

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
        for change in commit.changes:
            self._receipts.note(self._ids(change.run, change.receipted), self._ids(change.run, change.reopened))
        rows = [packed(self._runs.current[keep], columns, commit.clock) for keep, columns in commit.batches]
        removed = self._attempt(lambda: self._write(rows, commit.now_ns))
        return Written(
            [self._runs.key(row["id"]) for row in rows],
            sum(len(row["body"]) for row in rows),
            [self._runs.key(id_) for id_ in removed.ids],
            [self._runs.key(id_) for id_ in removed.added],
            removed.thinned_samples,
            removed.dropped_batches,
            removed.dropped_samples,
        )

    def _ids(self, run: UUID, ranges: Ranges) -> list[tuple[int, int]]:
        return [(self._runs.id(BatchKey(run, low)), self._runs.id(BatchKey(run, high))) for low, high in ranges]

    def _write(self, rows: list[dict[str, Any]], now_ns: int) -> Removed:
        with self._db.transaction():
            self._receipts.start(now_ns)
            removed = Removed(self._receipts.expire(now_ns))
            removed.add(self._room.make([len(row["body"]) for row in rows], self._sacrifice.blocks(now_ns)))
            self._db.executemany(queries.insert_batch, rows)
        self._receipts.committed(now_ns)
        return removed

    def correct(self, keys: Sequence[BatchKey], correction: Correction, state: ClockState) -> None:
        """Put batches that were never published on the right time; what is damaged stays as it is.

        Raises:
            SpoolUnwritable: none of them was changed.
        """
        self._attempt(lambda: self._correct(keys, correction, state))

    def _correct(self, keys: Sequence[BatchKey], correction: Correction, state: ClockState) -> None:
        with self._db.transaction():
            for id_ in map(self._runs.id, keys):
                row = self._db.execute(queries.load, {"id": id_}).fetchone()
                if row and is_whole(self._runs.of_id(id_), id_, row[1], row[0]):
                    self._db.execute(queries.replace_batch, {"id": id_, **put_right(row[0], correction, state)})

    def load(self, keys: Sequence[BatchKey]) -> list[bytes | None]:
        """The payloads of these batches, to publish them; None where one is gone, or damaged and given up with that."""
        ids = [self._runs.id(key) for key in keys]
        with contextlib.suppress(sqlite3.OperationalError):  # on a full disk, delivering is what helps
            self._runs.will_be_sent(ids)
        return [self._load(id_) for id_ in ids]

    def _load(self, id_: int) -> bytes | None:
        try:
            row = self._db.execute(queries.load, {"id": id_}).fetchone()
        except sqlite3.DatabaseError as error:
            if not is_damage(error):
                raise
            row = (b"", b"")
        if row and not is_whole(self._runs.of_id(id_), id_, row[1], row[0]):
            self._give_up(id_)
            return None
        return bytes(row[0]) if row else None

    def _give_up(self, id_: int) -> None:
        self.damaged += 1
        log.error("batch damaged on disk, given up", run=str(self._runs.of_id(id_).run), seq=seq_of(id_))
        with contextlib.suppress(sqlite3.DatabaseError), self._db.transaction():
            self._sacrifice.drop(self._db.execute(queries.about, {"id": id_}).fetchall(), "damaged")

    # Questions

    def before_this_run(self, most: int) -> list[bytes]:
        """The newest payloads of earlier runs, newest first; so many of each worth."""
        found: dict[Keep, list[bytes]] = {}
        for run in self._runs.before():
            bodies = found.setdefault(run.keep, [])
            query = {"first": run.first_id, "last": run.last_id, "most": most - len(bodies)}
            bodies += [bytes(body) for (body,) in self._db.execute(queries.newest, query)]
        return [body for bodies in found.values() for body in bodies]

    def first_ns(self, key: BatchKey) -> int | None:
        """When the first sample of this batch was taken."""
        row = self._db.execute(queries.about, {"id": self._runs.id(key)}).fetchone()
        return int(row[2]) if row else None

    def dropped(self) -> list[Dropped]:
        """What never reached the cloud, newest first."""
        rows = self._db.execute(queries.dropped, {"most": _DROPPED_TOLD})
        return [
            Dropped(self._runs.of_id(first).run, seq_of(first), seq_of(last), *rest)
            for first, last, *rest in rows
            if self._runs.knows(first)
        ]

    def used_bytes(self) -> int:
        return self._room.used_bytes()
