"""The audit counts exactly: every kind of loss is planted and found, and nothing is found where nothing was planted."""

import random
import time
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocols.sample import Quality, Reason, bad, quality_code
from simulators.audit import Audit, Rules, StoredRow, audit
from simulators.truth import TruthValue

S = 1_000_000_000
MS = 1_000_000
START = 1_790_000_000 * S
POLLED, SUBSCRIBED = ("pump-1", "flow"), ("cnc-1", "power")
RULES = Rules(read_timeout_s=1.0, silence_s=10.0, subscribed=frozenset({SUBSCRIBED}))


def polled(values, period_ns=S, delay_ns=2 * MS, series=POLLED):
    """Truth of a poll a period, and its rows as the gateway stamps them: a little later, in microseconds."""
    truth = [TruthValue(*series, START + n * period_ns, value) for n, value in enumerate(values)]
    rows = [StoredRow(*series, (value.time_ns + delay_ns) // 1000 * 1000, value.value, 0) for value in truth]
    return truth, rows


def subscribed(values, period_ns=S // 10):
    truth, rows = polled(values, period_ns, 0, SUBSCRIBED)
    return truth, rows


def counts(result: Audit) -> tuple[int, int, int, int]:
    return result.missing, result.duplicated, result.wrong, result.in_gaps


def lost_line(series, at_ns, reason=Reason.TIMEOUT) -> StoredRow:
    return StoredRow(*series, at_ns, None, bad(reason))


CHANGING = [float(n) for n in range(20)]
CONSTANT = [7.0] * 20
TOGGLING = [n % 2 == 0 for n in range(20)]
TEXTS = ["LOADED" if n % 3 else "UNLOADED" for n in range(20)]
ALL = pytest.mark.parametrize(
    "values", [CHANGING, CONSTANT, TOGGLING, TEXTS], ids=["changing", "constant", "toggling", "texts"]
)
WAYS = pytest.mark.parametrize(
    "way", [polled, lambda v: polled(v, S // 10), subscribed], ids=["1 s polls", "0.1 s polls", "subscribed"]
)


@WAYS
@ALL
def test_what_was_handed_out_and_stored_is_clean(way, values):
    truth, rows = way(values)
    assert audit(truth, rows, RULES) == Audit(produced=20, stored=20)
    assert audit(truth, rows, RULES).clean


@WAYS
@ALL
@pytest.mark.parametrize("at", [1, 10, 19])
def test_a_dropped_row_is_one_missing(way, values, at):
    truth, rows = way(values)
    result = audit(truth, rows[:at] + rows[at + 1 :], RULES)
    assert counts(result) == (1, 0, 0, 0)
    assert str(truth[at].time_ns) in result.examples[0]
    assert not result.clean


@WAYS
@ALL
def test_a_row_twice_is_one_duplicated(way, values):
    truth, rows = way(values)
    assert counts(audit(truth, [*rows, rows[7]], RULES)) == (0, 1, 0, 0)


@WAYS
@ALL
def test_a_changed_value_is_one_wrong_row_and_one_missing_value(way, values):
    truth, rows = way(values)
    rows[10] = rows[10]._replace(value=12345.5)
    assert counts(audit(truth, rows, RULES)) == (1, 0, 1, 0)


@WAYS
def test_an_invented_row_is_wrong(way):
    truth, rows = way(CHANGING)
    extra = rows[10]._replace(time_ns=rows[10].time_ns + 50 * MS, value=99.0)
    assert counts(audit(truth, [*rows, extra], RULES)) == (0, 0, 1, 0)


def test_a_repeated_old_value_is_wrong():
    """A gateway that shows the last value again while it cannot read invents a row."""
    truth, rows = polled(CONSTANT)
    again = rows[10]._replace(time_ns=rows[10].time_ns + S // 2)
    assert counts(audit(truth, [*rows, again], RULES)) == (0, 0, 1, 0)


def test_two_values_in_the_wrong_order_are_found():
    truth, rows = polled(CHANGING, S // 10)
    rows[10], rows[11] = rows[10]._replace(value=11.0), rows[11]._replace(value=10.0)
    missing, _, wrong, _ = counts(audit(truth, rows, RULES))
    assert missing >= 1
    assert wrong >= 1


def test_a_row_before_its_value_was_served_or_long_after_is_wrong():
    truth, rows = polled(CHANGING, 10 * S)
    rows[5] = rows[5]._replace(time_ns=truth[5].time_ns - 6 * MS)
    rows[6] = rows[6]._replace(time_ns=truth[6].time_ns + 1001 * MS)
    rows[7] = rows[7]._replace(time_ns=truth[7].time_ns + 999 * MS)
    assert counts(audit(truth, rows, RULES)) == (2, 0, 2, 0)


def test_a_subscribed_value_must_keep_its_source_time():
    truth, rows = subscribed(CHANGING)
    rows[5] = rows[5]._replace(time_ns=rows[5].time_ns + MS)
    assert counts(audit(truth, rows, RULES)) == (1, 0, 1, 0)


def test_an_uncertain_row_holds_its_value_and_a_bad_one_does_not():
    truth, rows = polled(CHANGING)
    rows[5] = rows[5]._replace(code=quality_code(Quality.UNCERTAIN, Reason.CLOCK_UNSYNCED))
    assert audit(truth, rows, RULES).clean


@ALL
@pytest.mark.parametrize("reason", [Reason.RESTART_GAP, Reason.DISCONNECTED, Reason.TIMEOUT])
def test_a_gap_that_is_told_excuses_what_lies_inside_and_nothing_else(values, reason):
    truth, rows = polled(values)
    kept = [*rows[:5], lost_line(POLLED, rows[4].time_ns + 1000, reason), *rows[12:]]
    assert counts(audit(truth, kept, RULES)) == (0, 0, 0, 7)
    assert counts(audit(truth, kept[:-2], RULES)) == (2, 0, 0, 7)
    assert counts(audit(truth, kept[1:], RULES)) == (1, 0, 0, 7)


@ALL
def test_a_gap_that_is_not_told_is_missing(values):
    truth, rows = polled(values)
    assert counts(audit(truth, rows[:5] + rows[12:], RULES)) == (7, 0, 0, 0)


def test_an_answer_that_came_too_late_is_told_by_its_timeout():
    truth, rows = polled(CHANGING)
    rows[10] = lost_line(POLLED, truth[10].time_ns + S)
    assert counts(audit(truth, rows, RULES)) == (0, 0, 0, 1)


def test_one_timeout_does_not_excuse_two_lost_polls_before_it():
    truth, rows = polled(CHANGING, S // 10)
    kept = [*rows[:9], lost_line(POLLED, truth[10].time_ns + 90 * MS), *rows[11:]]
    assert counts(audit(truth, kept, RULES)) == (1, 0, 0, 1)


def test_out_of_range_stands_for_its_one_answer_and_opens_no_gap():
    truth, rows = polled(CHANGING)
    rows[10] = rows[10]._replace(value=None, code=bad(Reason.OUT_OF_RANGE))
    assert counts(audit(truth, rows, RULES)) == (0, 0, 0, 1)
    assert counts(audit(truth, rows[:11] + rows[12:], RULES)) == (1, 0, 0, 1)


def test_what_was_on_its_way_when_a_subscription_broke_is_told_by_its_bad_row():
    truth, rows = subscribed(CHANGING)
    kept = [*rows[:10], lost_line(SUBSCRIBED, truth[14].time_ns + 20 * MS, Reason.DISCONNECTED), *rows[17:]]
    assert counts(audit(truth, kept, RULES)) == (0, 0, 0, 7)
    impatient = replace(RULES, silence_s=0.25)  # noticed sooner: what was lost before is not excused
    assert counts(audit(truth, kept, impatient)) == (2, 0, 0, 5)


def test_values_after_the_end_mark_are_not_asked_for_but_checked_when_they_are_there():
    truth, rows = polled(CHANGING)
    end = replace(RULES, end_ns=truth[14].time_ns)
    assert audit(truth, rows[:15], end) == Audit(produced=15, stored=15)
    assert audit(truth, rows[:17], end) == Audit(produced=17, stored=17)
    assert counts(audit(truth, rows[:14], end)) == (1, 0, 0, 0)
    assert counts(audit(truth, [*rows[:15], rows[16]._replace(value=0.5)], end)) == (0, 0, 1, 0)


def test_a_subscribed_tag_is_asked_for_from_its_first_row_on_but_not_without_any():
    truth, rows = subscribed(CHANGING)
    assert audit(truth, rows[5:], RULES) == Audit(produced=15, stored=15)
    assert counts(audit(truth, [], RULES)) == (20, 0, 0, 0)


def test_a_polled_tag_is_asked_for_from_the_first_answer_on():
    truth, rows = polled(CHANGING)
    assert counts(audit(truth, rows[5:], RULES)) == (5, 0, 0, 0)


def test_rows_of_a_series_that_handed_nothing_out_are_wrong():
    _, rows = polled(CHANGING)
    assert counts(audit([], rows, RULES)) == (0, 0, 20, 0)


def test_not_a_number_equals_itself_and_a_text_is_no_number():
    truth, rows = polled([float("nan"), 1.0, "1.0"])
    assert audit(truth, rows, RULES).clean
    rows[2] = rows[2]._replace(value=1.0)
    assert counts(audit(truth, rows, RULES)) == (1, 0, 1, 0)


@settings(max_examples=300)
@given(
    values=st.lists(st.sampled_from([1.0, 2.0, 3.0]), min_size=1, max_size=40),
    period_ms=st.sampled_from([50, 100, 1000, 2500]),
    seed=st.integers(0, 1 << 30),
    way=st.sampled_from(["polled", "subscribed"]),
)
def test_any_drops_and_doubles_are_counted_to_the_last_one(values, period_ms, seed, way):
    if way == "polled":
        chance = random.Random(seed)
        truth, rows = polled(values, period_ms * MS)
        rows = [row._replace(time_ns=row.time_ns + chance.randrange(0, 30) * MS) for row in rows]
    else:
        chance = random.Random(seed)
        truth, rows = subscribed(values, period_ms * MS)
    dropped = {n for n in range(len(rows)) if chance.random() < 0.2} - ({0} if way == "subscribed" else set())
    doubled = [n for n in range(len(rows)) if n not in dropped and chance.random() < 0.2]
    stored = [row for n, row in enumerate(rows) if n not in dropped] + [rows[n] for n in doubled]
    chance.shuffle(stored)
    assert counts(audit(truth, stored, RULES)) == (len(dropped), len(doubled), 0, 0)


def test_a_long_outage_and_a_total_loss_are_still_counted_quickly():
    started = time.perf_counter()
    values = [float(n % 50) for n in range(100_000)]
    truth, rows = polled(values, 20 * MS)
    assert counts(audit(truth, rows[:50_000], RULES)) == (50_000, 0, 0, 0)
    wrong = [row._replace(value=-1.0) for row in rows]
    assert counts(audit(truth, wrong, RULES)) == (100_000, 0, 100_000, 0)
    assert time.perf_counter() - started < 90


def test_a_row_that_says_it_repeats_has_to_show_the_value_in_force():
    truth, rows = subscribed(CHANGING)
    stale = quality_code(Quality.UNCERTAIN, Reason.STALE)
    between = rows[5].time_ns + 20 * MS
    assert audit(truth, [*rows, rows[5]._replace(time_ns=between, code=stale)], RULES).clean
    assert counts(audit(truth, [*rows, rows[4]._replace(time_ns=between, code=stale)], RULES)) == (0, 0, 1, 0)
