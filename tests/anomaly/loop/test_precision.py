"""Shares, their intervals, and what follows from a record."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from anomaly.loop.precision import WINDOW, Precision, by, decide, is_right, priority_of, wilson
from anomaly.loop.records import Rule, Tally

RULE = Rule("statistical", "robust-1", "unusual_behaviour", "pump")


@given(st.integers(1, 300).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_the_interval_is_wilsons(counts):
    right, counted = counts
    theirs = binomtest(right, counted).proportion_ci(0.95, method="wilson")
    assert wilson(right, counted) == pytest.approx((theirs.low, theirs.high), abs=1e-6)


def test_nothing_counted_is_anything():
    assert wilson(0, 0) == (0.0, 1.0)
    assert Precision(not_inspected=3).share is None


def test_who_did_not_look_says_nothing_and_a_wrong_class_is_wrong():
    tallies = [
        Tally(RULE, "machine", "confirmed_incipient", 6),
        Tally(RULE, "machine", "false_alarm", 1),
        Tally(RULE, "machine", "sensor_fault", 2),
        Tally(RULE, "sensor", "sensor_fault", 1),
        Tally(RULE, "machine", "not_inspected", 40),
    ]
    assert by(tallies, lambda tally: tally.rule) == {RULE: Precision(7, 10, 40)}
    assert by(tallies, lambda tally: tally.alarm_class) == {"machine": Precision(6, 9, 40), "sensor": Precision(1, 1)}
    assert not is_right("machine", "process_change")


@pytest.mark.parametrize(
    ("standing", "right", "wrong", "after"),
    [
        ("trusted", 9, 11, "advisory"),
        ("trusted", 10, 10, None),
        ("trusted", 0, 19, None),  # fewer than twenty prove nothing against it
        ("advisory", 4, 0, None),
        ("advisory", 5, 0, "trusted"),
        ("advisory", 6, 1, None),
        ("advisory", 7, 1, "trusted"),
        ("advisory", 14, 6, None),  # what was demoted has to be clearly better, not a little
        ("advisory", 15, 5, "trusted"),
    ],
)
def test_a_record_promotes_and_demotes(standing, right, wrong, after):
    decision = decide(standing, [True] * right + [False] * wrong)
    assert (decision.standing if decision else None) == after
    if decision:
        assert f"{right} of the last {right + wrong} verdicts were right" in decision.reason


@given(st.lists(st.booleans(), max_size=WINDOW))
def test_no_record_speaks_for_both(newest):
    assert not (decide("trusted", newest) and decide("advisory", newest))


@pytest.mark.parametrize(
    ("source", "asked", "standing", "given"),
    [
        ("statistical", "advisory", "advisory", "advisory"),
        ("statistical", "high", "advisory", "advisory"),
        ("statistical", "high", "trusted", "high"),
        ("statistical", "advisory", "trusted", "medium"),
        ("limit", "high", "trusted", "high"),
        ("limit", "advisory", "trusted", "advisory"),
        ("limit", "high", "advisory", "advisory"),
        ("limit", "critical", "advisory", "critical"),
    ],
)
def test_the_priority_follows_the_standing(source, asked, standing, given):
    assert priority_of(source, asked, standing, "medium") == given
