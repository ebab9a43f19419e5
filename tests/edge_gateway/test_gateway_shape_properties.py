"""What holds for any series of reads: the deadband's error, the interval's pace, the windows' statistics, no loss."""

import math
from collections import defaultdict

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_gateway.shaping.columns import Rounds
from protocols.sample import Column, Quality, Reason, ValueKind, quality_of
from tests.edge_gateway.shaping_parts import EPOCH_NS, SECOND, Rig, device

FLOATS = st.floats(-1e6, 1e6) | st.sampled_from([0.0, 0.1, 0.2, 0.30000000000000004, -0.0, 1e-300])
INTS = st.integers(-(1 << 63), (1 << 63) - 1) | st.integers(-5, 5)
FAILURES = st.sampled_from([Reason.TIMEOUT, Reason.DISCONNECTED])


def series(values, most_s=10.0):
    """Reads at rising times: (seconds since the one before, value or reason)."""
    steps = st.floats(0.001, most_s).map(lambda step: round(step, 3))
    return st.lists(st.tuples(steps, values | FAILURES), min_size=1, max_size=60)


def rising(steps):
    second = 0.0
    for step, value in steps:
        second = round(second + step, 3)
        yield second, value


def worst_error(reads, told, deadband) -> bool:
    """Whether what is rebuilt by holding the last report is ever further from what was read than the deadband."""
    told = list(told)
    held, place = None, 0
    for second, value in reads:
        while place < len(told) and told[place].time_ns <= second:
            held, place = told[place], place + 1
        if isinstance(value, Reason):
            if quality_of(held.code) is not Quality.BAD:
                return True
        elif held.value is None or abs(value - held.value) > deadband:
            return True
    return False


@given(series(FLOATS), st.floats(0, 100), st.none() | st.floats(0.5, 30))
@settings(max_examples=150, deadline=None)
def test_what_is_rebuilt_from_reports_is_within_the_deadband_at_every_read(steps, deadband, silence_s):
    rig = Rig([device({"tag": "x", "deadband": deadband, "max_silence_s": silence_s})])
    reads = list(rising(steps))
    told = [sample for second, value in reads for sample in rig.read(second, x=value)]
    assert not worst_error(reads, told, deadband)
    every = {(second, None if isinstance(value, Reason) else value) for second, value in reads}
    assert {(sample.time_ns, sample.value) for sample in told} <= every  # nothing made up, nothing restamped
    if silence_s:
        gaps = np.diff([sample.time_ns for sample in told] + [reads[-1][0]])
        assert all(gap < silence_s + 10.001 for gap in gaps)


@given(series(INTS), st.integers(0, 1 << 62))
@settings(max_examples=100, deadline=None)
def test_the_same_for_integers_without_any_rounding(steps, deadband):
    rig = Rig([device({"tag": "x", "type": "int", "deadband": float(deadband)})])
    reads = list(rising(steps))
    told = [sample for second, value in reads for sample in rig.read(second, x=value)]
    assert not worst_error(reads, told, int(float(deadband)))


def test_the_check_of_the_error_notices_a_lost_report():
    rig = Rig([device({"tag": "x", "deadband": 1.0})])
    reads = [(0.0, 1.0), (1.0, 3.0), (2.0, Reason.TIMEOUT), (3.0, 3.0)]
    told = [sample for second, value in reads for sample in rig.read(second, x=value)]
    assert len(told) == 4
    assert all(worst_error(reads, told[:place] + told[place + 1 :], 1.0) for place in (1, 2, 3))


@given(series(FLOATS, most_s=3.0), st.floats(0, 10), st.floats(0.5, 10))
@settings(max_examples=150, deadline=None)
def test_within_an_interval_there_is_one_report_and_at_its_end_the_newest_read(steps, deadband, interval_s):
    rig = Rig([device({"tag": "x", "deadband": deadband, "least_interval_s": interval_s})])
    reads, told = list(rising(steps)), []
    for second, value in reads:
        told += rig.look(second)
        told += rig.read(second, x=value)
    told += rig.look(reads[-1][0] + interval_s)
    assert [sample.time_ns for sample in told] == sorted(sample.time_ns for sample in told)
    newest = reads[-1][1]
    if not isinstance(newest, Reason):  # an interval after the last read all is told that is to be told
        assert abs(told[-1].value - newest) <= deadband
    for before, one, after in zip(told, told[1:], told[2:], strict=False):
        if before.code == one.code == after.code:  # three of one quality take at least an interval
            assert after.time_ns - before.time_ns >= interval_s - 1e-6


@given(series(FLOATS, most_s=40.0), st.sampled_from([1.0, 7.0, 60.0]))
@settings(max_examples=150, deadline=None)
def test_windows_are_what_plain_arithmetic_makes_of_the_same_reads(steps, every_s):
    of = ["min", "max", "mean", "count", "last"]
    rig = Rig([device({"tag": "x", "window": {"every_s": every_s, "of": of, "raw": False}})])
    reads = list(rising(steps))
    told = defaultdict(dict)
    for second, value in reads:
        for sample in rig.read(second, x=value):
            told[sample.time_ns][sample.tag] = sample
    whole = defaultdict(list)
    offset_s = EPOCH_NS // SECOND % every_s
    for second, value in reads:
        whole[math.floor((second + offset_s) / every_s) * every_s + every_s - offset_s].append(value)
    whole.pop(max(whole))  # still open
    assert sorted(told) == sorted(whole)
    for end, made in told.items():
        good = [value for value in whole[end] if not isinstance(value, Reason)]
        assert made["x-count"].value == len(good)
        if not good:
            assert made["x-min"].value is None
            continue
        assert (made["x-min"].value, made["x-max"].value, made["x-last"].value) == (min(good), max(good), good[-1])
        assert math.isclose(made["x-mean"].value, math.fsum(good) / len(good), rel_tol=1e-9, abs_tol=1e-6)
        assert min(good) <= made["x-mean"].value <= max(good)
        certain = len(good) == len(whole[end]) and end != min(whole)
        assert (quality_of(made["x-mean"].code) is Quality.GOOD) == certain


@given(st.lists(st.integers(0, 6), max_size=40))
def test_a_read_is_dealt_into_rounds_without_losing_or_reordering_anything(aliases):
    alias = np.array(aliases, np.uint32)
    n = len(aliases)
    column = Column(ValueKind.INT, alias, np.arange(n), np.arange(n), np.zeros(n, np.uint16))
    dealt = [piece for columns in Rounds(7).deal((column,)) for piece in columns]
    assert sum(map(len, dealt)) == n
    for piece in dealt:
        assert len(set(piece.alias.tolist())) == len(piece)
    for one in set(aliases):
        assert np.concatenate([piece.value[piece.alias == one] for piece in dealt]).tolist() == [
            place for place, other in enumerate(aliases) if other == one
        ]


@given(st.lists(FLOATS, min_size=1, max_size=30), st.floats(0, 10))
@settings(max_examples=60, deadline=None)
def test_many_changes_in_one_notification_are_the_same_as_many_notifications(values, deadband):
    tag = {"tag": "x", "deadband": deadband, "window": {"every_s": 5}}
    one, many = Rig([device(tag)]), Rig([device(tag)])
    rows = [(float(second), value) for second, value in enumerate(values)]
    together = one.listed(one.shape.take((one.column("x", rows),), 0))
    apart = [sample for second, value in rows for sample in many.read(second, x=value)]
    assert together == apart
