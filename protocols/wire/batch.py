"""A batch: what a gateway commits, publishes and forgets as one. Identity = (gateway, run id, seq, sha256)."""

from dataclasses import dataclass
from uuid import UUID

from protocols.sample import Columns
from runtime.clock import ClockState


@dataclass(frozen=True, slots=True)
class BatchHeader:
    """What stands before the columns.

    run_id: 128 random bits, new at every process start of the gateway; seq: 1, 2, 3 … within the run;
    revision: the configuration revision whose catalog names the aliases; count: samples in all columns.
    """

    run_id: UUID
    seq: int
    revision: int
    clock: ClockState
    count: int


@dataclass(frozen=True, slots=True)
class Batch:
    """A decoded payload.

    `header` is None for sources without a sequence (plain JSON); such a batch carries its own meaning of the
    aliases: alias i is the tag `names[i]` = (machine, tag).
    """

    header: BatchHeader | None
    columns: Columns
    sha256: bytes
    names: tuple[tuple[str, str], ...] = ()

    @property
    def count(self) -> int:
        return sum(len(column) for column in self.columns)
