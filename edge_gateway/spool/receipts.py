"""Which batches the cloud has: ranges in the file, written down half a minute late, deleted in blocks when it is time.

    receipt ──note──► in memory ──save (30 s later, or the space is needed)──► receipted ──expire──► batches deleted

Losing the last half minute of it in a crash only means that the cloud is asked again; writing each receipt down would
cost as much as writing another batch.
"""

import sqlite3
import zlib
from collections.abc import Iterable

from edge_gateway.spool.connection import Database
from edge_gateway.spool.rows import queries
from edge_gateway.uplink.ranges import Ranges
from runtime.clock import NS_PER_S

_SAVE_NS = 30 * NS_PER_S
_BLOCK = 64


def receipted_row(first: int, last: int, at_ns: int) -> dict[str, int]:
    """A range as it stands in the file."""
    return {"first_id": first, "last_id": last, "at_ns": at_ns, "crc": zlib.crc32(b"%d %d %d" % (first, last, at_ns))}


class Receipts:
    """What is receipted. All but `note` works inside the caller's transaction, all ranges are of ids."""

    def __init__(self, db: Database, keep_ns: int) -> None:
        self._db = db
        self._keep_ns = keep_ns
        self._newly = Ranges()
        self._lost = Ranges()
        self._saving = False
        self._saved_ns = 0

    def check(self) -> None:
        """Raises sqlite3.DatabaseError where a range is not as it was written."""
        for first, last, at_ns, crc in self._db.execute(queries.receipted):
            if receipted_row(first, last, at_ns)["crc"] != crc:
                raise sqlite3.DatabaseError(f"receipted range {first} … {last} is damaged")

    def note(self, receipted: Iterable[tuple[int, int]], reopened: Iterable[tuple[int, int]]) -> None:
        """Remember what a receipt has changed."""
        for ranges, into, out_of in ((receipted, self._newly, self._lost), (reopened, self._lost, self._newly)):
            for first, last in ranges:
                into.add(first, last)
                out_of.remove(first, last)

    @property
    def unsaved(self) -> bool:
        return bool(self._newly or self._lost)

    def start(self, now_ns: int) -> None:
        """A transaction has begun: when it is time, or the clock was set, write down what is only in memory."""
        self._saving = False
        if self.unsaved and abs(now_ns - self._saved_ns) >= min(_SAVE_NS, self._keep_ns):
            self.save(now_ns)

    def save(self, now_ns: int) -> None:
        """Write down what is only in memory; it stays there until `committed`."""
        for first, last in self._lost:
            self._cut_out(first, last)
        for first, last in self._newly:
            self._cut_out(first, last)
            self._insert(first, last, now_ns)
        self._saving = True

    def committed(self, now_ns: int) -> None:
        """The caller's transaction is on disk."""
        if self._saving:
            self._newly, self._lost, self._saving = Ranges(), Ranges(), False
            self._saved_ns = now_ns

    def ranges(self) -> Ranges:
        """All that is receipted, written down or not."""
        found = Ranges((first, last) for first, last, *_ in self._db.execute(queries.receipted))
        found.add_all(self._newly)
        found.remove_all(self._lost)
        return found

    def _cut_out(self, first: int, last: int) -> None:
        query = {"first": first, "last": last}
        for first_id, last_id, at_ns in self._db.execute(queries.receipted_overlapping, query).fetchall():
            self._db.execute(queries.delete_receipted, {"first_id": first_id})
            self._insert(first_id, first - 1, at_ns)
            self._insert(last + 1, last_id, at_ns)

    def _insert(self, first: int, last: int, at_ns: int) -> None:
        if first <= last:
            self._db.execute(queries.insert_receipted, receipted_row(first, last, at_ns))

    def expire(self, now_ns: int) -> list[int]:
        """Delete a block of batches that have been receipted long enough; returns their ids."""
        return self._delete_before(now_ns - self._keep_ns)

    def make_room(self) -> list[int]:
        """Delete a block of those that are worth least, the ones receipted longest ago; returns their ids."""
        return self._delete_before((1 << 63) - 1)

    def _delete_before(self, before_ns: int) -> list[int]:
        """Ranges of which nothing is left are passed over."""
        while found := self._db.execute(queries.receipted_before, {"before_ns": before_ns}).fetchone():
            first, last, at_ns = found
            rows = self._db.execute(queries.oldest, {"first": first, "last": last, "most": _BLOCK}).fetchall()
            ids = [row[0] for row in rows]
            self._db.executemany(queries.delete_batch, [{"id": id_} for id_ in ids])
            self._db.execute(queries.delete_receipted, {"first_id": first})
            if len(ids) == _BLOCK:
                self._insert(ids[-1] + 1, last, at_ns)
            if ids:
                return ids
        return []
