"""Live or backlog, whatever the gateway's clock says."""

import numpy as np

from anomaly.freshness import GatewayClock

S = 1_000_000_000
NOW = 1_800_000_000 * S


def times(*ages_s):
    return np.array([NOW - round(age * S) for age in ages_s], np.int64)


def test_live_data_is_live_and_backlog_is_not():
    clock = GatewayClock(synced=True)
    assert clock.live(times(0.1, 1, 30), NOW).all()
    assert not clock.live(times(3600, 7200), NOW).any()
    assert clock.live(times(1, 3600), NOW).tolist() == [True, False]


def test_a_backlog_right_after_the_start_is_backlog_when_the_clock_is_right():
    assert not GatewayClock(synced=True).live(times(86_400), NOW).any()


def test_a_clock_that_is_wrong_by_an_hour_is_still_live():
    for offset_s in (3600, -3600):
        clock = GatewayClock(synced=False)
        for second in range(100):
            assert clock.live(times(offset_s), NOW).all(), second
        assert not clock.live(times(offset_s + 600), NOW).any()


def test_one_stamp_far_in_the_future_spoils_nothing():
    clock = GatewayClock(synced=True)
    assert clock.live(times(1, 1, -86_400), NOW).tolist() == [True, True, False]
    assert clock.live(times(1), NOW).all()


def test_a_clock_that_was_set_back_is_believed_after_five_minutes():
    clock = GatewayClock(synced=False)
    assert clock.live(times(0), NOW).all()
    for second in range(1, 302):
        live = clock.live(times(3600 - second), NOW + second * S)
        assert live.all() == clock.was_set_back == (second == 301)
    assert clock.live(times(3600 - 302), NOW + 302 * S).all()
    assert not clock.was_set_back


def test_a_long_backlog_beside_live_data_is_never_believed():
    clock = GatewayClock(synced=False)
    for second in range(0, 1000, 10):
        assert clock.live(times(-second, -second, 86_400 - second), NOW + second * S).tolist() == [True, True, False]
        assert not clock.was_set_back
