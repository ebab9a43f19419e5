"""Energy, idling and leaks of machines that are known."""

import numpy as np
import pytest

from anomaly.energy import NotEnoughData
from anomaly.energy.leak import leak, levels
from anomaly.energy.money import Price, weekly_cost
from anomaly.energy.use import use, widths
from tests.anomaly.energy.machines import compressor, leaking


def test_energy_and_output_of_a_known_day():
    time_s = np.arange(0, 86_400, 60.0)
    power = np.where(time_s < 43_200, 30.0, 10.0)
    output = np.where(time_s < 43_200, 200.0, 0.0)
    found = use(time_s, power, output)
    assert (found.energy_kwh, found.units) == pytest.approx((480.0, 2400.0))
    assert found.per_unit == pytest.approx(0.2)
    assert (found.idle_share, found.idle_kwh, found.coverage) == pytest.approx((0.5, 120.0, 1.0))


def test_a_gap_is_told_and_not_bridged():
    time_s = np.arange(0, 86_400, 60.0)
    keep = (time_s < 30_000) | (time_s >= 60_000)
    power, output = np.full(len(time_s), 30.0), np.full(len(time_s), 200.0)
    found = use(time_s[keep], power[keep], output[keep])
    assert found.energy_kwh == pytest.approx(30.0 * (86_400 - 30_000) / 3600, rel=2e-3)
    assert found.coverage == pytest.approx(1 - 30_000 / 86_400, abs=1e-3)
    power[100:200] = np.nan
    assert use(time_s, power, output).coverage == pytest.approx(1 - 100 / 1440, abs=1e-3)


def test_what_stands_still_makes_nothing_and_idles_not():
    off = use(np.arange(100.0), np.zeros(100), np.zeros(100))
    assert (off.per_unit, off.idle_share, off.energy_kwh) == (None, 0.0, 0.0)
    with pytest.raises(NotEnoughData, match="9 samples"):
        use(np.arange(100.0), np.r_[np.ones(9), np.full(91, np.nan)], np.ones(100))


@pytest.mark.parametrize("step_s", [1.0, 60.0, 900.0])
def test_the_rate_of_sampling_does_not_matter(step_s):
    time_s = np.arange(0, 7 * 86_400, step_s)
    hour = time_s / 3600 % 24
    found = use(time_s, np.where(hour < 8, 40.0, 12.0), np.where(hour < 8, 100.0, 0.0))
    assert (found.per_unit, found.idle_share) == pytest.approx((0.64, 2 / 3), rel=1e-2)


def test_the_simulated_week():
    time_s, rows = compressor(1, weeks=1)
    found = use(time_s, rows[:, 0], rows[:, 1])
    assert 0.1 < found.per_unit < 0.35
    assert found.idle_share == pytest.approx(1 - 80 / 168, abs=0.01)


@pytest.mark.parametrize("share", [0.05, 0.2, 0.45])
def test_the_leak_is_the_share_of_time_on_load(share):
    inside = 0
    for seed in range(10):
        time_s, power = leaking(seed, share)
        found = leak(time_s, power, np.ones(len(power), bool), capacity=6.0)
        assert found.share == pytest.approx(share, abs=0.02)
        assert found.flow == pytest.approx(6.0 * found.share)
        assert found.kw == pytest.approx(11 + 26 * share, abs=1)
        inside += found.lower - 0.01 <= share <= found.upper + 0.01
    assert inside >= 9


def test_use_of_air_is_no_leak():
    time_s, power = leaking(1, 0.2)
    by_day_time, by_day = leaking(2, 0.9)
    joined_s = np.concatenate([time_s, by_day_time + time_s[-1] + 5])
    joined = np.concatenate([power, by_day])
    off_hours = joined_s <= time_s[-1]
    assert leak(joined_s, joined, off_hours).share == pytest.approx(0.2, abs=0.02)
    assert leak(joined_s, joined, np.ones(len(joined), bool)).share > 0.4, "without the hours it would be"


@pytest.mark.parametrize(
    ("power", "told"),
    [
        (leaking(0, 0.3, cycles=4)[1], "whole load cycles"),
        (np.full(500, 20.0), "not apart"),
        (np.full(500, np.nan), "too few samples"),
    ],
)
def test_where_nothing_can_be_said_nothing_is(power, told):
    with pytest.raises(NotEnoughData, match=told):
        leak(np.arange(len(power)) * 5.0, power, np.ones(len(power), bool))


def test_two_levels_are_found_wherever_they_are():
    rng = np.random.default_rng(0)
    power = np.r_[rng.normal(11, 1, 900), rng.normal(37, 1, 100)]
    split, low, high = levels(power)
    assert 15 < split < 33
    assert (low, high) == pytest.approx((11, 37), abs=0.5)


def test_widths_stop_at_gaps():
    assert widths(np.array([0.0, 1, 2, 50, 51])).tolist() == [1, 1, 0, 1, 1]


def test_money_of_a_week():
    cost = weekly_cost(2.0, 0.5, Price(0.8, "CNY"))
    assert (cost.kwh_per_week, cost.per_week) == pytest.approx((168.0, 134.4))
    assert cost.currency == "CNY"
    assert weekly_cost(-1.0, 1.0, Price(0.1, "EUR")).per_week < 0
