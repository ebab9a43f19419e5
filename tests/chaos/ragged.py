"""A gateway that gives up one batch in a hundred for ever: the ledger must not go to pieces over it.

    python -m tests.chaos.ragged --batches 1000000 --seed 7

The product's delivery and ledger, without disk and network, a second of protocol time for every few batches. Passes
when no run has more than 256 ranges, none is deferred, and every batch that was not given up is committed once.
"""

import random
from collections import Counter
from collections.abc import Sequence
from uuid import UUID

from edge_gateway.uplink.delivery import BatchKey, Delivery, Pace
from ingest_service.delivery import Account, Message
from ingest_service.delivery import Delivery as Arrived
from ingest_service.ledger import Ranges, Verdict, advance, judge
from protocols.wire.receipt import Receipt
from tests.chaos.telling import Report, options, tell
from tests.ingest_service.ingest_parts import GATEWAY_ID

HOLES = 0.01
RANGES_MOST = 256
PER_S = 20
_SETTLE_S = 200


class Ledger:
    """The ranges of every run, and what was decided."""

    def __init__(self) -> None:
        self.ranges: dict[Account, Ranges] = {}
        self.stored: Counter[BatchKey] = Counter()
        self.repeated = self.deferred = self.ranges_most = 0

    def commit(self, keys: Sequence[BatchKey]) -> list[Receipt]:
        """One group."""
        arrived = [_arrived(key) for key in keys]
        committed = {one.account: self.ranges.get(one.account, Ranges()) for one in arrived if one.account}
        verdicts = judge(arrived, committed, {})
        after = advance(arrived, verdicts, committed)
        self.ranges |= after
        self.stored.update(key for key, verdict in zip(keys, verdicts, strict=True) if verdict is Verdict.STORE)
        self.repeated += verdicts.count(Verdict.REPEATED)
        self.deferred += verdicts.count(Verdict.DEFER)
        self.ranges_most = max(self.ranges_most, *(len(ranges.items) for ranges in after.values()))
        return [Receipt(run=run.run_id, committed=list(ranges.items), credit=512) for run, ranges in after.items()]


def _arrived(key: BatchKey) -> Arrived:
    return Arrived(Message("", b""), b"", Account(GATEWAY_ID, key.run), key.seq, 1, GATEWAY_ID, None, None, None)


def play(batches: int, seed: int, delivery: Delivery) -> Report:
    """So many batches, each committed to the spool, and one in a hundred found damaged there."""
    chance, ledger = random.Random(seed), Ledger()
    runs = seq = holes = 0
    seconds = batches // PER_S + _SETTLE_S
    for now_s in range(1000, 1000 + seconds):
        if not runs or delivery.wants_new_run(now_s):
            runs, seq = runs + 1, 0
            delivery.begin([UUID(int=runs)], now_s)
        for _ in range(PER_S if now_s < 1000 + batches // PER_S else 0):
            seq += 1
            delivery.add(BatchKey(UUID(int=runs), seq))
            if chance.random() < HOLES:
                holes += 1
                delivery.gone(UUID(int=runs), [(seq, seq)])
        sent = delivery.take(now_s, 4 * PER_S)
        chance.shuffle(sent)
        for told in ledger.commit(sent) if sent else ():
            delivery.receipted(told, now_s)
    produced = batches // PER_S * PER_S
    missing, duplicated = produced - holes - len(ledger.stored), ledger.stored.total() - len(ledger.stored)
    clean = not (missing or duplicated or ledger.deferred or delivery.open) and ledger.ranges_most <= RANGES_MOST
    return {
        "seed": seed,
        "produced": produced,
        "stored": ledger.stored.total(),
        "missing": missing,
        "duplicated": duplicated,
        "wrong": 0,
        "holes": holes,
        "runs": runs,
        "repeated": ledger.repeated,
        "deferred": ledger.deferred,
        "ranges_most": ledger.ranges_most,
        "clean": clean,
    }


async def run(batches: int, seed: int) -> Report:
    """With the delivery as it is."""
    return play(batches, seed, Delivery(Pace()))


def main() -> None:
    asked = options(__doc__)
    asked.add_argument("--batches", type=int, default=1_000_000)
    chosen = asked.parse_args()
    tell(lambda: run(chosen.batches, chosen.seed))


if __name__ == "__main__":
    main()
