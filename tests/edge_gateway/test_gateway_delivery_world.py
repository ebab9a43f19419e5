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

from edge_gateway.uplink.delivery import BatchKey, Delivery, Pace
from edge_gateway.uplink.ranges import Ranges
from protocols.wire.receipt import Receipt

RUNS_MOST = 6
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
        self.delivery.begin(self.runs[-1:], self.now_s)

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
