"""What comes in bulk is packed by the writer itself: in the same transaction, to the bit, and merged later."""

from uuid import UUID, uuid4

import numpy as np
import pytest

from database.pool import open_pool, transaction
from ingest_service.copy_format import EPOCH_2000_US, empty_rows
from ingest_service.rows import prepare
from ingest_service.series_map import SeriesMap
from ingest_service.storage.encoding import TimeForm, ValueForm
from ingest_service.storage.layout import DENSE_LEAST, lay_out
from ingest_service.storage.packs import HOUR_US, pack
from ingest_service.writer import write
from protocols.sample import Reason, bad
from tests.ingest_service.ingest_parts import column, delivery, payload
from tests.ingest_service.storage.stored import (
    BEGIN_US,
    SERIES,
    close_now,
    drop_all,
    joined,
    merge_all,
    pack_all,
    samples,
    store_as_ingest,
)  # fmt: skip
from tests.ingest_service.storage.test_storage_db import (
    WINDOWS,
    assert_reads,
    assert_rolls_up,
    machine_data,
    scattered,
)  # fmt: skip
from tests.ingest_service.storage.test_storage_pure import FORMS, same


class Crash(Exception):
    """The worker dies here."""


NAMES = SeriesMap.of({alias: alias for alias in range(1, SERIES + 1)})
NOW_NS = (BEGIN_US + EPOCH_2000_US) * 1000 + 10**14
COUNTS = "SELECT (SELECT count(*) FROM telemetry.sample), (SELECT count(*) FROM telemetry.pack)"
STORED = "SELECT count(*), count(DISTINCT (series_id, time)) FROM telemetry.stored"
MOST_OF_AN_HOUR = (
    "SELECT max(n) FROM (SELECT count(*) AS n FROM telemetry.pack GROUP BY series_id, date_trunc('hour', t0)) each"
)
ALL_OF_IT = (
    "SELECT series_id, (extract(epoch FROM time) * 1000000)::bigint, value, quality"
    " FROM telemetry.stored ORDER BY series_id, time"
)


def batch_of(batch, run: UUID, seq: int):
    """Samples as a gateway sends them, in the order of time."""
    one = batch.at(np.argsort(batch.time_us, kind="stable"))
    times_ns = (one.time_us + EPOCH_2000_US) * 1000
    codes = np.where(one.present, 0, bad(Reason.TIMEOUT))
    sent = column(one.value, aliases=one.series, times_ns=times_ns, codes=codes)
    return delivery(payload(sent, run=run, seq=seq), series=NAMES)


def as_sent(batch):
    return batch._replace(quality=np.where(batch.present, 0, bad(Reason.TIMEOUT)).astype(np.int16))


async def commit(pool, deliveries):
    async with transaction(pool) as connection:
        return await write(connection, prepare(deliveries, NOW_NS))


async def commit_and_crash(pool, deliveries):
    async with transaction(pool) as connection:
        await write(connection, prepare(deliveries, NOW_NS))
        raise Crash


def read_all(place):
    rows = place.ask(ALL_OF_IT)
    series, time_us, value, quality = zip(*rows, strict=True)
    return samples(series, np.array(time_us) - EPOCH_2000_US, value, quality)


def test_dense_hours_become_packs_and_the_rest_stays_rows():
    """The hour changes within series 2: one part is dense, the other one is not."""
    times = [
        BEGIN_US + np.arange(DENSE_LEAST) * 1_000_000,
        BEGIN_US + HOUR_US - DENSE_LEAST * 1_000_000 + np.arange(DENSE_LEAST + 5) * 1_000_000,
        BEGIN_US + np.arange(DENSE_LEAST - 1) * 1_000_000,
    ]
    rows = empty_rows(sum(map(len, times)))
    rows["series"] = np.repeat([1, 2, 3], [len(one) for one in times])
    rows["time_us"] = np.concatenate(times)
    found = lay_out(rows)
    assert found.hot["series"].tolist() == [2] * 5 + [3] * (DENSE_LEAST - 1)
    assert len(found.hours) == 1
    assert found.packs.startswith(b"PGCOPY")
    sparse = lay_out(found.hot)
    assert sparse.hot is found.hot
    assert (sparse.packs, sparse.hours) == (b"", frozenset())
    assert lay_out(empty_rows(0)).packs == b""


async def test_reading_tells_the_same_of_packs_that_the_writer_made(place):
    batch = as_sent(machine_data(11, hours=2))
    run = uuid4()
    async with open_pool(place.settings()) as pool:
        for seq, group in enumerate(scattered(batch, 3, seed=12), start=1):
            await commit(pool, [batch_of(group, run, seq)])
        hot, packs = place.ask(COUNTS)[0]
        assert packs > SERIES
        assert hot < len(batch.series) / 20
        assert_reads(place, batch, WINDOWS)
        assert_rolls_up(place, batch, WINDOWS)
        await close_now(pool)
        assert await pack_all(pool) == hot
        await drop_all(pool)
        await merge_all(pool)
        assert place.ask("SELECT count(*) FROM telemetry.touched") == [(0,)]
        assert place.ask(MOST_OF_AN_HOUR) == [(1,)]
        assert_reads(place, batch, WINDOWS)
        assert_rolls_up(place, batch, WINDOWS)
    assert place.ask(STORED) == [(len(batch.series), len(batch.series))]


async def test_every_form_keeps_every_bit_when_it_is_written_and_when_it_is_merged(place):
    """All forms of values and times, each with values that are not there and qualities, in packs of both kinds."""
    random = np.random.default_rng(5)
    parts = []
    for number, (value, _) in enumerate(FORMS.values()):
        if not np.isfinite(value).all():
            continue
        known = random.random(400) > (0.1 if number % 2 else 0)
        step = [np.arange(400) * 1_000_000, np.cumsum(random.integers(1, 9_000_000, 400))][number % 2]
        jitter = random.integers(0, 20_000 if number % 3 else 1, 400)
        quality = np.where(known, random.integers(0, 2, 400) << 8, bad(Reason.TIMEOUT))
        values = [v if k else None for v, k in zip(value[:400].astype(float).tolist(), known, strict=True)]
        parts.append(samples([number % SERIES + 1] * 400, BEGIN_US + number + step + jitter, values, quality))
    batch = joined(parts)
    in_time = batch.at(np.lexsort((batch.time_us, batch.series)))
    forms = [pack(one).values.form[0] for one in parts]
    assert set(forms) == set(ValueForm)
    assert {int(pack(one).times.form[0]) for one in parts} == {TimeForm.EVEN, TimeForm.NARROW, TimeForm.WIDE}
    async with open_pool(place.settings()) as pool:
        for one in parts:
            async with transaction(pool) as connection:
                await store_as_ingest(connection, one)
        assert same(read_all(place), in_time)
        assert await merge_all(pool) > 0
        assert same(read_all(place), in_time)


async def test_a_batch_that_comes_again_is_not_packed_again(place):
    batch, run = as_sent(machine_data(13, hours=1)), uuid4()
    first, second = (batch_of(one, run, seq) for seq, one in enumerate(scattered(batch, 2, seed=1), start=1))
    async with open_pool(place.settings()) as pool:
        await commit(pool, [first])
        await commit(pool, [first, second, second])
        await commit(pool, [second, first])
    assert place.ask(STORED) == [(len(batch.series), len(batch.series))]
    assert_reads(place, batch, WINDOWS[:1])


async def test_a_transaction_that_fails_leaves_no_pack(place):
    batch, run = as_sent(machine_data(14, hours=1)), uuid4()
    everything = [COUNTS, "SELECT count(*) FROM telemetry.touched", "SELECT count(*) FROM telemetry.batch"]
    async with open_pool(place.settings()) as pool:
        with pytest.raises(Crash):
            await commit_and_crash(pool, [batch_of(batch, run, 1)])
        assert [place.ask(query)[0] for query in everything] == [(0, 0), (0,), (0,)]
        await commit(pool, [batch_of(batch, run, 1)])
    assert place.ask(STORED) == [(len(batch.series), len(batch.series))]


async def test_late_data_in_bulk_put_a_merged_hour_on_the_list_again(place):
    batch = as_sent(machine_data(15, hours=1))
    first, second, late = scattered(batch, 3, seed=4)
    run = uuid4()
    async with open_pool(place.settings()) as pool:
        for seq, group in enumerate((first, second), start=1):
            await commit(pool, [batch_of(group, run, seq)])
        await close_now(pool)
        await pack_all(pool)
        await merge_all(pool)
        assert place.ask("SELECT count(*) FROM telemetry.unmerged") == [(0,)]
        assert place.ask(MOST_OF_AN_HOUR) == [(1,)]
        await commit(pool, [batch_of(late, run, 3)])
        assert place.ask(MOST_OF_AN_HOUR) == [(2,)]
        await close_now(pool)
        await pack_all(pool)
        await merge_all(pool)
    assert place.ask(MOST_OF_AN_HOUR) == [(1,)]
    assert_reads(place, batch, WINDOWS[:1])
    assert_rolls_up(place, batch, WINDOWS[:1], steps=(60, 3600))


async def test_writers_of_one_hour_do_not_wait_for_each_other(place):
    """Two transactions that put packs into the same hour are open at the same time; so is the packer's look."""
    async with open_pool(place.settings()) as pool, transaction(pool) as one, transaction(pool) as other:
        for connection, series in ((one, 1), (other, 2)):
            await connection.execute("SET LOCAL lock_timeout = '1s'")
            await store_as_ingest(connection, samples([series] * 50, BEGIN_US + np.arange(50), np.arange(50)))
        assert await merge_all(pool) == 0
    assert place.ask("SELECT count(*) FROM telemetry.touched") == [(2,)]
    assert place.ask(COUNTS) == [(0, 2)]
