"""Floods, bad actors, chattering and stale alarms, against counts that are done by hand or by brute force."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anomaly.flood import store
from anomaly.flood.report import Told, floods, report

START = datetime(2026, 11, 1, tzinfo=UTC)
DAY = timedelta(days=1)


def told(seconds, machine="pump-1", cause="wear", priority="high", lasts_s=10.0):
    at = START + timedelta(seconds=seconds)
    return Told(machine, cause, priority, at, None if lasts_s is None else at + timedelta(seconds=lasts_s))


def times(*seconds):
    return [START + timedelta(seconds=one) for one in seconds]


def minutes(flood):
    return (flood.since - START) / timedelta(minutes=1), (flood.until - START) / timedelta(minutes=1)


def test_eleven_in_ten_minutes_are_a_flood_and_ten_are_none():
    assert floods(times(*range(0, 600, 60)), START + DAY) == []
    (flood,) = floods(times(*range(0, 596, 59)), START + DAY)
    assert (flood.since, flood.alarms, flood.most) == (START, 11, 11)


def test_it_ends_when_fewer_than_five_came_in_ten_minutes():
    burst = [n * 10 for n in range(20)]  # 20 alarms in 190 s
    (flood,) = floods(times(*burst), START + DAY)
    assert minutes(flood) == pytest.approx((0, 150 / 60 + 10))  # the fifth from the end is ten minutes old
    going_on = burst + [190 + n * 120 for n in range(1, 30)]  # one every two minutes: five in ten
    (flood,) = floods(times(*going_on), START + DAY)
    assert flood.alarms == len(going_on)
    ebbing = burst + [190 + n * 151 for n in range(1, 30)]  # one every 151 s: four in ten
    (flood,) = floods(times(*ebbing), START + DAY)
    assert flood.alarms < 26


def test_a_flood_at_the_end_of_the_period_ends_there():
    (flood,) = floods(times(*range(12)), START + timedelta(seconds=30))
    assert flood.until == START + timedelta(seconds=30)


@given(st.lists(st.integers(0, 20_000), max_size=150))
def test_floods_are_what_counting_every_second_finds(seconds):
    seconds = sorted(seconds)
    found = floods(times(*seconds), START + DAY)
    flooded, lasting = set(), False
    for second in range(21_000):
        within = sum(1 for one in seconds if second - 600 < one <= second)
        lasting = within > 10 or (lasting and within >= 5)
        if lasting:
            flooded.add(second)
    begins = [second for second in sorted(flooded) if second - 1 not in flooded]
    assert len(begins) == len(found)
    for begin, flood in zip(begins, found, strict=True):
        first = min(one for one in seconds if begin - 600 < one <= begin)
        assert (flood.since - START).total_seconds() == first


def test_the_report_counts():
    alarms = [told(n * 3600, cause=f"c{n % 3}") for n in range(24)] + [told(100, "cnc-1", "jitter") for _ in range(1)]
    alarms += [told(200 + n * 20, "cnc-1", "jitter", "low") for n in range(4)]  # four in a minute
    alarms += [told(-40 * 3600, "press-1", "stuck", lasts_s=None)]  # since the day before yesterday
    found = report(alarms, START, START + DAY)
    assert (found.alarms, found.per_day, found.floods, found.in_flood) == (29, 29.0, [], 0.0)
    assert [(one.machine, one.cause, one.alarms) for one in found.top] == [
        ("pump-1", "c0", 8), ("pump-1", "c1", 8), ("pump-1", "c2", 8), ("cnc-1", "jitter", 5),
    ]  # fmt: skip
    assert sum(one.share for one in found.top) == pytest.approx(1.0)
    assert [(one.cause, one.alarms) for one in found.chattering] == [("jitter", 5)]
    assert [one.machine for one in found.stale] == ["press-1"]
    assert found.priorities == pytest.approx({"high": 25 / 29, "low": 4 / 29})


@pytest.mark.parametrize(("gap_s", "chatters"), [(29, True), (30, False)])
def test_three_within_a_minute_chatter(gap_s, chatters):
    found = report([told(n * gap_s) for n in range(3)], START, START + DAY)
    assert bool(found.chattering) is chatters


def test_a_quiet_day():
    found = report([], START, START + DAY)
    assert (found.alarms, found.per_day, found.top, found.priorities, found.most_in_10_min) == (0, 0.0, [], {}, 0)


async def test_what_asked_nobody_is_not_counted(desk):
    await desk.decide("raise")
    await desk.decide("raise", cause="advice", priority="advisory")
    silent = await desk.decide("raise", cause="silent")
    async with desk.worker() as conn:
        await conn.execute("UPDATE alarm.alarm SET suppression = 'by_design' WHERE id = %s", [silent])
    await desk.decide("raise", cause="stale", machine=desk.machine("cnc-1"))
    async with desk.worker() as conn:
        await conn.execute("UPDATE alarm.alarm SET raised_at = now() - interval '3 days' WHERE cause = 'stale'")
    now = datetime.now(UTC)
    async with desk.app() as conn:
        (site,) = await (await conn.execute("SELECT id FROM registry.site")).fetchone()
        found = await store.load(conn, now - DAY, now + DAY, site)
        assert await store.load(conn, now - DAY, now + DAY, desk.pump.id) == []
    assert sorted((one.machine, one.cause) for one in found) == [("cnc-1", "stale"), ("pump-1", "bearing_wear")]
    assert [one.cause for one in report(found, now - DAY, now).stale] == ["stale"]
