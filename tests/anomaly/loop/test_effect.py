"""The check of a repair against seeded repairs whose effect is known, and against formulas of others."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from scipy import stats

from anomaly.loop.effect import BLOCKS, blocks, compare, distance, hodges_lehmann, windows

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
T = datetime(2026, 11, 1, 12, tzinfo=UTC)
SHARE = {"vibration": 0.7, "temperature": 0.3}


def noise(rng, n=BLOCKS, memory=0.5):
    """An AR(1) process of unit variance: neighbours in a machine are alike."""
    found = rng.normal(0, 1, n)
    for at in range(1, n):
        found[at] = memory * found[at - 1] + np.sqrt(1 - memory**2) * found[at]
    return found


def machine(rng, level):
    """Blocks of both tags, `level` scales off what is ordinary; a tenth of them is missing."""
    seen = {tag: 10 * number + 3 * (level + noise(rng)) for number, tag in enumerate(SHARE, start=1)}
    for one in seen.values():
        one[rng.random(BLOCKS) < 0.1] = np.nan
    return seen


def judged(rng, before, after, lasted=DAY):
    ordinary = machine(rng, 0.0)
    return compare(
        distance(ordinary, machine(rng, before), SHARE), distance(ordinary, machine(rng, after), SHARE), lasted
    )


# What a repair does: (scales off before, after, the right word).
KINDS = {
    "it is as new": (8.0, 0.0, "improved"),
    "half of it is gone": (8.0, 4.0, "improved"),
    "it was not the cause": (8.0, 8.0, "same"),
    "nothing was wrong": (0.3, 0.3, "same"),
    "it was put together badly": (8.0, 14.0, "worse"),
    "it is broken now": (0.3, 9.0, "worse"),
}


@pytest.mark.parametrize("kind", KINDS)
def test_nine_of_ten_seeded_repairs_are_judged_rightly(kind):
    before, after, right = KINDS[kind]
    rng = np.random.default_rng(7)
    found = [judged(rng, before, after).result for _ in range(60)]
    assert found.count(right) >= 0.9 * len(found), found
    assert not {"improved", "worse"} - {right} & set(found), "never the opposite"


def test_the_measure_sees_a_judge_who_guesses():
    rng = np.random.default_rng(7)
    guesses = rng.choice(["improved", "same", "worse"], 60)
    assert all((guesses == right).sum() < 54 for _, _, right in KINDS.values())


@pytest.mark.parametrize(
    ("after", "lasted"), [({"vibration": np.full(BLOCKS, np.nan)}, DAY), ({}, timedelta(minutes=20))]
)
def test_without_enough_behind_it_is_too_early(after, lasted):
    rng = np.random.default_rng(1)
    ordinary, before = machine(rng, 0), machine(rng, 8)
    seen = machine(rng, 0) | after
    if after:
        seen["temperature"] = np.full(BLOCKS, np.nan)
    found = compare(distance(ordinary, before, SHARE), distance(ordinary, seen, SHARE), lasted)
    assert (found.result, "since the repair" in found.reason, found.shift) == ("too_early", True, None)


def test_nothing_ordinary_to_compare_with_is_said():
    rng = np.random.default_rng(1)
    unknown = {tag: np.full(BLOCKS, np.nan) for tag in SHARE}
    found = compare(distance(unknown, machine(rng, 8), SHARE), distance(unknown, machine(rng, 0), SHARE), DAY)
    assert (found.result, "nothing ordinary" in found.reason) == ("too_early", True)


def test_an_unclear_start_is_too_early_and_an_unclear_end_is_the_same():
    rng = np.random.default_rng(0)
    before = np.abs(rng.normal(3, 4, BLOCKS))
    after = np.abs(rng.normal(2.2, 4, BLOCKS))
    assert compare(before, after, 6 * HOUR).result == "too_early"
    assert compare(before, after, DAY).result == "same"


def test_the_shift_and_its_interval_are_those_of_the_book():
    rng = np.random.default_rng(3)
    for _ in range(20):
        before, after = rng.normal(0, 1, 30), rng.normal(1, 1, 40)
        shift, lower, upper = hodges_lehmann(before, after)
        assert lower < shift < upper
        assert shift == pytest.approx(np.median(np.subtract.outer(after, before)))
        # Moved by either end of the interval, the test of Mann and Whitney is about to reject.
        for moved in (lower, upper):
            assert stats.mannwhitneyu(after - moved, before).pvalue < 0.12


def test_an_interval_that_knows_of_memory_covers():
    rng = np.random.default_rng(5)
    covered = 0
    for _ in range(200):
        _, lower, upper = hodges_lehmann(noise(rng, memory=0.7), 2 + noise(rng, memory=0.7))
        covered += lower <= 2 <= upper
    assert covered >= 0.88 * 200


def test_blocks_are_medians_and_know_what_is_missing():
    time_s = np.arange(0, 480.0)
    value = np.where(time_s < 10, 1.0, 5.0)
    value[3] = 1e9
    value[470:] = np.nan
    found = blocks(time_s, value, 0.0, 480.0)
    assert (found[0], found[1], np.isnan(found[-1])) == (1.0, 5.0, True)
    assert np.isnan(blocks(time_s, value, 1000.0, 2000.0)).all()


def test_windows_leave_out_what_is_neither():
    found = windows(T, T + 3 * DAY, T + 3 * DAY + HOUR, T + 3 * DAY + 4 * HOUR)
    assert (found.ordinary.until, found.ordinary.lasts) == (T - HOUR, DAY)
    assert (found.before.since, found.before.until) == (T + 2 * DAY, T + 3 * DAY)
    assert (found.after.since, found.after.lasts) == (T + 3 * DAY + 1.5 * HOUR, 2.5 * HOUR)
    early = windows(T, T - HOUR, T, T)
    assert (early.before.lasts, early.after.lasts) == (timedelta(0), timedelta(0))
