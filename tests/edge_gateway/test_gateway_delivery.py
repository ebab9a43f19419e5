"""The rules of the delivery, one at a time."""

from uuid import UUID

import pytest

from edge_gateway.uplink.delivery import RANGES_MOST, RUNS_ASKED_MOST, BatchKey, Delivery, Pace
from edge_gateway.uplink.ranges import Ranges
from protocols.wire.receipt import Receipt

WINDOW = 512
LIVE, OLD = UUID(int=1), UUID(int=2)


def receipt(run: UUID, *committed: tuple[int, int], credit: int = 64) -> Receipt:
    return Receipt(run=run, committed=list(committed), credit=credit)


@pytest.fixture
def delivery():
    delivery = Delivery(Pace(resend_s=5, resend_most_s=60, settle_s=60), draw=lambda low, high: high)
    delivery.begin([LIVE], 0.0)
    return delivery


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


def test_an_older_run_is_asked_again_until_it_is_answered(delivery):
    delivery.hold(OLD, Ranges(), Ranges([(1, 9)]))
    delivery.ask(0)
    delivery.take(0, 9)
    assert delivery.due_s() == 60
    assert delivery.take(59, 9) == []
    assert delivery.take(60, 9) == [BatchKey(OLD, 9)]
    delivery.receipted(receipt(OLD, (1, 9)), 61)
    assert delivery.due_s() == float("inf")
    assert delivery.take(200, 9) == []


def test_every_older_run_is_asked_in_turn(delivery):
    runs = [UUID(int=number) for number in range(10, 10 + 2 * RUNS_ASKED_MOST)]
    for run in runs:
        delivery.hold(run, Ranges(), Ranges([(1, 1)]))
    asked = []
    for now_s in (0, 10):
        delivery.ask(now_s)
        asked.append({key.run for key in delivery.take(now_s, 99)})
    assert asked == [set(runs[RUNS_ASKED_MOST:]), set(runs[:RUNS_ASKED_MOST])]


def test_what_is_kept_of_a_run_that_was_asked_may_go(delivery):
    delivery.hold(OLD, Ranges(), Ranges([(1, 9)]))
    delivery.ask(0)
    delivery.gone(OLD, [(1, 9)])
    assert delivery.take(0, 9) == []
    assert delivery.due_s() == float("inf")


def test_a_new_run_is_wanted_when_the_cloud_has_it_in_many_pieces(delivery):
    pieces = [(3 * place + 1, 3 * place + 2) for place in range(RANGES_MOST + 1)]
    add(delivery, 1, 9)
    delivery.take(100, 9)
    delivery.receipted(receipt(LIVE, *pieces[:-1]), 100)
    assert not delivery.wants_new_run(100)
    delivery.receipted(receipt(LIVE, *pieces), 100)
    assert delivery.wants_new_run(100)
    delivery.begin([OLD], 100)
    assert not delivery.wants_new_run(200)


def test_a_new_run_is_wanted_when_a_backlog_would_hold_up_live_batches(delivery):
    add(delivery, 1, WINDOW)
    delivery.take(100, 9)
    assert not delivery.wants_new_run(100)
    delivery.receipted(receipt(LIVE, (1, 1)), 100)
    assert delivery.wants_new_run(100)
    delivery.begin([OLD], 100)
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
