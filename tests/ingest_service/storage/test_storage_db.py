"""Hot rows, packs, late data, merges: whatever has been done so far, reading tells the same."""

from datetime import UTC, datetime, timedelta

import numpy as np
import psycopg
import pytest

from database.pool import open_pool, transaction
from ingest_service.copy_format import EPOCH_2000_US
from ingest_service.storage.merging import merge_some
from ingest_service.storage.packing import WritersBusy, arrival, close
from ingest_service.storage.retention import forget_some
from ingest_service.storage.settings import RetentionSettings
from tests.ingest_service.storage.stored import (
    BEGIN_US,
    HOUR_US,
    SERIES,
    close_now,
    drop_all,
    joined,
    merge_all,
    pack_all,
    samples,
    store,
)  # fmt: skip

ALL = list(range(1, SERIES + 1))
DAY_US = 24 * HOUR_US
TIME_US = "(extract(epoch FROM time) * 1000000)::bigint"
READ = f"SELECT series_id, {TIME_US}, value, quality FROM telemetry.samples(%s, %s, %s)"
ROLLUPS = (
    "SELECT series_id, extract(epoch FROM t0)::bigint, n, bad, mean, low, high, last "
    "FROM telemetry.rollups(%s, %s, %s, %s) ORDER BY 1, 2"
)


def at(time_us) -> datetime:
    return datetime(2000, 1, 1, tzinfo=UTC) + timedelta(microseconds=int(time_us))


def machine_data(seed: int, hours: int = 3, every_s: float = 2.0):
    """Hours of sensors of all kinds, each on its own clock, all times different within a series."""
    random = np.random.default_rng(seed)
    parts = []
    for series in ALL:
        n = int(hours * 3600 / every_s / series)  # the first is dense enough for minutes, the last is not
        step_us = int(every_s * series * 1e6)
        time_us = BEGIN_US + np.arange(n) * step_us + random.integers(0, step_us, n)
        noise = random.normal(20, 3, n)
        value = [np.round(noise, 2), noise, noise.astype(np.float32), np.round(noise), noise > 22, noise * 0][
            series % 6
        ]
        known = random.random(n) > 0.05
        parts.append(
            samples([series] * n, time_us, [float(v) if k else None for v, k in zip(value, known, strict=True)])
        )
    return joined(parts)


def scattered(batch, groups: int, seed: int):
    """The same as groups that arrive in any order: each late somewhere."""
    group = np.random.default_rng(seed).integers(0, groups, len(batch.series))
    return [batch.at(group == number) for number in range(groups)]


def truth(batch, since_us, until_us):
    within = batch.at((batch.time_us >= since_us) & (batch.time_us < until_us))
    values = [float(v) if known else None for v, known in zip(within.value, within.present, strict=True)]
    return sorted(
        zip(
            within.series.tolist(),
            (within.time_us + EPOCH_2000_US).tolist(),
            values,
            within.quality.tolist(),
            strict=True,
        ),
        key=lambda row: row[:2],
    )


def rolled_up(batch, since_us, until_us, step_s):
    """Rollups by brute force."""
    found = []
    for series in ALL:
        mine = batch.at((batch.series == series) & (batch.time_us >= since_us) & (batch.time_us < until_us))
        step = (mine.time_us + EPOCH_2000_US) // (step_s * 1_000_000) * step_s
        for t0 in np.unique(step):
            part = mine.at(step == t0)
            known = part.value[part.present][np.argsort(part.time_us[part.present])]
            numbers = [known.mean(), known.min(), known.max(), known[-1]] if len(known) else [None] * 4
            found.append((series, int(t0), len(known), int((~part.present).sum()), *numbers))
    return found


def assert_reads(place, batch, windows):
    for since_us, until_us in windows:
        rows = place.read(READ, ALL, at(since_us), at(until_us))
        assert sorted(rows, key=lambda row: row[:2]) == truth(batch, since_us, until_us)


def assert_rolls_up(place, batch, windows, steps=(60, 3600, 86400, 300, 7)):
    for since_us, until_us in windows:
        for step_s in steps:
            told = place.read(ROLLUPS, ALL, at(since_us), at(until_us), step_s)
            wanted = rolled_up(batch, since_us, until_us, step_s)
            assert [row[:4] for row in told] == [row[:4] for row in wanted]
            for one, other in zip(told, wanted, strict=True):
                assert (one[4] or 0) == pytest.approx(other[4] or 0, rel=1e-9)
                assert one[5:] == other[5:]


WINDOWS = [
    (BEGIN_US - DAY_US, BEGIN_US + DAY_US),
    (BEGIN_US + HOUR_US, BEGIN_US + 2 * HOUR_US),
    (BEGIN_US + 1_234_567_891, BEGIN_US + 2 * HOUR_US + 987_654_321),
    (BEGIN_US + 5_000_000, BEGIN_US + 5_000_001),
]


async def test_reading_tells_the_same_at_every_stage(place):
    batch = machine_data(1)
    async with open_pool(place.settings()) as pool:
        for number, group in enumerate(scattered(batch, 4, seed=2)):
            async with transaction(pool) as connection:
                await store(connection, group)
            if number in {1, 2}:  # the last group stays hot, the first two are packed as one slice
                await close_now(pool)
                assert await pack_all(pool) > 0
        assert_reads(place, batch, WINDOWS)
        assert_rolls_up(place, batch, WINDOWS)
        await close_now(pool)
        await pack_all(pool)
        assert await drop_all(pool) > 0
        assert place.ask("SELECT count(*) FROM telemetry.sample") == [(0,)]
        assert_reads(place, batch, WINDOWS)
        packs = place.ask("SELECT count(*) FROM telemetry.pack")[0][0]
        assert await merge_all(pool) == len(batch.series)
        assert place.ask("SELECT count(*) FROM telemetry.pack")[0][0] * 3 == packs
        assert place.ask("SELECT count(*) FROM telemetry.unmerged") == [(0,)]
        assert_reads(place, batch, WINDOWS)
        assert_rolls_up(place, batch, WINDOWS)
    stored = "SELECT count(*), count(DISTINCT (series_id, time)) FROM telemetry.stored"
    assert place.ask(stored) == [(len(batch.series), len(batch.series))]


async def test_a_merge_goes_on_where_it_was_cut_off_and_late_data_begin_it_anew(place):
    batch = machine_data(3, hours=1)
    first, second, late = scattered(batch, 3, seed=4)
    async with open_pool(place.settings()) as pool:
        for group in (first, second):
            async with transaction(pool) as connection:
                await store(connection, group)
            await close_now(pool)
            await pack_all(pool)
        async with transaction(pool) as connection:
            await merge_some(connection, -7200)
        assert place.ask("SELECT merged_up_to FROM telemetry.unmerged") == [(SERIES,)]
        async with transaction(pool) as connection:
            await store(connection, late)
        await close_now(pool)
        await pack_all(pool)
        assert place.ask("SELECT merged_up_to FROM telemetry.unmerged") == [(0,)]
        await merge_all(pool)
        assert place.ask("SELECT count(*) FROM telemetry.pack") == [(SERIES,)]
    assert_reads(place, batch, WINDOWS[:1])


async def test_an_hour_that_is_not_over_is_left_alone(place):
    now_us = int(place.ask("SELECT (extract(epoch FROM now()) * 1000000)::bigint")[0][0]) - EPOCH_2000_US
    async with open_pool(place.settings()) as pool:
        for _ in range(2):
            async with transaction(pool) as connection:
                await store(connection, samples([1], [now_us], [1.0]))
            await close_now(pool)
            await pack_all(pool)
        async with transaction(pool) as connection:
            assert (await merge_some(connection, 60)).is_last
    assert place.ask("SELECT count(*) FROM telemetry.pack") == [(2,)]


async def test_what_is_shown_ends_with_the_period_of_the_share(place):
    """Neither a pack nor its rollup tells of what lies outside; periods that overlap show nothing twice."""
    batch = machine_data(5, hours=2)
    since_us, until_us = BEGIN_US + 1_500_000_000, BEGIN_US + HOUR_US + 1_700_000_000
    async with open_pool(place.settings()) as pool, transaction(pool) as connection:
        await store(connection, batch)
    place.ask("DELETE FROM registry.visible_tag")
    middle = at(BEGIN_US + HOUR_US)
    for first, last in ((at(since_us), middle + timedelta(minutes=5)), (middle, at(until_us))):
        for series in ALL:
            place.ask("INSERT INTO registry.visible_tag VALUES (%s, %s, %s, %s)", place.tenant, series, first, last)
    everything = [(BEGIN_US, BEGIN_US + DAY_US)]
    seen = batch.at((batch.time_us >= since_us) & (batch.time_us < until_us))
    for stage in ("hot", "packed"):
        if stage == "packed":
            async with open_pool(place.settings()) as pool:
                await close_now(pool)
                await pack_all(pool)
        assert_reads(place, seen, everything)
        assert_rolls_up(place, seen, everything, steps=(60, 3600, 86400))


async def test_a_writer_that_began_before_the_close_makes_it_wait_and_one_that_comes_later_lands_above(place):
    async with open_pool(place.settings()) as pool:
        async with transaction(pool) as writing:
            await store(writing, samples([1], [BEGIN_US], [1.0]))
            with pytest.raises(WritersBusy):
                await close_now(pool)
        await close_now(pool)
        async with transaction(pool) as connection:
            state = await arrival(connection)
            await store(connection, samples([1], [BEGIN_US + 1], [2.0]))
    assert state.closed_until > state.now_min
    assert place.ask("SELECT value, arrived >= %s FROM telemetry.sample ORDER BY 1", state.closed_until) == [
        (1.0, False),
        (2.0, True),
    ]


async def test_bytes_are_told_as_open_hot_or_held(place):
    async with open_pool(place.settings()) as pool:

        async def told() -> list[bool]:
            async with transaction(pool) as connection:
                state = await arrival(connection)
            return [bool(state.open_bytes), bool(state.hot_bytes), bool(state.held_bytes)]

        async with transaction(pool) as connection:
            await store(connection, machine_data(8, hours=1))
        assert await told() == [True, True, False]
        await close_now(pool)
        assert await told() == [False, True, False]
        await pack_all(pool)
        assert await told() == [False, False, True]
        await drop_all(pool)
        assert await told() == [False, False, False]


async def test_two_packers_never_do_the_same_work(place):
    async with open_pool(place.settings()) as pool:
        async with transaction(pool) as connection:
            await store(connection, machine_data(6, hours=1))
        await close_now(pool)
        async with transaction(pool) as first:
            await first.execute("SELECT FROM telemetry.packing FOR UPDATE")
            assert await pack_all(pool) == 0
            async with transaction(pool) as second:
                await close(second, 2**31 - 1)  # returns at once, does nothing
        assert await pack_all(pool) > 0
    assert place.ask("SELECT closed_until < 2000000000 FROM telemetry.packing") == [(True,)]


async def test_samples_go_before_their_rollups_and_everything_in_the_end(place):
    batch = machine_data(7, hours=2)
    async with open_pool(place.settings()) as pool:
        async with transaction(pool) as connection:
            await store(connection, batch)
        await close_now(pool)
        await pack_all(pool)
        place.ask("INSERT INTO telemetry.text_sample VALUES ('2020-01-01', 1, 0, 'old'), (now(), 1, 0, 'new')")
        hours = place.read(ROLLUPS, ALL, *map(at, WINDOWS[0]), 3600)
        minutes = place.read(ROLLUPS, [1], *map(at, WINDOWS[0]), 60)
        days = place.ask("SELECT extract(day FROM now() - %s)::int", at(BEGIN_US))[0][0]
        assert await forget_all(pool, dict.fromkeys(RetentionSettings.model_fields, days + 2)) == {"texts": 1}
        place.ask("UPDATE telemetry.pack SET t0 = t0 - interval '3 years', t1 = t1 - interval '3 years'")
        assert await forget_all(pool, {"samples_days": 700}) == {"samples": len(hours)}
        [left] = place.ask("SELECT count(*), sum(num_nonnulls(code, single, value)) FROM telemetry.pack")
        assert left == (len(hours), 0)
        place.ask("UPDATE telemetry.pack SET t0 = t0 + interval '3 years', t1 = t1 + interval '3 years'")
        assert place.read(READ, ALL, *map(at, WINDOWS[0])) == []
        assert place.read(ROLLUPS, ALL, *map(at, WINDOWS[0]), 3600) == hours
        assert place.read(ROLLUPS, [1], *map(at, WINDOWS[0]), 60) == minutes
        await merge_all(pool)  # nothing to merge it from: it must stay
        assert place.read(ROLLUPS, ALL, *map(at, WINDOWS[0]), 3600) == hours
        place.ask("UPDATE telemetry.pack SET t0 = t0 - interval '3 years', t1 = t1 - interval '3 years'")
        assert await forget_all(pool, {"rollups_days": 700}) == {"rollups": len(hours)}
    assert place.ask("SELECT count(*) FROM telemetry.pack") == [(0,)]
    assert place.ask("SELECT value FROM telemetry.text_sample") == [("new",)]


async def forget_all(pool, kept) -> dict[str, int]:
    total, settings = {}, RetentionSettings.model_validate(kept)
    while True:
        async with transaction(pool) as connection:
            gone = await forget_some(connection, settings)
        if not gone:
            return total
        total = {what: total.get(what, 0) + gone.get(what, 0) for what in total | gone}


def test_the_packer_owns_nothing_and_the_api_reads_no_table(place):
    with psycopg.connect(place.dsn("lw_ingest"), autocommit=True) as ingest:
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            ingest.execute("SELECT telemetry.drop_parts(0)")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            ingest.execute("TRUNCATE telemetry.pack")
    for name in ("pack", "packing", "stored", "unmerged"):
        with place.look() as api, pytest.raises(psycopg.errors.InsufficientPrivilege):
            api.execute(f"SELECT FROM telemetry.{name}")
