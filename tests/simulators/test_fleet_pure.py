"""The fleet without wire or disk: values that can be asked again, the protocol of one gateway, bytes of MQTT."""

import math
from uuid import uuid4

import numpy as np
import pytest

from protocols import UndecodablePayload
from protocols.sample import Reason, ValueKind, bad, concatenate
from protocols.wire import catalog, columnar
from protocols.wire.receipt import Receipt
from simulators.fleet.gateway import CREDIT_AT_START, WINDOW, Gateway
from simulators.fleet.machine_data import MachineData
from simulators.fleet.noise import even, seldom
from simulators.fleet.pace import Pace
from simulators.fleet.payloads import Payloads
from simulators.fleet.plan import FleetPlan

PLAN = FleetPlan(gateways=3, tags=20, scans_in_batch=10, batches=100, fail_every=30, start_ns=10**18)
SCANS = np.arange(500)


def test_chance_is_even_and_the_same_when_asked_again():
    drawn = even(7, np.arange(100_000))
    assert np.array_equal(drawn, even(7, np.arange(100_000)))
    assert abs(drawn.mean() - 0.5) < 0.01
    assert abs(np.histogram(drawn, 10)[0] - 10_000).max() < 500
    assert not np.array_equal(drawn, even(8, np.arange(100_000)))
    assert 900 < seldom(7, np.arange(100_000), 100).sum() < 1100
    assert not seldom(7, np.arange(100_000), 0).any()


@pytest.mark.parametrize("exact", [True, False])
def test_a_value_does_not_depend_on_what_is_asked_beside_it(exact):
    data = MachineData(PLAN.model_copy(update={"exact": exact}))
    whole = data.values(1, SCANS)
    assert np.array_equal(whole[120:130], data.values(1, SCANS[120:130]))
    assert not np.array_equal(whole, data.values(2, SCANS))


def test_exact_values_are_all_different_and_whole():
    plan = PLAN.model_copy(update={"exact": True})
    every = np.concatenate([MachineData(plan).values(g, np.arange(plan.scans)).ravel() for g in range(plan.gateways)])
    assert len(np.unique(every)) == len(every)
    assert np.array_equal(every, np.rint(every))


def test_machine_data_looks_like_a_machine():
    values = MachineData(PLAN).values(0, np.arange(3600))
    changes = (np.diff(values, axis=0) != 0).mean(axis=0)
    sensors, fine, setpoints, counters, states = changes[:4], changes[4], changes[5:7], changes[7], changes[8:10]
    assert (sensors > 0.2).all()
    assert fine > 0.99
    assert (setpoints < 0.001).all()
    assert (np.diff(values[:, 7]) >= 0).all()
    assert counters > 0.1
    assert (states < 0.02).all()
    assert np.allclose(values[:, :4] * 10, np.rint(values[:, :4] * 10))


def test_scans_are_in_order_and_found_by_their_time():
    times_ns = PLAN.times_ns(2, SCANS)
    assert (np.diff(times_ns) > 0).all()
    assert (times_ns % 1000 == 0).all()
    assert np.array_equal(PLAN.scan_at(times_ns // 1000), SCANS)


@pytest.mark.parametrize("compress", [False, True])
def test_a_batch_is_what_the_plan_says_and_the_same_when_made_again(compress):
    plan, run = PLAN.model_copy(update={"compress": compress}), uuid4()
    payload = Payloads(plan).batch(1, 7, run, 3)
    assert payload == Payloads(plan).batch(1, 7, run, 3)
    batch = columnar.decode(payload)
    assert (batch.header.run_id, batch.header.seq, batch.count) == (run, 3, 200)
    scans = plan.scans_of(7)
    for column in batch.columns:
        place = np.searchsorted(plan.times_ns(1, scans), column.time_ns)
        failed = plan.failed(1, scans)[place]
        assert np.array_equal(column.code == bad(Reason.TIMEOUT), failed)
        expected = MachineData(plan).values(1, scans)[place, column.alias]
        assert np.array_equal(column.value[~failed].astype(float), expected[~failed])


def test_the_catalog_names_every_alias_with_its_kind():
    told = catalog.decode(Payloads(PLAN).catalog(1))
    kinds = {tag.alias: ValueKind[tag.kind.upper()] for tag in told.tags}
    assert len(kinds) == 20
    columns = concatenate(list(columnar.decode(Payloads(PLAN).batch(1, 0, uuid4(), 1)).columns))
    assert all(kinds[alias] is column.kind for column in columns for alias in column.alias.tolist())
    other = PLAN.model_copy(update={"tags": 21})
    assert told.revision != catalog.decode(Payloads(other).catalog(1)).revision


@pytest.mark.parametrize("compress", [False, True])
def test_a_damaged_batch_keeps_its_header_only(compress):
    plan = PLAN.model_copy(update={"damage_every": 1, "compress": compress})
    payload = Payloads(plan).batch(0, 4, uuid4(), 5)
    assert columnar.read_header(payload).seq == 5
    with pytest.raises(UndecodablePayload):
        columnar.decode(payload)


def making(batches: int) -> Gateway:
    gateway = Gateway(0)
    for _ in range(batches):
        gateway.make()
    return gateway


def receipt(run, *committed, credit=WINDOW, rejected=()):
    return Receipt(run=run, committed=list(committed), credit=credit, rejected=dict.fromkeys(rejected, "damaged"))


def numbers(outgoing) -> list[int]:
    return [one.seq for one in outgoing]


def test_the_credit_of_the_last_receipt_bounds_what_is_on_its_way():
    gateway = making(1000)
    assert len(gateway.take(0, 10_000)) == CREDIT_AT_START
    assert gateway.take(0, 10_000) == []
    gateway.receipted(receipt(gateway.run, (1, 10), credit=70))
    assert numbers(gateway.take(0, 10_000)) == list(range(65, 81))
    gateway.receipted(receipt(gateway.run, (1, 80), credit=0))
    assert numbers(gateway.take(0, 10_000)) == [81]


def test_nothing_goes_further_than_the_window_above_a_hole():
    gateway = making(2000)
    gateway.take(0, 10_000)
    gateway.receipted(receipt(gateway.run, (2, 64), credit=60_000))
    assert numbers(gateway.take(0, 10_000)) == list(range(65, 1 + WINDOW + 1))
    assert gateway.take(0, 10_000) == []


def test_without_a_receipt_a_batch_goes_again_later_and_later():
    gateway, went_s, now_s = making(1), [], 0.0
    while len(went_s) < 6:
        went_s += [now_s] * len(gateway.take(now_s, 1))
        assert gateway.due_s > now_s
        now_s = gateway.due_s
    pauses_s = np.diff(went_s)
    assert (pauses_s >= 5).all()
    assert pauses_s[-1] <= 65
    assert gateway.counted.resent == 5


def test_a_receipt_of_another_run_or_number_forgets_nothing():
    gateway = making(3)
    gateway.take(0, 10)
    gateway.receipted(receipt(uuid4(), (1, 3)))
    gateway.receipted(receipt(gateway.run, (4, 9)))
    assert gateway.open == 3
    gateway.receipted(receipt(gateway.run, (1, 1), (3, 3), rejected=[3]))
    assert gateway.open == 1
    assert gateway.counted.rejected == 1


def test_after_a_restart_new_batches_go_first_and_older_ones_again_under_their_run():
    gateway = making(4)
    old = gateway.run
    gateway.take(0, 2)
    gateway.restart()
    gateway.make()
    again = gateway.take(1, 10)
    assert [(one.run, one.seq, one.number) for one in again] == [
        (gateway.run, 1, 4), (old, 3, 2), (old, 4, 3), (old, 1, 0), (old, 2, 1),
    ]  # fmt: skip
    gateway.receipted(receipt(old, (1, 4)))
    gateway.receipted(receipt(gateway.run, (1, 1)))
    assert gateway.open == 0
    assert gateway.take(1000, 10) == []


def test_the_pace_makes_a_batch_a_period_and_ends():
    pace, gateway = Pace(PLAN, speed=2.0, seconds=math.inf), Gateway(1)
    made = [pace.wanted(gateway, now_s) for now_s in np.arange(0, 600, 0.5)]
    assert made[-1] == PLAN.batches
    assert set(np.diff(made)) == {0, 1}
    assert made[100] in (10, 11)
    for _ in range(made[-1]):
        gateway.make()
    assert pace.is_over(gateway, 0)
    assert pace.next_s(gateway) == math.inf


def test_without_a_speed_a_gateway_makes_what_it_can_send_until_time_is_up():
    pace, gateway = Pace(PLAN, speed=math.inf, seconds=3), Gateway(0)
    assert 0 < pace.wanted(gateway, 1) < PLAN.batches
    assert pace.wanted(gateway, 3) == 0
    assert pace.is_over(gateway, 3)
