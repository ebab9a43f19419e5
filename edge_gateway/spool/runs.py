"""The runs of a spool: their numbers in the file, their worth, and which of their batches may have been published.

A batch's id is its run's number and its sequence number in one. A run's number is never given again, and neither is
a sequence number within a run, whether or not the transaction that used it was committed.
"""

import hashlib
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from uuid import UUID, uuid4

from edge_gateway.keep import Keep
from edge_gateway.spool.connection import Database
from edge_gateway.spool.rows import SEQ_END, HeldRun, batch_id, queries, run_no_of, seq_of
from edge_gateway.uplink.delivery import BatchKey
from edge_gateway.uplink.ranges import Ranges
from protocols.wire import columnar

_SEND_AHEAD = 256


@dataclass(slots=True)
class Run:
    """One row of the table, and the last sequence number that this process has given."""

    run_no: int
    run: UUID
    revision: int
    started_ns: int
    keep: Keep = Keep.NORMAL
    thinned: int = 0
    sent_most: int = 0
    seq: int = 0

    def next_id(self) -> int:
        """The id of a new batch."""
        self.seq += 1
        return batch_id(self.run_no, self.seq)

    @property
    def first_id(self) -> int:
        return batch_id(self.run_no, 0)

    @property
    def last_id(self) -> int:
        return batch_id(self.run_no, SEQ_END)

    @property
    def first_unsent_id(self) -> int:
        return batch_id(self.run_no, min(self.sent_most + 1, SEQ_END))


class Runs:
    """Every run that this process has seen in the spool."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._by_no: dict[int, Run] = {}
        self._by_id: dict[UUID, Run] = {}
        self.current: dict[Keep, Run] = {}
        self._thinned: dict[tuple[int, Keep, int], Run] = {}
        for run_no, run, revision, started_ns, keep, thinned, sent_most in db.execute(queries.runs):
            self._know(Run(run_no, UUID(bytes=run), revision, started_ns, Keep(keep), thinned, sent_most))

    def _know(self, run: Run) -> Run:
        self._by_no[run.run_no] = self._by_id[run.run] = run
        return run

    def __iter__(self) -> Iterator[Run]:
        """Oldest samples first."""
        return iter(sorted(self._by_no.values(), key=lambda run: (-run.thinned, run.run_no)))

    def of_id(self, id_: int) -> Run:
        return self._by_no[run_no_of(id_)]

    def knows(self, id_: int) -> bool:
        return run_no_of(id_) in self._by_no

    def key(self, id_: int) -> BatchKey:
        return BatchKey(self.of_id(id_).run, seq_of(id_))

    def id(self, key: BatchKey) -> int:
        return batch_id(self._by_id[key.run].run_no, key.seq)

    def _new_no(self) -> int:
        return max(self._by_no, default=0) + 1

    def begin(self, runs: Mapping[Keep, UUID], revision: int, catalog: bytes, now_ns: int) -> dict[Keep, Run]:
        """What to `use` once the caller's transaction is committed."""
        self._db.execute(queries.delete_old_dropped)
        self._db.execute(queries.delete_empty_runs)
        numbered = enumerate(runs.items(), self._new_no())
        begun = {keep: Run(run_no, run, revision, now_ns, keep) for run_no, (keep, run) in numbered}
        for run in begun.values():
            self.put(run)
        self._db.execute(queries.keep_catalog, {"revision": revision, "body": catalog})
        self._db.execute(queries.delete_unused_catalogs)
        return begun

    def use(self, begun: dict[Keep, Run]) -> None:
        """New batches belong to these from now on."""
        self.current = begun
        for run in begun.values():
            self._know(run)

    def put(self, run: Run) -> None:
        """Make sure that the run stands in the file. Inside the caller's transaction."""
        row = {
            "run_no": run.run_no,
            "run_id": run.run.bytes,
            "revision": run.revision,
            "started_ns": run.started_ns,
            "keep": run.keep,
            "thinned": run.thinned,
            "sent_most": run.sent_most,
        }
        self._db.execute(queries.put_run, row)

    def take_over(self, run_no: int, run: UUID, revision: int, started_ns: int) -> None:
        """A run of a damaged spool under its old number: nobody knows what of it was published."""
        if run_no not in self._by_no:
            self.put(self._know(Run(run_no, run, revision, started_ns, sent_most=SEQ_END)))

    def once_more_thinned(self, run: Run) -> Run:
        """The run that takes in the thinned samples of `run`: its revision and worth, new numbers."""
        key = run.revision, run.keep, run.thinned + 1
        if key not in self._thinned:
            new = Run(self._new_no(), uuid4(), run.revision, run.started_ns, run.keep, run.thinned + 1)
            self._thinned[key] = self._know(new)
        self.put(self._thinned[key])
        return self._thinned[key]

    def will_be_sent(self, ids: Iterable[int]) -> None:
        """Write down that these may have been published, and some more with them, so that this is rarely needed."""
        ahead: dict[int, int] = {}
        for id_ in ids:
            run = self.of_id(id_)
            if seq_of(id_) > run.sent_most:
                run.sent_most = ahead[run.run_no] = min(seq_of(id_) + _SEND_AHEAD, SEQ_END)
        if ahead:
            with self._db.transaction():
                for run_no, sent_most in ahead.items():
                    self._db.execute(queries.may_be_sent, {"run_no": run_no, "sent_most": sent_most})

    def held(self, receipted: Ranges) -> list[HeldRun]:
        """What is here of each, oldest samples first; `receipted` are ids.

        Raises:
            sqlite3.DatabaseError: batches are here that belong to no run.
        """
        here, with_receipt = _by_run_no(self._db.execute(queries.ranges)), _by_run_no(receipted)
        found = []
        for run in self:
            all_ = here.pop(run.run_no, Ranges())
            open_ = all_.without(with_receipt.get(run.run_no, ()))
            found.append(HeldRun(run.run, run.revision, run.started_ns, open_, all_.without(open_)))
        if here:
            raise sqlite3.DatabaseError(f"batches are here of unknown runs {sorted(here)}")
        return found

    def check(self) -> None:
        """Raises sqlite3.DatabaseError where a run is not that of its batches."""
        for run in self:
            query = {"first": run.first_id, "last": run.last_id, "most": 1}
            for id_, *_ in self._db.execute(queries.oldest, query).fetchall():
                body, sha256 = self._db.execute(queries.load, {"id": id_}).fetchone()
                header = columnar.read_header(body) if hashlib.sha256(body).digest() == sha256 else None
                if header and (header.run_id, header.revision) != (run.run, run.revision):
                    raise sqlite3.DatabaseError(f"run {run.run_no} is not that of its batches")

    def before(self) -> list[Run]:
        """The runs before the current ones that hold samples as they were read, newest first."""
        first = min((run.run_no for run in self.current.values()), default=0)
        earlier = [run for run in self._by_no.values() if run.run_no < first and not run.thinned]
        return sorted(earlier, key=lambda run: -run.run_no)


def _by_run_no(ranges: Iterable[tuple[int, int]]) -> dict[int, Ranges]:
    """Ranges of ids as ranges of sequence numbers."""
    found: dict[int, Ranges] = {}
    for first, last in ranges:
        found.setdefault(run_no_of(first), Ranges()).add(seq_of(first), seq_of(last))
    return found
