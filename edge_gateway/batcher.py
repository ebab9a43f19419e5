"""Gathers columns until they are worth a commit: a second has passed, or 64 kB have come. Pure.

    Columns of single reads ──add──► chunks of about 64 kB, one column per value kind ──take──► batches by worth

A commit costs a flush of the disk and rewrites whole pages: an SD card lives longer on few large ones.
"""

from collections import deque

from edge_gateway.keep import ONE_CLASS, Classes, Group
from protocols.sample import Column, Columns, ValueKind, concatenate

GROUP_S = 1.0
GROUP_BYTES = 64 * 1024
MEMORY_BYTES_MOST = 16 << 20

_COLUMN_BYTES = 600  # what Python and numpy need for a column besides its samples
_SAMPLE_BYTES = {ValueKind.FLOAT: 22, ValueKind.INT: 22, ValueKind.BOOL: 15, ValueKind.TEXT: 100}


def size_bytes(columns: Columns) -> int:
    """About how much these take on the wire."""
    return sum(_SAMPLE_BYTES[column.kind] * len(column) for column in columns)


class Batcher:
    """Holds what is not committed yet. Times are monotonic seconds."""

    def __init__(self, classes: Classes = ONE_CLASS) -> None:
        self._classes = classes
        self._chunks: deque[list[Column]] = deque()
        self._last_bytes = 0
        self._bytes = 0
        self._columns = 0
        self._since_s: float | None = None

    def add(self, columns: Columns, now_s: float) -> None:
        size = size_bytes(columns)
        if not size:
            return
        if not self._chunks or self._last_bytes >= GROUP_BYTES:
            self._chunks.append([])
            self._last_bytes = 0
        self._chunks[-1].extend(columns)
        self._last_bytes += size
        self._bytes += size
        self._columns += len(columns)
        if self._since_s is None:
            self._since_s = now_s

    @property
    def overfull(self) -> bool:
        """No more should be taken in until some is committed."""
        return self._bytes + _COLUMN_BYTES * self._columns >= MEMORY_BYTES_MOST

    @property
    def worth_a_commit(self) -> bool:
        """A whole batch is there, however young."""
        return self._bytes >= GROUP_BYTES

    def due_s(self) -> float:
        """When the oldest sample has waited long enough; infinity when there is none."""
        return float("inf") if self._since_s is None else self._since_s + GROUP_S

    def take(self) -> list[Group]:
        """Everything pending, one batch after another."""
        taken = [group for chunk in self._chunks for group in self._classes.apart(concatenate(chunk))]
        self._chunks.clear()
        self._bytes = self._last_bytes = self._columns = 0
        self._since_s = None
        return taken
