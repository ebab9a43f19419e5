"""Tails: of the size they should be, one event however long, and honest about what was never seen."""

import numpy as np
import pytest

from anomaly.baseline.counts import BINS, EDGES, above, bin_of, place
from anomaly.baseline.onsets import Onsets, limit
from anomaly.baseline.pareto import pareto_drop
from anomaly.baseline.tail import Tail

LEAST = np.array([3.0])


def fed(statistic):
    """A tail that has learned [n] values of one statistic."""
    tail = Tail((1,))
    for start in range(0, len(statistic), 16):
        tail.learn(statistic[start : start + 16, None])
    tail.refresh()
    return tail


def test_places_and_counts_agree():
    value = np.array([0.0, 0.125, 1.0, 3.7, 1e9])
    at = place(value)
    assert at[0] == 0.0
    assert at[-1] == BINS
    assert (EDGES[bin_of(at)[2:4]] <= value[2:4] * (1 + 1e-12)).all()
    counts = np.zeros(BINS, np.float32)
    np.add.at(counts, bin_of(at), 1.0)
    assert above(counts)[[0, BINS]].tolist() == [5.0, 0.0]


@pytest.mark.parametrize(("draw", "tail_of"), [
    (lambda dice, n: dice.exponential(size=n), lambda x: np.exp(-x)),
    (lambda dice, n: dice.pareto(3.0, n) + 1.0, lambda x: x**-3.0),
])  # fmt: skip
def test_a_surprise_is_the_tail_probability_or_a_little_less(draw, tail_of):
    tail = fed(draw(np.random.default_rng(4), 20000))
    for probability in (0.1, 0.01):
        grid = np.linspace(1.0, 60.0, 60000)
        value = grid[np.argmin(np.abs(tail_of(grid) - probability))]
        surprise, _ = tail.judge(np.array([[value]]))
        assert -0.7 < surprise[0, 0] + np.log10(probability) < 0.35


def test_an_event_is_counted_once_however_long():
    short, long = np.full(4000, 0.5), np.full(4000, 0.5)
    short[1000:1003] = long[1000:1060] = 8.0
    dice = np.random.default_rng(9)
    noise = dice.exponential(0.3, 4000)
    rarities = [fed(value + noise).judge(np.array([[8.0]]))[1][0, 0] for value in (short, long)]
    assert abs(rarities[0] - rarities[1]) < 0.4


def test_a_tail_of_one_size_of_events_does_not_alarm_of_the_next_of_them():
    """A machine that does the same every 288 rows: the peaks are all alike, in whatever part of a bin they lie."""
    for size in np.linspace(2.0, 2.5, 9):
        value = np.full(4000, 0.2)
        value[(np.arange(4000) % 288) < 20] = size
        tail = fed(value)
        assert tail.judge(np.array([[size]]))[1][0, 0] < limit(300.0, tail.seen)[0]


def test_what_was_never_seen_is_rare_but_not_beyond_reason():
    calm = np.random.default_rng(6).uniform(0.0, 1.0, 3000)
    tail = fed(calm)
    surprise, rarity = tail.judge(np.array([[1.05], [1.5], [50.0]]))
    assert rarity[0, 0] < limit(300.0, tail.seen)[0] < rarity[2, 0]
    assert (np.diff(surprise[:, 0]) > 0).all()


def test_missing_is_neither_judged_nor_counted():
    tail = fed(np.random.default_rng(0).exponential(size=500))
    seen = tail.seen.copy()
    surprise, rarity = tail.judge(np.array([[np.nan]]))
    tail.learn(np.array([[np.nan]]))
    assert np.isnan(surprise).all()
    assert np.isnan(rarity).all()
    assert (tail.seen == seen).all()


def test_without_peaks_the_tail_is_the_usual_one():
    events, drop = pareto_drop(np.zeros((1, BINS), np.float32), np.array([[1.0]], np.float32))
    assert events[0, 0] == 0.0
    assert drop[0, 0] == 0.0
    assert (np.diff(drop[0]) >= 0.0).all()


def test_the_limit_is_a_budget_a_week_or_a_thousand_rows_and_grows_with_the_past():
    young, old = np.array([500.0]), np.array([40000.0])
    assert limit(300.0, young)[0] == pytest.approx(np.log10(2016 / 1.5))
    assert limit(1.0, old)[0] == pytest.approx(np.log10(604_800 / 1.5))
    assert limit(3600.0, young)[0] == limit(86_400.0, young)[0] == pytest.approx(np.log10(1000 / 1.5))
    assert limit(300.0, old)[0] == pytest.approx(np.log10(20000))


def test_an_alarm_holds_48_calm_rows_and_a_told_one_ends():
    rarity = np.zeros((200, 1))
    rarity[[10, 30]] = 9.0
    active = Onsets(1).follow(rarity, LEAST)[0][:, 0]
    assert np.flatnonzero(active)[[0, -1]].tolist() == [10, 78]
    assert active[10:79].all()
    rarity[10:] = 9.0
    assert np.flatnonzero(Onsets(1, 48.0).follow(rarity, LEAST)[0]).tolist() == list(range(10, 58))


def test_rows_that_say_nothing_keep_an_alarm():
    rarity = np.full((100, 1), np.nan)
    rarity[5] = 9.0
    assert Onsets(1).follow(rarity, LEAST)[0][5:, 0].all()
