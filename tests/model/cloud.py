"""The cloud of the model: the product's own ledger, verdicts and receipts over a database that is a few dictionaries.

    messages ──read, judge──► rows, dead letters, ledger: one commit ──► receipts

What the real writer does in SQL is done here in Python, in the same order; what decides is the product's code.
"""

import copy
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from uuid import UUID

from edge_gateway.uplink.delivery import BatchKey
from ingest_service.copy_format import empty_rows
from ingest_service.delivery import Account, Delivery, Message
from ingest_service.ledger import Ranges, Stored, Verdict, advance, judge
from ingest_service.outcome import Outcome
from ingest_service.receipts import receipts
from ingest_service.rows import Prepared
from tests.ingest_service.ingest_parts import delivery

BatchName = tuple[Account, int]


@dataclass
class State:
    """What is committed. Every batch of the model holds one sample, and no two batches hold the same.

    `owners`: whose content stands under a number, for the account at the end only.
    """

    ledger: dict[Account, Ranges] = field(default_factory=dict)
    batches: dict[BatchName, Stored] = field(default_factory=dict)
    rows: Counter[float] = field(default_factory=Counter)
    owners: dict[BatchKey, float] = field(default_factory=dict)
    letters: dict[float, str] = field(default_factory=dict)


class Cloud:
    """`judged`: samples that some worker has committed a verdict on; `ever`: those that were stored or flagged then."""

    def __init__(self) -> None:
        self.now = State()
        self.judged: set[float] = set()
        self.ever: set[float] = set()
        self.conflicts = 0
        self.credit = 64

    def commit(self, messages: Sequence[Message]) -> list[bytes]:
        """One transaction of one worker; its receipts."""
        outcome, state = self._write(messages)
        self.now = state
        self.judged |= {sample(one) for one in outcome.prepared.deliveries}
        self.ever |= state.rows.keys() | state.letters.keys()
        self.conflicts += outcome.count(Verdict.CONFLICT)
        return self._told(outcome)

    def crash(self, messages: Sequence[Message]) -> list[bytes]:
        """A worker that dies before its commit: nothing is stored, and nothing told."""
        return []

    def _told(self, outcome: Outcome) -> list[bytes]:
        return [payload for _, payload in receipts(outcome, self.credit)]

    def _write(self, messages: Sequence[Message]) -> tuple[Outcome, State]:
        state = copy.copy(self.now)
        state.rows, state.letters, state.owners = self.now.rows.copy(), dict(self.now.letters), dict(self.now.owners)
        deliveries = [self._read(message) for message in messages]
        accounts = {one.account for one in deliveries if one.account}
        committed = {account: state.ledger.get(account, Ranges()) for account in accounts}
        stored = dict(self._stored(deliveries, committed))
        verdicts = self._judge(deliveries, committed, stored)
        after = advance(deliveries, verdicts, committed)
        state.ledger, state.batches = state.ledger | after, dict(state.batches)
        prepared = Prepared(deliveries, empty_rows(0), empty_rows(0)["series"], [], [])
        outcome = Outcome(prepared, verdicts, after, stored, None)
        for one, verdict in zip(deliveries, verdicts, strict=True):
            if verdict is Verdict.STORE:
                state.rows[sample(one)] += 1
                state.owners[BatchKey(one.account.run_id, one.seq)] = sample(one)
                state.batches[one.account, one.seq] = Stored(one.sha256)
        state.letters |= {sample(one): refusal.reason for one, refusal in outcome.refusals()}
        return outcome, state

    def _read(self, message: Message) -> Delivery:
        return delivery(message.payload)

    def _judge(self, deliveries, committed, stored) -> list[Verdict]:
        return judge(deliveries, committed, stored)

    def _stored(self, deliveries: Sequence[Delivery], committed: dict[Account, Ranges]) -> Iterator[tuple]:
        for one in deliveries:
            name = (one.account, one.seq)
            if one.seq in committed[one.account] and name in self.now.batches:
                yield name, self.now.batches[name]

    def has(self, wanted: float) -> bool:
        return wanted in self.now.rows or wanted in self.now.letters

    def forget_hashes(self, held: set[BatchKey], alive: set[UUID]) -> None:
        """Retention: of batches that no spool holds and whose run has ended, only the ranges in the ledger stay."""
        batches = {
            name: stored
            for name, stored in self.now.batches.items()
            if name[0].run_id in alive or (name[0].run_id, name[1]) in held
        }
        self.now = replace(self.now, batches=batches)


def sample(one: Delivery) -> float:
    """The one sample of a batch."""
    assert one.batch
    return float(one.batch.columns[0].value[0])
