"""Sources without a sequence: what comes again within the window is stored once, whoever takes it, whatever crashed."""

import asyncio
import json
import random
from uuid import UUID

import numpy as np
import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from database.pool import open_pool, transaction
from ingest_service import writer
from ingest_service.copy_format import TextRow, empty_rows
from ingest_service.delivery import Delivery, Message, deliver, read
from ingest_service.redelivery.hashes import DTYPE, hash_rows, hash_texts
from ingest_service.redelivery.recent import Recent, Seen
from ingest_service.rows import prepare
from ingest_service.series_map import SeriesMap
from ingest_service.settings import RedeliverySettings
from tests.ingest_service.ingest_parts import NOW_NS, column, delivery, payload

MINUTE = NOW_NS // 60_000_000_000


class Crash(Exception):
    """The worker dies here."""


def device(number: int, ms: int, *, series: int | None = None, **values) -> Delivery:
    """A JSON message of a device; its tags are series 1000 * number and on."""
    body = json.dumps({"ts": NOW_NS // 1_000_000 - ms, "values": values}).encode()
    message = Message(f"lw/1/demo/dev-{number}/up/data", body)
    first = 1000 * number if series is None else series
    named = SeriesMap.of({alias: first + alias for alias in range(len(values))})
    return deliver(message, read(message), UUID(int=number), named)


async def commit(pool, recent, group):
    async with transaction(pool) as connection:
        return await writer.write(connection, prepare(group, NOW_NS), recent)


def ask(database, query):
    with psycopg.connect(database.dsn("owner")) as connection:
        return connection.execute(query).fetchall()


def stored(database) -> tuple[int, int]:
    """Samples, and how many of them are there twice."""
    [(total, distinct)] = ask(
        database, "SELECT count(*), count(DISTINCT (series_id, time, value, quality)) FROM telemetry.stored"
    )
    return total, total - distinct


def memory(**more) -> Recent:
    return Recent(RedeliverySettings.model_validate(more))


@pytest.fixture
def partition(database):
    first = NOW_NS // (86_400 * 10**9) * 1440
    with psycopg.connect(database.dsn("owner")) as connection:
        connection.execute(
            f"CREATE TABLE telemetry.sample_of_test PARTITION OF telemetry.sample "
            f"FOR VALUES FROM ({first}) TO ({first + 1440})"
        )


@pytest.mark.usefixtures("partition")
async def test_samples_that_come_again_are_dropped_one_by_one_and_counted(database):
    first = device(1, 5, level=1.5, mode="auto", lost=None)
    overlapping = device(1, 5, level=1.5, mode="manual", lost=None)
    recent = memory()
    async with open_pool(database.settings("lw_ingest")) as pool:
        assert (await commit(pool, recent, [first, first])).repeated_samples == 3
        assert (await commit(pool, recent, [overlapping])).repeated_samples == 2
        assert (
            await commit(pool, memory(), [first, overlapping])
        ).repeated_samples == 6  # another worker, or restarted
        assert (await commit(pool, recent, [device(1, 4, level=1.5)])).repeated_samples == 0
        assert (await commit(pool, recent, [device(2, 5, level=1.5)])).repeated_samples == 0
    assert stored(database) == (4, 0)
    assert ask(database, "SELECT value FROM telemetry.text_sample ORDER BY 1") == [("auto",), ("manual",)]
    assert ask(database, "SELECT count(*) FROM telemetry.batch") == [(0,)]


@pytest.mark.usefixtures("partition")
async def test_a_numbered_batch_is_never_asked_for_its_samples(database):
    """A gateway may measure the same twice: two batches with equal samples are two."""
    twice = [delivery(payload(column([1.0, 1.0], times_ns=[NOW_NS] * 2), run=UUID(int=9), seq=seq)) for seq in (1, 2)]
    async with open_pool(database.settings("lw_ingest")) as pool:
        outcome = await commit(pool, memory(), [*twice, device(1, 5, level=1.0)])
    assert outcome.repeated_samples == 0
    assert stored(database)[0] == 5
    assert ask(database, "SELECT gateway_id, length(hashes) FROM telemetry.recent") == [(UUID(int=1), 8)]


async def shuffle_over_workers(database, monkeypatch, recents) -> int:
    """30 messages of 3 devices, each delivered three times over as many workers as there are memories; crashes."""
    rng = random.Random(20)
    deliveries = [device(number, ms, a=float(ms), b=float(-ms)) for number in (1, 2, 3) for ms in range(10)] * 3
    rng.shuffle(deliveries)
    groups = [deliveries[at : at + 4] for at in range(0, len(deliveries), 4)]
    crashes = 0
    really = writer.remember

    async def remember_and_maybe_die(connection, fresh):
        nonlocal crashes
        await really(connection, fresh)
        if rng.random() < 0.2:
            crashes += 1
            raise Crash

    monkeypatch.setattr(writer, "remember", remember_and_maybe_die)

    async def work(pool, recent):
        while groups:
            group = groups.pop()
            try:
                await commit(pool, recent, group)
            except Crash:
                groups.insert(0, group)

    async with open_pool(database.settings("lw_ingest")) as pool, asyncio.TaskGroup() as tasks:
        for recent in recents:
            tasks.create_task(work(pool, recent))
    return crashes


@pytest.mark.usefixtures("partition")
async def test_three_workers_with_three_shuffled_deliveries_and_crashes_store_each_sample_once(database, monkeypatch):
    assert await shuffle_over_workers(database, monkeypatch, [memory(), memory(), memory()]) > 2
    assert stored(database) == (60, 0)


@pytest.mark.usefixtures("partition")
async def test_without_the_memory_of_hashes_the_same_deliveries_are_doubled(database, monkeypatch):
    """Negative control: nothing is ever known, and the checker sees it."""
    monkeypatch.setattr(Seen, "knows", lambda self, hashes: np.zeros(len(hashes), bool))
    await shuffle_over_workers(database, monkeypatch, [memory(), memory(), memory()])
    assert stored(database)[1] > 20


@pytest.mark.usefixtures("partition")
async def test_what_left_the_window_is_new_again_and_memory_goes_no_further_than_its_table(database):
    recent = memory()
    async with open_pool(database.settings("lw_ingest")) as pool:
        await commit(pool, recent, [device(1, 5, level=1.5)])
        ask(database, "UPDATE telemetry.recent SET arrived = arrived - 100 RETURNING 1")
        assert (await commit(pool, memory(), [device(1, 5, level=1.5)])).repeated_samples == 0
        assert (await commit(pool, recent, [device(1, 5, level=1.5)])).repeated_samples == 1
        ask(database, "DELETE FROM telemetry.recent RETURNING 1")
        assert (await commit(pool, memory(), [device(1, 5, level=1.5)])).repeated_samples == 0


def test_memory_is_bounded_in_time_and_number_and_what_was_evicted_is_read_again():
    recent = memory(hashes_most=1000, window_s=600)
    for minute in range(30):
        recent.of(UUID(int=1)).add(minute + 1, minute, np.arange(minute * 50, minute * 50 + 50, dtype=DTYPE))
    assert recent.trim(30) == []
    seen = recent.of(UUID(int=1))
    assert len(seen) == 11 * 50
    assert seen.knows(np.array([0, 30 * 50 - 1], DTYPE)).tolist() == [False, True]
    seen.add(99, 30, np.arange(900, dtype=DTYPE))
    assert recent.trim(30) == [UUID(int=1)]
    assert len(recent.of(UUID(int=1))) <= 1000
    recent.of(UUID(int=2)).add(100, 30, np.arange(500, dtype=DTYPE))
    recent.trim(30)
    assert (recent.of(UUID(int=2)).last_id, recent.of(UUID(int=1)).last_id) == (100, 0)


def rows_of(samples) -> np.ndarray:
    rows = empty_rows(len(samples))
    for field, values in zip(("series", "time_us", "value", "quality"), zip(*samples, strict=True), strict=True):
        rows[field] = values
    return rows


@given(
    st.lists(
        st.tuples(st.integers(0, 3), st.integers(-3, 3), st.sampled_from([0.0, 1.0, 2.0]), st.sampled_from([0, 256])),
        min_size=1,
    )
)
def test_two_samples_have_one_hash_exactly_when_they_are_equal(samples):
    hashes = hash_rows(rows_of(samples)).tolist()
    assert len(set(hashes)) == len(set(samples))
    assert len(set(zip(hashes, samples, strict=True))) == len(set(samples))


def test_a_bad_sample_is_known_by_its_reason_and_many_neighbours_do_not_collide():
    first, second, third = hash_rows(rows_of([(1, 5, np.nan, 0x0206), (1, 5, 7.0, 0x0206), (1, 5, 7.0, 0x0207)]))
    assert first == second != third
    rows = empty_rows(200_000)
    rows["series"] = np.arange(200_000) % 1000
    rows["time_us"] = np.arange(200_000) // 1000
    assert len(np.unique(hash_rows(rows))) == 200_000
    one, other = (hash_texts([TextRow(0, 1, 2, 0, text)]) for text in ("a", "b"))
    assert one != other
    assert one == hash_texts([TextRow(7, 1, 2, 0, "a")])
