"""A batch: what a gateway commits, publishes and forgets as one. Identity = (gateway, run id, seq, sha256)."""

from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from protocols.sample import Columns
from protocols.wire.catalog import Catalog
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


class Announced(Protocol):
    """Tags that a source tells once, for all its batches until it tells them anew: the same object with each batch."""

    def catalog(self) -> Catalog:
        """Kind, unit and name of every alias, also of those without a sample in the batch."""
        ...


@dataclass(frozen=True, slots=True)
class Batch:
    """A decoded payload.

    `header` is None for sources without a sequence (plain JSON); such a batch carries its own meaning of the
    aliases: alias i is the tag `names[i]` = (machine, tag). `announced` tells more of these tags, where the source did.
    """

    header: BatchHeader | None
    columns: Columns
    sha256: bytes
    names: tuple[tuple[str, str], ...] = ()
    announced: Announced | None = None

    @property
    def count(self) -> int:
        return sum(len(column) for column in self.columns)
