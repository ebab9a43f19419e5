"""Long periods: the same numbers as the samples give, however they are stored; nothing bad is drawn through."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from database.pool import open_pool, tenant_transaction
from ingest_service.history import history
from ingest_service.history.resolution import rollup_s, step_s, whole
from ingest_service.history.stretches import bad_intervals, bad_spans
from protocols.sample import Reason, bad
from tests.ingest_service.history_parts import Truth, add_hot, add_packs, add_texts, steps_of, truth

DAY = datetime(2026, 10, 1, tzinfo=UTC)


async def read(database, tenant, *question, **more):
    async with (
        open_pool(database.settings("lw_app")) as pool,
        tenant_transaction(pool, tenant.tenant_id) as connection,
    ):
        return await history(connection, *question, **more)


def wrong_steps(told, one: Truth, step: int) -> list[float]:
    """Starts of steps that are missing, too many, or have other numbers than the samples."""
    expected = steps_of(one, step)
    rows = zip(told.time_ms.tolist(), told.mean.tolist(), told.low.tolist(), told.high.tolist(), strict=True)
    shown = {at: rest for at, *rest in rows}
    both = expected.keys() & shown.keys()
    other = {at for at in both if shown[at] != pytest.approx(expected[at], rel=1e-12)}
    return sorted(other | (expected.keys() ^ shown.keys()))


@pytest.mark.parametrize(
    ("span", "points", "step", "rollup"),
    [
        (timedelta(hours=1), 400, 10, None),
        (timedelta(hours=8), 400, 120, 60),
        (timedelta(days=1), 400, 300, 60),
        (timedelta(days=30), 400, 7200, 3600),
        (timedelta(days=365), 400, 86400, 86400),
        (timedelta(days=3650), 400, 864000, 86400),
    ],
)
def test_the_coarsest_rollup_that_gives_the_points_is_taken(span, points, step, rollup):
    assert step_s(DAY, DAY + span, points) == step
    assert rollup_s(step) == rollup
    since, until = whole(DAY + timedelta(seconds=7), DAY + span, step)
    assert since <= DAY + timedelta(seconds=7) < DAY + span <= until
    assert since.timestamp() % step == until.timestamp() % step == 0


@pytest.fixture
def days(database, tenant) -> Truth:
    """Three days, a sample every 10 s: two days packed, the third hot, with some of the first hour come late."""
    random = np.random.default_rng(4)
    n = 3 * 8640
    codes = np.zeros(n, int)
    codes[5000:5040] = bad(Reason.TIMEOUT)
    codes[5040:5051] = bad(Reason.STALE)
    codes[20_000] = bad(Reason.DISCONNECTED)
    values = np.round(np.cumsum(random.normal(0, 0.1, n)), 2)
    values[[777, 12_345, 25_900]] = 999.0, -999.0, 1234.5
    one = truth(tenant.series["pump-1", "vibration"], DAY, 10, values, codes)
    late = np.zeros(n, bool)
    late[100:110] = True
    add_packs(database, one.at((np.arange(n) < 17_280) & ~late))
    add_packs(database, one.at(late))
    add_hot(database, one.at(np.arange(n) >= 17_280))
    return one


async def test_steps_are_those_of_the_samples_and_bad_stretches_keep_edges_and_reasons(database, tenant, days):
    told = await read(database, tenant, [days.series], DAY, DAY + timedelta(days=3))
    shown = told.series[days.series]
    assert told.resolution_s == 900
    assert wrong_steps(shown, days, 900) == []
    assert {999.0, 1234.5} <= set(shown.high)
    assert shown.low.min() == -999.0
    start = DAY.timestamp() * 1000
    assert shown.bad == (
        (start + 50_000_000, start + 50_400_000, "timeout"),
        (start + 50_400_000, start + 50_510_000, "stale"),
        (start + 200_000_000, start + 200_010_000, "disconnected"),
    )
    assert shown.partly_bad == ()


async def test_the_checker_sees_one_wrong_number_and_one_missing_step(database, tenant, days):
    told = await read(database, tenant, [days.series], DAY, DAY + timedelta(days=3))
    shown = told.series[days.series]
    assert len(wrong_steps(shown, days.at(np.arange(len(days.code)) != 777), 900)) == 1
    assert len(wrong_steps(shown, days.at(slice(90, None)), 900)) == 1


async def test_an_unaligned_period_shows_the_minutes_at_its_ends_whole(database, tenant, days):
    since, until = DAY + timedelta(hours=3, seconds=25), DAY + timedelta(hours=30, seconds=25)
    shown = (await read(database, tenant, [days.series], since, until)).series[days.series]
    first, last = whole(since, until, 60)
    inside = (days.time_us >= first.timestamp() * 1e6) & (days.time_us < last.timestamp() * 1e6)
    assert wrong_steps(shown, days.at(inside), 300) == []


async def test_few_samples_in_a_long_period_come_as_they_are(database, tenant):
    one = truth(tenant.series["pump-1", "flow"], DAY, 86_400, [1.5, 2.5, 3.5])
    add_packs(database, one)
    told = await read(database, tenant, [one.series], DAY - timedelta(days=200), DAY + timedelta(days=165, hours=1))
    assert told.resolution_s == 0
    assert told.series[one.series].mean.tolist() == [1.5, 2.5, 3.5]
    assert (told.series[one.series].time_ms * 1000).tolist() == one.time_us.tolist()


async def test_where_too_much_is_bad_the_steps_tell_which_and_how_much(database, tenant):
    n = 100 * 480  # 100 days, every 3 minutes
    codes = np.where(np.arange(n) % 480 < 120, bad(Reason.TIMEOUT), 0)
    codes[480 * 50 : 480 * 52] = bad(Reason.TIMEOUT)
    one = truth(tenant.series["pump-1", "flow"], DAY, 180, np.arange(n), codes)
    add_packs(database, one)
    told = await read(database, tenant, [one.series], DAY, DAY + timedelta(days=100), points=120)
    shown, start = told.series[one.series], DAY.timestamp() * 1000
    assert wrong_steps(shown, one, 86_400) == []
    assert shown.bad == ((start + 50 * 86_400_000, start + 52 * 86_400_000, "untold"),)
    assert len(shown.partly_bad) == 98
    assert set(shown.partly_bad) >= {(start, start + 86_400_000, 0.25)}


async def test_a_tag_that_fails_for_months_is_not_read_sample_by_sample(database, tenant):
    n = 100 * 480
    one = truth(tenant.series["pump-1", "flow"], DAY, 180, np.zeros(n), np.full(n, bad(Reason.TIMEOUT)))
    add_packs(database, one)
    told = await read(database, tenant, [one.series], DAY, DAY + timedelta(days=100), points=120)
    start = DAY.timestamp() * 1000
    assert told.resolution_s == 86_400
    assert told.series[one.series].bad == ((start, start + 100 * 86_400_000, "untold"),)


async def test_absurd_values_cost_nobody_the_chart(database, tenant):
    flow = truth(tenant.series["pump-1", "flow"], DAY, 1, np.where(np.arange(3000) % 2, 1.7e308, -3.0))
    add_hot(database, flow)
    told = await read(database, tenant, [flow.series], DAY, DAY + timedelta(minutes=50), points=200)
    shown = told.series[flow.series]
    assert told.resolution_s == 30
    assert (shown.high.max(), shown.low.min(), shown.mean.max()) == (1.7e308, -3.0, pytest.approx(5e289))


async def test_texts_are_changes_and_every_one_while_they_are_few(database, tenant):
    state = tenant.series["press-1", "state"]
    at = [DAY + timedelta(hours=hour) for hour in range(6)]
    codes = (0, 0, bad(Reason.TIMEOUT), bad(Reason.STALE), 0, 0)
    add_texts(database, state, zip(at, ("run", "run", "", "", "idle", "run"), codes, strict=True))
    shown = (await read(database, tenant, [state], DAY, DAY + timedelta(days=30))).series[state]
    ms = [time.timestamp() * 1000 for time in at]
    assert shown.texts == ((ms[0], "run"), (ms[2], None), (ms[4], "idle"), (ms[5], "run"))
    assert shown.bad == ((ms[2], ms[3], "timeout"), (ms[3], ms[4], "stale"))


async def test_of_very_many_texts_the_last_of_each_step_is_told(database, tenant):
    state, n = tenant.series["press-1", "state"], 2500
    add_texts(database, state, [(DAY + timedelta(seconds=10 * i), f"piece {i}", 0) for i in range(n)])
    until = DAY + timedelta(seconds=10 * n)
    shown = (await read(database, tenant, [state], DAY, until, points=100)).series[state]
    assert len(shown.texts) <= 100
    assert [change.text for change in shown.texts[:2]] == ["piece 29", "piece 59"]
    assert shown.texts[-1].text == f"piece {n - 1}"


def test_spans_hold_every_bad_step_and_the_return_of_good_values():
    starts = np.array([0.0, 10, 20, 50, 60, 70])
    n, wrong = np.array([5.0, 2, 0, 5, 5, 1]), np.array([0.0, 3, 4, 0, 0, 2])
    assert bad_spans(starts, n, wrong, 10) == [(10, 60, 14), (70, 80, 3)]
    assert bad_spans(starts[:0], n[:0], wrong[:0], 10) == []


def test_a_stretch_that_does_not_end_ends_with_the_period():
    codes = [(0.0, 0), (5.0, bad(Reason.NAN)), (6.0, bad(Reason.NAN)), (30.0, bad(Reason.STALE))]
    assert bad_intervals(codes, 20.0) == ((5.0, 20.0, "nan"),)
