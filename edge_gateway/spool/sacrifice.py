"""What goes first when space is needed: what the cloud has; then, worth by worth, half of the samples; then the oldest.

    receipted longest ago ──► thinned: low ──► dropped: low ──► thinned: normal ──► dropped: normal ──► … high

Thinned samples get new numbers in a run of their own, for a number that was published never changes its content; and
only batches are thinned that were never published, for what may be in the cloud must not come there twice. Every
batch that goes without a receipt leaves a row in `dropped` with its reason, its time and how many samples it cost.
"""

import itertools
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from edge_gateway.clock.doubt import in_doubt
from edge_gateway.keep import Keep
from edge_gateway.spool.connection import Database
from edge_gateway.spool.packing import is_whole, packed
from edge_gateway.spool.receipts import Receipts
from edge_gateway.spool.rows import Removed, queries
from edge_gateway.spool.runs import Run, Runs
from edge_gateway.spool.thinning import thinned
from protocols.wire import columnar
from runtime.clock import ClockState

_OPEN_BLOCK = 8
_THINNED_MOST = 3


class _Row(NamedTuple):
    """A batch that may be thinned."""

    id: int
    samples: int
    first_ns: int
    last_ns: int
    sha256: bytes
    body: bytes


class Sacrifice:
    """Gives up one block after the other, inside the caller's transaction.

    `thin_bytes`: payload that is thinned at once; 0 = nothing is thinned.
    """

    def __init__(self, db: Database, runs: Runs, receipts: Receipts, thin_bytes: int) -> None:
        self._db = db
        self._runs = runs
        self._receipts = receipts
        self._thin_bytes = thin_bytes

    def blocks(self, now_ns: int) -> Iterator[Removed]:
        """One block after the other until the spool is empty; at most one is thinned, for that takes its time."""
        if self._receipts.unsaved:
            self._receipts.save(now_ns)
        while ids := self._receipts.make_room():
            yield Removed(ids)
        if self._thin_bytes and (removed := self._thin()).ids:
            yield removed
        while (removed := self._drop_oldest()).ids:
            yield removed

    def _runs_by_worth(self) -> list[list[Run]]:
        return [[run for run in self._runs if run.keep is keep] for keep in Keep]

    def drop(self, rows: Iterable[tuple[int, int, int, int]], reason: str) -> Removed:
        """Give up batches (id, samples, first_ns, last_ns) that have no receipt, and write that down."""
        removed = Removed()
        for id_, samples, first_ns, last_ns in rows:
            row = {"id": id_, "samples": samples, "first_ns": first_ns, "last_ns": last_ns, "reason": reason}
            if not self._db.execute(queries.extend_dropped, row).rowcount:
                self._db.execute(queries.insert_dropped, row)
            self._db.execute(queries.delete_batch, row)
            removed.add(Removed([id_], dropped_batches=1, dropped_samples=samples))
        return removed

    def _drop_oldest(self) -> Removed:
        for run in itertools.chain(*self._runs_by_worth()):
            if rows := self._oldest(run, _OPEN_BLOCK):
                return self.drop(rows, "no_space")
        return Removed()

    def _oldest(self, run: Run, most: int) -> list[tuple[int, int, int, int]]:
        query = {"first": run.first_id, "last": run.last_id, "most": most}
        return self._db.execute(queries.oldest, query).fetchall()

    # Thinning

    def _thin(self) -> Removed:
        """Thin the oldest of what is worth least and has been thinned least; when that is done with, it is dropped."""
        for runs in self._runs_by_worth():
            for run in sorted(runs, key=lambda run: (run.thinned, run.run_no)):
                if run.thinned < _THINNED_MOST and (removed := self._thin_rows(run, self._block(run))).ids:
                    return removed
            if any(self._oldest(run, 1) for run in runs):
                break
        return Removed()

    def _block(self, run: Run) -> list[_Row]:
        """Enough batches to be worth it: in a few samples of a tag nothing can be spared."""
        rows, size = [], 0
        for values in self._db.execute(queries.whole, {"first": run.first_unsent_id, "last": run.last_id}):
            rows.append(_Row(*values))
            size += len(rows[-1].body)
            if size >= self._thin_bytes:
                return rows
        return []

    def _thin_rows(self, run: Run, rows: Sequence[_Row]) -> Removed:
        whole = [row for row in rows if is_whole(run, row.id, row.sha256, row.body)]
        if any(in_doubt(columnar.decode(row.body).columns) for row in whole):
            return Removed()  # their time is still to be put right, under the numbers that they have
        removed = self.drop([row[:4] for row in rows if row not in whole], "damaged")
        if not whole:
            return removed
        into = self._runs.once_more_thinned(run)
        for clock, same in itertools.groupby(whole, key=lambda row: columnar.read_header(row.body).clock):
            removed.add(self._thin_block(into, clock, list(same)))
        return removed

    def _thin_block(self, into: Run, clock: ClockState, rows: Sequence[_Row]) -> Removed:
        """Old rows first: the pages that become free are the ones that are needed."""
        parts, lost = thinned([columnar.decode(row.body).columns for row in rows])
        told = [(row.id, gone, row.first_ns, row.last_ns) for row, gone in zip(rows, lost, strict=True)]
        removed = Removed(self.drop(told, "thinned").ids, thinned_samples=sum(lost))
        for part in parts:
            row = packed(into, part, clock)
            self._db.execute(queries.insert_batch, row)
            removed.added.append(row["id"])
        return removed
