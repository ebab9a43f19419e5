"""The transaction against a real database: repetitions, crashes, clones; and a checker that finds what it looks for."""

import asyncio
import random
from functools import partial
from uuid import UUID, uuid4

import psycopg
import pytest

from database.pool import open_pool, transaction
from ingest_service import metrics, writer
from ingest_service.allowance import Allowance
from ingest_service.committer import Committer
from ingest_service.ledger import RANGES_ALARMING, Verdict
from ingest_service.receipts import receipts
from ingest_service.redelivery.recent import Recent
from ingest_service.rows import prepare
from ingest_service.settings import CreditSettings, QuotaSettings, RedeliverySettings
from ingest_service.transactions import ServerClock, Transactions
from protocols.wire import receipt
from tests.ingest_service.checker import check, truth
from tests.ingest_service.ingest_parts import NOW_NS, column, delivery, payload, simple


class Crash(Exception):
    """The worker dies here."""


def batches(runs: int, numbers: int):
    """(run number, seq, delivery) of every batch."""
    ids = [uuid4() for _ in range(runs)]
    for run_number, run in enumerate(ids):
        for seq in range(1, numbers + 1):
            values, times = truth(run_number, seq)
            one = delivery(
                payload(column(values, times_ns=times), run=run, seq=seq), gateway_id=UUID(int=run_number % 3 + 1)
            )
            yield run_number, seq, one


async def commit(pool, deliveries):
    async with transaction(pool) as connection:
        return await writer.write(connection, prepare(deliveries, NOW_NS))


@pytest.fixture(autouse=True)
def partition(database):
    """The samples of these tests arrive at NOW_NS, a day that has no partition yet."""
    first = NOW_NS // (86_400 * 10**9) * 1440
    with psycopg.connect(database.dsn("owner")) as connection:
        connection.execute(
            f"CREATE TABLE telemetry.sample_of_test PARTITION OF telemetry.sample "
            f"FOR VALUES FROM ({first}) TO ({first + 1440})"
        )


async def test_a_group_with_repetitions_stores_each_batch_once(database):
    everything = [one for _, _, one in batches(1, 5)]
    async with open_pool(database.settings("lw_ingest")) as pool:
        first = await commit(pool, [everything[0], everything[1], everything[0]])
        assert first.verdicts == [Verdict.STORE, Verdict.STORE, Verdict.REPEATED]
        second = await commit(pool, [everything[1], everything[3], everything[2], everything[4]])
        assert second.verdicts == [Verdict.REPEATED, Verdict.STORE, Verdict.STORE, Verdict.STORE]
        assert second.committed[everything[0].account].items == ((1, 5),)
        again = await commit(pool, everything)
        assert set(again.verdicts) == {Verdict.REPEATED}
        assert len(again.prepared.rows) == 0
    assert check(database.dsn("owner"), {0: {1, 2, 3, 4, 5}}) == (100, 0, 0, 0)


async def test_shuffled_deliveries_over_workers_that_crash_store_every_batch_once(database, monkeypatch):
    rng = random.Random(4711)
    deliveries = [one for _, _, one in batches(3, 100)] * 3
    rng.shuffle(deliveries)
    groups: list[list] = []
    while deliveries:
        groups.append([deliveries.pop() for _ in range(min(len(deliveries), rng.randint(1, 12)))])
    crashes = 0
    last_statement = writer.queries.advance_accounts

    async def advance_and_maybe_die(connection, changed):
        nonlocal crashes
        await connection.execute(
            last_statement,
            {
                "gateways": [account.gateway_id for account in changed],
                "runs": [account.run_id for account in changed],
                "committed": [ranges.as_multirange() for ranges in changed.values()],
            },
        )
        if rng.random() < 0.2:
            crashes += 1
            raise Crash

    monkeypatch.setattr(writer, "_advance", advance_and_maybe_die)

    async def worker(pool):
        while groups:
            group = groups.pop()
            try:
                await commit(pool, group)
            except Crash:
                groups.insert(0, group)  # never acknowledged, so it is delivered again

    async with open_pool(database.settings("lw_ingest")) as pool, asyncio.TaskGroup() as tasks:
        for _ in range(4):
            tasks.create_task(worker(pool))
    assert crashes > 5
    assert check(database.dsn("owner"), {run: set(range(1, 101)) for run in range(3)}) == (6000, 0, 0, 0)
    with psycopg.connect(database.dsn("owner")) as connection:
        ranges = connection.execute("SELECT committed::text FROM telemetry.ledger").fetchall()
        assert ranges == [("{[1,101)}",)] * 3
        assert connection.execute("SELECT count(*), sum(samples) FROM telemetry.batch").fetchone() == (300, 6000)


async def test_the_checker_finds_what_a_writer_without_ledger_does(database):
    """Negative control: the same deliveries, every one taken for new, and one lost."""
    everything = [one for _, _, one in batches(1, 6)]
    async with open_pool(database.settings("lw_ingest")) as pool:
        for group in (everything[:4], everything[2:5]):
            async with transaction(pool) as connection:
                await writer._copy(connection, prepare(group, NOW_NS), NOW_NS // 60_000_000_000)
    assert check(database.dsn("owner"), {0: set(range(1, 7))}) == (140, 20, 40, 0)
    assert check(database.dsn("owner"), {1: {1}}).wrong == 140


async def test_a_clone_is_flagged_kept_whole_and_not_receipted_as_a_repetition(database):
    run = uuid4()
    original = simple(1, run=run, values=[1.0])
    clone = simple(1, run=run, values=[9.0])
    async with open_pool(database.settings("lw_ingest")) as pool:
        await commit(pool, [original])
        outcome = await commit(pool, [clone, original])
    assert outcome.verdicts == [Verdict.CONFLICT, Verdict.REPEATED]
    [(topic, told)] = receipts(outcome, credit=10)
    assert topic == "lw/1/demo/gw-1/down/receipt"
    assert receipt.decode(told).rejected[1].startswith("conflict: ")
    credits_ = [receipt.decode(told).credit for _, told in receipts(outcome, 10, {"demo": 1, "other": 5})]
    assert credits_ == [1]
    with psycopg.connect(database.dsn("owner")) as connection:
        assert connection.execute("SELECT reason, payload FROM telemetry.dead_letter").fetchall() == [
            ("conflict", clone.message.payload)
        ]
        assert connection.execute("SELECT value FROM telemetry.stored").fetchall() == [(1.0,)]


async def test_a_rejection_is_repeated_when_the_batch_comes_again(database):
    run = uuid4()
    damaged = delivery(payload(column([1.0]), run=run, seq=2)[:-8])
    async with open_pool(database.settings("lw_ingest")) as pool:
        first = await commit(pool, [simple(1, run=run), damaged])
        again = await commit(pool, [damaged])
    told = [receipt.decode(payload) for outcome in (first, again) for _, payload in receipts(outcome, credit=1)]
    assert [(one.committed, list(one.rejected)) for one in told] == [([(1, 2)], [2])] * 2
    assert told[0].rejected[2].startswith("undecodable: ")


async def test_a_batch_that_the_database_refuses_is_buried_alone(database, caplog):
    """The ledger says new, telemetry.batch says known: an invariant is broken, and only that batch pays."""
    everything = [one for _, _, one in batches(1, 7)]
    victim = everything[3]
    with psycopg.connect(database.dsn("owner")) as connection:
        connection.execute(
            "INSERT INTO telemetry.batch VALUES (%s, %s, %s, 'x', 1)",
            [victim.gateway_id, victim.account.run_id, victim.seq],
        )
    async with open_pool(database.settings("lw_ingest")) as pool:
        committer = Committer(
            None,
            Transactions(pool),
            ServerClock(),
            Allowance(CreditSettings(), QuotaSettings()),
            Recent(RedeliverySettings()),
        )
        committer._clock.observe(NOW_NS / 1e9)
        outcomes = await committer._commit(prepare(everything, NOW_NS))
    assert sum(outcome.count(Verdict.STORE) for outcome in outcomes) == 6
    assert check(database.dsn("owner"), {0: {1, 2, 3, 5, 6, 7}}) == (120, 0, 0, 0)
    with psycopg.connect(database.dsn("owner")) as connection:
        [(reason, raw)] = connection.execute("SELECT reason, payload FROM telemetry.dead_letter").fetchall()
        assert (reason, raw) == ("unstorable", victim.message.payload)


async def test_a_missing_partition_is_made_and_the_group_committed(database):
    one = simple(1, values=[5.0])
    with psycopg.connect(database.dsn("owner")) as connection:
        for name in connection.execute(
            "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'telemetry.sample'::regclass"
        ).fetchall():
            connection.execute(f"DROP TABLE {name[0]}")
        [now_s] = connection.execute("SELECT extract(epoch FROM now())::float8").fetchone()
    async with open_pool(database.settings("lw_ingest")) as pool:
        await Transactions(pool).until_committed(partial(writer.write, prepared=prepare([one], round(now_s * 1e9))))
    with psycopg.connect(database.dsn("owner")) as connection:
        assert connection.execute("SELECT count(*) FROM telemetry.stored").fetchone() == (1,)


async def test_a_run_in_pieces_is_told_once_long_before_it_is_refused(database, capsys):
    run = uuid4()
    pieces = [simple(2 * number + 1, run=run, values=[1.0]) for number in range(RANGES_ALARMING)]
    async with open_pool(database.settings("lw_ingest")) as pool:
        allowance = Allowance(CreditSettings(), QuotaSettings())
        committer = Committer(None, Transactions(pool), ServerClock(), allowance, Recent(RedeliverySettings()))
        committer._clock.observe(NOW_NS / 1e9)
        [below] = await committer._commit(prepare(pieces[:-1], NOW_NS))
        committer._watch_ranges(below)
        assert "holes" not in capsys.readouterr().out
        for _ in range(2):
            [at] = await committer._commit(prepare(pieces[-1:], NOW_NS))
            committer._watch_ranges(at)
    assert capsys.readouterr().out.count("256 holes") == 1
    assert metrics.RANGES._value.get() == RANGES_ALARMING
