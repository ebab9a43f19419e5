"""What a written group did, batch by batch: the writer makes it, receipts, logs and metrics read it. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from ingest_service.copy_format import EPOCH_2000_US
from ingest_service.delivery import Account, Delivery, Refusal, Refused
from ingest_service.ledger import Ranges, Stored, Verdict
from ingest_service.rows import Prepared

_BURIED = {Verdict.REJECT, Verdict.BURY, Verdict.CONFLICT}


@dataclass(frozen=True, slots=True)
class Outcome:
    """`committed` are the ranges of each run after the group, `stored` what was known of its repetitions before.

    `now_s` is the database's wall time, None when nothing was asked of the ledger; `repeated_samples` came before
    from a source without a sequence.
    """

    prepared: Prepared
    verdicts: Sequence[Verdict]
    committed: dict[Account, Ranges]
    stored: dict[tuple[Account, int], Stored]
    now_s: float | None
    repeated_samples: int = 0

    @property
    def is_plain(self) -> bool:
        """Whether every delivery was new and stored, which is what nearly every group is."""
        return self.count(Verdict.STORE) == len(self.verdicts)

    def refusals(self) -> list[tuple[Delivery, Refusal]]:
        """Deliveries that went to the dead letters, with the reason."""
        if self.is_plain:
            return []
        return [
            (delivery, _refusal(delivery, verdict))
            for delivery, verdict in zip(self.prepared.deliveries, self.verdicts, strict=True)
            if verdict in _BURIED
        ]

    @property
    def newest_ns(self) -> int:
        """Source time of the newest number written; 0 without any."""
        rows = self.prepared.rows
        return (int(rows["time_us"].max()) + EPOCH_2000_US) * 1000 if len(rows) else 0

    def count(self, verdict: Verdict) -> int:
        return self.verdicts.count(verdict)


def _refusal(delivery: Delivery, verdict: Verdict) -> Refusal:
    if verdict is Verdict.CONFLICT:
        return Refusal(Refused.CONFLICT, f"batch {delivery.seq} of this run is stored with other content")
    assert delivery.refusal
    return delivery.refusal
