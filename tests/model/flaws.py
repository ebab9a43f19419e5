"""The protocol with one mistake each. The model has to find every one of them; a model that does not proves nothing."""

from collections.abc import Sequence

from ingest_service.delivery import Message
from ingest_service.ledger import Verdict
from tests.model.cloud import Cloud
from tests.model.machine import Protocol


class ForgetOnPuback:
    """Takes the broker's word for storage."""

    def forgets_on_puback(self) -> bool:
        return True


class NumbersWithoutRuns(Cloud):
    """Knows a batch by gateway and number alone, so that a new run, or a twin, repeats the numbers of an old one."""

    def _judge(self, deliveries, committed, stored) -> list[Verdict]:
        numbers = {seq for _, seq in self.now.batches}
        verdicts = []
        for one in deliveries:
            verdicts.append(Verdict.REPEATED if one.seq in numbers else Verdict.STORE)
            committed[one.account] = committed[one.account].adding([one.seq])
            numbers.add(one.seq)
        return verdicts


class BlindToConflicts(Cloud):
    """Takes everything under a known number for a repetition, whatever its content."""

    def _judge(self, deliveries, committed, stored) -> list[Verdict]:
        verdicts = super()._judge(deliveries, committed, stored)
        return [Verdict.REPEATED if verdict is Verdict.CONFLICT else verdict for verdict in verdicts]


class ReceiptBeforeCommit(Cloud):
    """Tells the gateway first; then the worker dies."""

    def crash(self, messages: Sequence[Message]) -> list[bytes]:
        outcome, _ = self._write(messages)
        return self._told(outcome)


class NoLedger(Cloud):
    """Stores whatever comes."""

    def _judge(self, deliveries, committed, stored) -> list[Verdict]:
        return [Verdict.STORE] * len(deliveries)


class ForgettingOnPuback(Protocol):
    forget = ForgetOnPuback()


class WithNumbersWithoutRuns(Protocol):
    cloud_of = NumbersWithoutRuns


class WithReceiptBeforeCommit(Protocol):
    cloud_of = ReceiptBeforeCommit


class WithoutLedger(Protocol):
    cloud_of = NoLedger


class WithoutConflicts(Protocol):
    cloud_of = BlindToConflicts


FLAWED = (ForgettingOnPuback, WithNumbersWithoutRuns, WithReceiptBeforeCommit, WithoutLedger, WithoutConflicts)
