"""What the spool says of its content, and the SQL that asks for it.

A batch's id is run number and sequence number in one whole number, so ids are unique and in order by themselves.
"""

import re
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import NamedTuple
from uuid import UUID

from edge_gateway.uplink.ranges import Ranges

SEQ_BITS = 40
SEQ_END = (1 << SEQ_BITS) - 1
_HEADING = re.compile(r"^-- ([a-z0-9_]+) -- .*$", re.MULTILINE)


def _queries() -> SimpleNamespace:
    _, *parts = _HEADING.split(Path(__file__).with_name("queries.sql").read_text(encoding="utf-8"))
    return SimpleNamespace(**dict(zip(parts[::2], (text.strip() for text in parts[1::2]), strict=True)))


queries = _queries()


def batch_id(run_no: int, seq: int) -> int:
    """The id of a batch; `run_no_of` and `seq_of` take it apart."""
    return run_no << SEQ_BITS | seq


def run_no_of(id_: int) -> int:
    """The run in an id."""
    return id_ >> SEQ_BITS


def seq_of(id_: int) -> int:
    """The sequence number in an id."""
    return id_ & SEQ_END


@dataclass(frozen=True, slots=True)
class HeldRun:
    """A run of which something is still in the spool."""

    run: UUID
    revision: int
    started_ns: int
    open: Ranges
    receipted: Ranges


@dataclass(frozen=True, slots=True)
class Opened:
    """What was found: earlier runs, oldest first; and whether a damaged file had to be set aside."""

    runs: list[HeldRun]
    catalogs: dict[int, bytes]
    set_aside: Path | None = None
    salvaged: int = 0


class Salvaged(NamedTuple):
    """A whole batch out of a damaged spool; `id` is what its own header says."""

    id: int
    run: UUID
    revision: int
    samples: int
    first_ns: int
    last_ns: int
    sha256: bytes
    body: bytes


@dataclass(frozen=True, slots=True)
class Dropped:
    """A range of batches that will never reach the cloud."""

    run: UUID
    first_seq: int
    last_seq: int
    samples: int
    first_ns: int
    last_ns: int
    reason: str


class Gap(NamedTuple):
    """The same as a row."""

    first_id: int
    last_id: int
    samples: int
    first_ns: int
    last_ns: int
    reason: str


@dataclass(slots=True)
class Removed:
    """Batches that are no longer in the spool, and what became of their samples.

    Those that had no receipt are counted as dropped, or as thinned when some of their samples stand in `added` now.
    """

    ids: list[int] = field(default_factory=list)
    added: list[int] = field(default_factory=list)
    dropped_batches: int = 0
    dropped_samples: int = 0
    thinned_samples: int = 0

    def add(self, other: "Removed") -> None:
        self.ids += other.ids
        self.added += other.added
        self.dropped_batches += other.dropped_batches
        self.dropped_samples += other.dropped_samples
        self.thinned_samples += other.thinned_samples
