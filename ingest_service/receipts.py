"""What the gateways are told after a COMMIT: cumulative ranges, rejections, and how much they may send. Pure.

    Outcome ──receipts──► (topic, payload) a run

Receipts are not retained and may be lost: each one carries all ranges of its run, and a batch that comes again
gets it again.
"""

from collections.abc import Iterator, Mapping
from types import MappingProxyType

from ingest_service.delivery import NO_RUN, Account
from ingest_service.ledger import Verdict
from ingest_service.outcome import Outcome
from ingest_service.settings import CreditSettings
from protocols.topics import Down, GatewayAddress, parse
from protocols.wire import receipt

_REASON_LETTERS_MOST = 200
_NOBODY: Mapping[str, int] = MappingProxyType({})


def receipts(outcome: Outcome, credit: int, lowered: Mapping[str, int] = _NOBODY) -> Iterator[tuple[str, bytes]]:
    """One receipt for each run that the group touched; tenants in `lowered` get that credit at most."""
    rejected = _rejected(outcome)
    for account, address in _addresses(outcome).items():
        body = receipt.Receipt(
            run=account.run_id,
            committed=list(outcome.committed[account].items),
            rejected=rejected.get(account, {}),
            credit=min(credit, lowered.get(address.tenant, credit)),
        )
        yield address.down(Down.RECEIPT), receipt.encode(body)


def _addresses(outcome: Outcome) -> dict[Account, GatewayAddress]:
    return {
        delivery.account: parse(delivery.message.topic)[0]
        for delivery in outcome.prepared.deliveries
        if delivery.account and delivery.account.run_id != NO_RUN
    }


def _rejected(outcome: Outcome) -> dict[Account, dict[int, str]]:
    """Rejections of this group, and those of earlier ones whose batches came again."""
    rejected: dict[Account, dict[int, str]] = {}
    if outcome.is_plain:
        return rejected
    for delivery, refusal in outcome.refusals():
        if delivery.account:
            rejected.setdefault(delivery.account, {})[delivery.seq] = str(refusal)[:_REASON_LETTERS_MOST]
    for delivery, verdict in zip(outcome.prepared.deliveries, outcome.verdicts, strict=True):
        known = outcome.stored.get((delivery.account, delivery.seq)) if delivery.account else None
        if verdict is Verdict.REPEATED and delivery.account and known and known.rejected:
            rejected.setdefault(delivery.account, {})[delivery.seq] = known.rejected[:_REASON_LETTERS_MOST]
    return rejected


def credit(settings: CreditSettings, fill: float, commit_s: float) -> int:
    """Batches a gateway may have in flight: fewer when the queue fills or a commit takes long, never none.

    None would be a dead end: without a batch there is no receipt, and without a receipt no new credit.
    """
    pace = min(1.0, settings.commit_target_s / max(commit_s, 1e-9))
    room = min(1.0, 2.0 * (1.0 - min(fill, 1.0)))
    return max(1, round(settings.most * room * pace))
