"""The ledger: which sequence numbers of a run are committed, and what that means for a delivery. Pure.

    (deliveries, ranges of their runs, hashes of what is stored) ──judge──► a verdict each

The database keeps the ranges as one int8multirange a run; the row is locked while `judge` looks at it.
"""

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import NamedTuple

from ingest_service.delivery import NO_RUN, Account, Delivery

# A gateway keeps its open numbers within 512; a run this ragged is broken or hostile and would slow every update.
RANGES_MOST = 2048
# Long before that a person hears of it.
RANGES_ALARMING = 256

Range = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Ranges:
    """Sorted, disjoint, non-adjacent closed ranges."""

    items: tuple[Range, ...] = ()

    def __contains__(self, seq: int) -> bool:
        at = bisect_right(self.items, seq, key=lambda item: item[0])
        return at > 0 and seq <= self.items[at - 1][1]

    def adding(self, numbers: Iterable[int]) -> "Ranges":
        merged: list[Range] = []
        for low, high in sorted([*self.items, *((seq, seq) for seq in numbers)]):
            if merged and low <= merged[-1][1] + 1:
                merged[-1] = (merged[-1][0], max(merged[-1][1], high))
            else:
                merged.append((low, high))
        return Ranges(tuple(merged))

    def as_multirange(self) -> str:
        """As PostgreSQL writes an int8multirange."""
        return "{" + ",".join(f"[{low},{high}]" for low, high in self.items) + "}"


class Stored(NamedTuple):
    """What telemetry.batch says of a batch."""

    sha256: bytes
    rejected: str | None = None


class Verdict(Enum):
    """What happens to a delivery."""

    STORE = auto()  # new: its rows are written
    REJECT = auto()  # new, but can never be stored: dead letter, and the number counts as done
    REPEATED = auto()  # the same batch again: only the receipt is repeated
    CONFLICT = auto()  # the same number with other content: a clone or a restored image; dead letter and alarm
    BURY = auto()  # nobody can tell which batch it is: dead letter only
    DEFER = auto()  # the run has too many holes: not stored, not receipted, the gateway keeps it


Known = Mapping[tuple[Account, int], Stored]


def judge(deliveries: Sequence[Delivery], committed: Mapping[Account, Ranges], stored: Known) -> list[Verdict]:
    """Tell new from repeated; within the group, too: the first delivery of a batch is the new one."""
    seen = dict(stored)
    return [_judge_one(delivery, committed, seen) for delivery in deliveries]


def _judge_one(
    delivery: Delivery, committed: Mapping[Account, Ranges], seen: dict[tuple[Account, int], Stored]
) -> Verdict:
    account = delivery.account
    if account is None:
        return Verdict.BURY
    if account.run_id == NO_RUN:  # told from a repetition sample by sample, see `redelivery`
        return Verdict.BURY if delivery.refusal else Verdict.STORE
    known = seen.get((account, delivery.seq))
    if known is not None:
        return Verdict.REPEATED if known.sha256 == delivery.sha256 else Verdict.CONFLICT
    ranges = committed[account]
    if delivery.seq in ranges:
        return Verdict.REPEATED  # its hash has been forgotten with age
    if len(ranges.items) >= RANGES_MOST and not _touches(ranges, delivery.seq):
        return Verdict.DEFER
    seen[account, delivery.seq] = Stored(delivery.sha256)
    return Verdict.REJECT if delivery.refusal else Verdict.STORE


def _touches(ranges: Ranges, seq: int) -> bool:
    return seq - 1 in ranges or seq + 1 in ranges


def advance(
    deliveries: Sequence[Delivery], verdicts: Sequence[Verdict], committed: Mapping[Account, Ranges]
) -> dict[Account, Ranges]:
    """The ranges after the group."""
    added: dict[Account, list[int]] = {account: [] for account in committed}
    for delivery, verdict in zip(deliveries, verdicts, strict=True):
        account = delivery.account
        if verdict in {Verdict.STORE, Verdict.REJECT} and account and account.run_id != NO_RUN:
            added[account].append(delivery.seq)
    return {account: ranges.adding(added[account]) for account, ranges in committed.items()}
