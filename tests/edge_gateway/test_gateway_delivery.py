"""The delivery against a world that loses, repeats and reorders everything, restarts and forgets.

Whatever happens in between: once the world behaves, everything that was spooled is receipted and in the cloud, and
nothing is forgotten that the cloud did not have at that moment.
"""

import random
from uuid import UUID

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from edge_gateway.delivery import BatchKey, Delivery, Pace
from edge_gateway.ranges import Ranges
from protocols.wire.receipt import Receipt

RUNS_MOST = 6
WINDOW = 512
SMALL = Pace(window=12)


class ForgetOnPuback:
    """What a gateway must not do."""

    def forgets_on_puback(self) -> bool:
        return True


def receipt(run: UUID, *committed: tuple[int, int], credit: int = 64) -> Receipt:
    return Receipt(run=run, committed=list(committed), credit=credit)


class World(RuleBasedStateMachine):
    """A spool, a delivery, a broker that loses and repeats, and a cloud with a ledger."""

    forget = None

    def __init__(self) -> None:
        super().__init__()
        self.now_s = 1000.0
        self.random = random.Random(1)
        self.spooled: dict[BatchKey, bool] = {}  # receipted, as the disk has it
        self.unsaved: list[tuple[BatchKey, bool]] = []  # receipts that the disk does not have yet
        self.cloud: set[BatchKey] = set()
        self.on_the_way: list[BatchKey] = []
        self.receipts: list[Receipt] = []
        self.runs: list[UUID] = []
        self.credit = 64
        self.connected = True

    @initialize()
    def start(self) -> None:
        self.restart()

    @precondition(lambda self: len(self.runs) < RUNS_MOST)
    @rule()
    def restart(self) -> None:
        self.unsaved.clear()
        self.delivery = Delivery(SMALL, self.forget, self.random.uniform)
        for run in self.runs:
            both = (Ranges(), Ranges())
            for key, receipted in self.spooled.items():
                if key.run == run:
                    both[receipted].add(key.seq, key.seq)
            self.delivery.hold(run, *both)
        self._begin()
        self.delivery.ask(self.now_s)
        self.connected = True
        self.told_credit = 64

    def _begin(self) -> None:
        self.runs.append(UUID(int=len(self.runs) + 1))
        self.seq = 0
        self.delivery.begin(self.runs[-1], self.now_s)

    @rule(count=st.sampled_from([1, 2, 7, 15]))
    def commit(self, count: int) -> None:
        if self.delivery.wants_new_run(self.now_s) and len(self.runs) < RUNS_MOST:
            self._begin()
        for key, receipted in self.unsaved:
            self.spooled[key] = receipted
        self.unsaved.clear()
        for _ in range(count):
            self.seq += 1
            key = BatchKey(self.runs[-1], self.seq)
            self.spooled[key] = False
            self.delivery.add(key)

    @rule(most=st.integers(1, 20))
    def send(self, most: int) -> None:
        if not self.connected:
            return
        before = self.delivery.in_flight
        taken = self.delivery.take(self.now_s, most)
        assert len(taken) <= most
        assert self.delivery.in_flight <= max(self.told_credit, before)
        live = [self.delivery.is_live(key) for key in taken]
        assert live == sorted(live, reverse=True)
        for key in taken:
            assert key in self.spooled
            lowest = min((open_.seq for open_ in self._open() if open_.run == key.run), default=key.seq)
            assert key.seq <= lowest + SMALL.window or key not in self._open()
        self.on_the_way += taken

    def _open(self) -> set[BatchKey]:
        changed = dict(self.unsaved)
        return {key for key, receipted in self.spooled.items() if not changed.get(key, receipted)}

    @rule(data=st.data(), fate=st.sampled_from(["arrives", "arrives", "twice", "lost", "lost after puback"]))
    def broker(self, data, fate: str) -> None:
        if not self.on_the_way:
            return
        key = self.on_the_way.pop(data.draw(st.integers(0, len(self.on_the_way) - 1)))
        if fate != "lost" and self.connected and self.delivery.acknowledged(key):
            self.unsaved.append((key, True))
        if "lost" not in fate:
            self._arrive(key)
        if fate == "twice":
            self._arrive(key)

    @rule(save=st.booleans())
    def a_good_while(self, save: bool) -> None:
        """Everything that is out arrives and is answered."""
        if self.connected:
            self.send(20)
            for key in self.on_the_way:
                self._arrive(key)
            self.on_the_way.clear()
            for told in self.receipts:
                self._hear(told)
            self.receipts.clear()
        if save:
            self.commit(1)

    def _arrive(self, key: BatchKey) -> None:
        self.cloud.add(key)
        committed = Ranges((seq, seq) for run, seq in self.cloud if run == key.run)
        self.receipts.append(receipt(key.run, *committed, credit=self.credit))

    @rule(data=st.data(), fate=st.sampled_from(["arrives", "arrives", "again", "lost"]))
    def answer(self, data, fate: str) -> None:
        if not self.receipts:
            return
        at = data.draw(st.integers(0, len(self.receipts) - 1))
        told = self.receipts[at] if fate == "again" else self.receipts.pop(at)
        if fate != "lost" and self.connected:
            self._hear(told)

    def _hear(self, told: Receipt) -> None:
        change = self.delivery.receipted(told, self.now_s)
        self.told_credit = told.credit if told.run in self.runs else self.told_credit
        covered = Ranges(told.committed)
        for low, high in change.receipted:
            for seq in range(low, high + 1):
                key = BatchKey(told.run, seq)
                assert seq in covered
                assert key in self.spooled
                self.unsaved.append((key, True))
        for low, high in change.reopened:
            self.unsaved += [(BatchKey(told.run, seq), False) for seq in range(low, high + 1)]

    @rule(seconds=st.sampled_from([0.1, 3.0, 20.0, 100.0]))
    def wait(self, seconds: float) -> None:
        self.now_s += seconds

    @rule()
    def break_the_line(self) -> None:
        self.delivery.disconnected()
        self.connected = False

    @rule()
    def mend_the_line(self) -> None:
        if not self.connected:
            self.delivery.ask(self.now_s)
            self.connected = True

    @rule(credit=st.sampled_from([1, 3, 64]))
    def change_credit(self, credit: int) -> None:
        self.credit = credit

    @rule(data=st.data())
    def database_goes_back(self, data) -> None:
        """Restored from backup: the ledger no longer has its newest batches. Receipts of before are gone too."""
        listed = sorted(self.cloud)
        keep = data.draw(st.integers(0, len(listed)))
        self.cloud = set(listed[:keep])
        self.receipts.clear()

    def teardown(self) -> None:
        self.settle()
        assert self.delivery.open == 0
        assert set(self.spooled) == self.cloud

    def settle(self) -> None:
        """The world behaves: every message arrives once, every receipt too."""
        self.receipts.clear()
        self.on_the_way.clear()
        self.credit = 64
        for _ in range(3):  # old enough that a smaller ledger is believed, and something sent in every run
            self.delivery.disconnected()
            self.delivery.ask(self.now_s)
            self.connected = True
            self.commit(1)
            for _ in range(400):
                keys = self.delivery.take(self.now_s, 20)
                for key in keys:
                    self.delivery.acknowledged(key)
                    self._arrive(key)
                for told in self.receipts[-1:] + self.receipts[:-1]:
                    self._hear(told)
                self.receipts.clear()
                if not keys:
                    due_s = self.delivery.due_s()
                    if due_s == float("inf"):
                        break
                    self.now_s = max(self.now_s, due_s)
            self.now_s += 130


World.TestCase.settings = settings(
    max_examples=200, stateful_step_count=50, deadline=None, suppress_health_check=list(HealthCheck)
)
TestWorld = World.TestCase


def test_the_world_notices_a_gateway_that_forgets_on_puback():
    world = World()
    world.forget = ForgetOnPuback()
    world.start()
    world.commit(3)
    world.send(20)
    for key in list(world.on_the_way):  # acknowledged by the broker, and then lost by it
        world.delivery.acknowledged(key)
    with pytest.raises(AssertionError):
        world.teardown()


@pytest.fixture
def delivery():
    delivery = Delivery(Pace(resend_s=5, resend_most_s=60, settle_s=60), draw=lambda low, high: high)
    delivery.begin(LIVE, 0.0)
    return delivery


LIVE, OLD = UUID(int=1), UUID(int=2)


def add(delivery: Delivery, first: int, last: int, run: UUID = LIVE) -> None:
    for seq in range(first, last + 1):
        delivery.add(BatchKey(run, seq))


def seqs(keys: list[BatchKey]) -> list[int]:
    return [key.seq for key in keys]


def test_live_batches_go_before_the_backlog(delivery):
    delivery.hold(OLD, Ranges([(1, 3)]), Ranges())
    add(delivery, 1, 2)
    assert delivery.take(0, 3) == [BatchKey(LIVE, 1), BatchKey(LIVE, 2), BatchKey(OLD, 1)]


def test_a_puback_forgets_nothing(delivery):
    add(delivery, 1, 1)
    (key,) = delivery.take(0, 9)
    assert delivery.acknowledged(key) is False
    assert delivery.open == 1
    assert seqs(delivery.take(1000, 9)) == [1]


def test_a_batch_without_receipt_is_sent_again_ever_more_rarely(delivery):
    add(delivery, 1, 1)
    waits, now_s = [], 0.0
    for _ in range(6):
        assert seqs(delivery.take(now_s, 9)) == [1]
        assert delivery.take(now_s, 9) == []
        waits.append(delivery.due_s() - now_s)
        now_s = delivery.due_s()
    assert waits == [10, 15, 25, 45, 65, 65]


def test_a_receipt_for_what_was_never_sent_deletes_nothing(delivery):
    add(delivery, 1, 5)
    delivery.take(0, 2)
    change = delivery.receipted(receipt(LIVE, (1, 5)), 0)
    assert list(change.receipted) == [(1, 2)]
    assert delivery.open == 3
    assert not delivery.receipted(receipt(UUID(int=99), (1, 5)), 0).receipted


def test_the_window_holds_back_what_is_too_far_ahead_of_a_hole(delivery):
    add(delivery, 1, 2000)
    credit = receipt(LIVE, credit=65_536)
    delivery.receipted(credit, 0)
    assert len(delivery.take(0, 5000)) == WINDOW + 1
    delivery.receipted(receipt(LIVE, (2, 400), credit=65_536), 0)
    assert delivery.take(0, 5000) == []
    delivery.receipted(receipt(LIVE, (1, 400), credit=65_536), 0)
    assert seqs(delivery.take(0, 5000)) == list(range(WINDOW + 2, 401 + WINDOW + 1))


def test_credit_bounds_what_is_in_flight_but_never_to_a_standstill(delivery):
    add(delivery, 1, 10)
    delivery.take(0, 1)
    delivery.receipted(receipt(LIVE, (1, 1), credit=0), 0)
    assert seqs(delivery.take(0, 9)) == [2]
    delivery.receipted(receipt(LIVE, (1, 2), credit=3), 0)
    assert seqs(delivery.take(0, 9)) == [3, 4, 5]
    assert delivery.take(0, 9) == []


def test_what_the_broker_had_not_acknowledged_is_sent_again_at_once_after_a_break(delivery):
    add(delivery, 1, 2)
    keys = delivery.take(0, 9)
    delivery.acknowledged(keys[0])
    delivery.disconnected()
    assert seqs(delivery.take(0.1, 9)) == [2]


def test_a_smaller_ledger_is_believed_only_when_it_cannot_be_an_old_receipt(delivery):
    add(delivery, 1, 4)
    delivery.take(0, 9)
    delivery.receipted(receipt(LIVE, (1, 4)), 0)
    assert not delivery.receipted(receipt(LIVE, (1, 2)), 1).reopened
    delivery.receipted(receipt(LIVE, (1, 4)), 100)
    change = delivery.receipted(receipt(LIVE, (1, 2)), 200)
    assert list(change.reopened) == [(3, 4)]
    assert seqs(delivery.take(200, 9)) == [3, 4]


def test_after_a_connect_the_newest_kept_batch_of_an_older_run_asks_for_its_ledger(delivery):
    delivery.hold(OLD, Ranges(), Ranges([(1, 9)]))
    delivery.ask(0)
    assert delivery.take(0, 9) == [BatchKey(OLD, 9)]
    assert delivery.take(0, 9) == []
    assert list(delivery.receipted(receipt(OLD, (1, 5)), 1).reopened) == [(6, 9)]


def test_a_new_run_is_wanted_when_a_backlog_would_hold_up_live_batches(delivery):
    add(delivery, 1, WINDOW)
    delivery.take(100, 9)
    assert not delivery.wants_new_run(100)
    delivery.receipted(receipt(LIVE, (1, 1)), 100)
    assert delivery.wants_new_run(100)
    delivery.begin(OLD, 100)
    add(delivery, 1, 1, OLD)
    assert delivery.take(101, 1) == [BatchKey(OLD, 1)]
    assert not delivery.wants_new_run(1000)


def test_silence_is_counted_from_the_first_batch_on_its_way(delivery):
    assert delivery.silent_s(50) == 0
    add(delivery, 1, 1)
    delivery.take(50, 1)
    assert delivery.silent_s(70) == 20
    delivery.receipted(receipt(LIVE), 80)
    assert delivery.silent_s(85) == 5


def test_what_the_spool_dropped_is_not_sent(delivery):
    delivery.hold(OLD, Ranges([(1, 3)]), Ranges())
    delivery.gone(OLD, [(1, 2)])
    assert delivery.take(0, 9) == [BatchKey(OLD, 3)]
    delivery.gone(OLD, [(3, 3)])
    delivery.gone(OLD, [(3, 3)])
    assert delivery.open == 0
