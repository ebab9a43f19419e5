"""Old records go in bites; whatever a gateway may still repeat stays known."""

from uuid import UUID, uuid4

import psycopg
import pytest

from database.pool import open_pool
from ingest_service.forgetting import forget_once
from ingest_service.settings import MIB, KeepSettings, RedeliverySettings
from ingest_service.transactions import Transactions

OLD, RECENT = UUID(int=1), UUID(int=2)


def ask(database, query, *values):
    with psycopg.connect(database.dsn("owner")) as connection:
        cursor = connection.execute(query, values or None)
        return cursor.fetchall() if cursor.description else None


async def forget(database, bite=5000, **keep):
    async with open_pool(database.settings("lw_ingest")) as pool:
        settings = KeepSettings.model_validate(keep)
        return await forget_once(Transactions(pool), settings, RedeliverySettings(), bite)


def batches(database, run, days, n):
    ask(
        database,
        "INSERT INTO telemetry.batch (gateway_id, run_id, seq, sha256, samples, committed_at)"
        " SELECT %s, %s, n, 'x', 1, now() - make_interval(days => %s) FROM generate_series(1, %s) AS n",
        UUID(int=9), run, days, n,
    )  # fmt: skip


async def test_everything_old_goes_in_bites_and_nothing_else(database):
    batches(database, OLD, 31, 25)
    batches(database, RECENT, 4, 25)
    for age, run in ((401, OLD), (399, RECENT)):
        ask(
            database,
            "INSERT INTO telemetry.ledger VALUES (%s, %s, '{[1,26)}', now(), now() - make_interval(days => %s))",
            UUID(int=9), run, age,
        )  # fmt: skip
        ask(
            database,
            "INSERT INTO telemetry.dropped VALUES (%s, %s, 5, 6, 1, now(), now(), 'no_space')",
            UUID(int=9),
            run,
        )
        ask(
            database,
            "INSERT INTO telemetry.quarantine SELECT now() - make_interval(days => %s), %s, %s, 1, 1, 1, '', 0, 'x'"
            " FROM generate_series(1, 12)",
            age // 4 - 5, UUID(int=9), run,
        )  # fmt: skip
    ask(
        database,
        "INSERT INTO telemetry.recent (gateway_id, arrived, hashes)"
        " SELECT %s, extract(epoch FROM now()) / 60 - n, 'xxxxxxxx' FROM generate_series(70, 55, -1) AS n",
        UUID(int=9),
    )
    gone = await forget(database, bite=10, quarantine_days=95)
    assert gone == {"letters": 0, "quarantined": 12, "batches": 25, "runs": 1, "recent": 9}
    assert ask(database, "SELECT DISTINCT run_id FROM telemetry.batch") == [(RECENT,)]
    assert ask(database, "SELECT run_id FROM telemetry.ledger") == [(RECENT,)]
    assert ask(database, "SELECT run_id FROM telemetry.dropped") == [(RECENT,)]
    assert await forget(database, bite=10, quarantine_days=95) == dict.fromkeys(gone, 0)


async def test_letters_go_by_age_and_the_oldest_when_they_are_too_large(database):
    for age, size in ((100, 10), (3, MIB // 2), (2, MIB // 2), (1, MIB // 2)):
        ask(
            database,
            "INSERT INTO telemetry.dead_letter (received_at, topic, reason, detail, sha256, bytes_total, payload)"
            " VALUES (now() - make_interval(days => %s), 't', 'r', '', %s, %s, %s)",
            age, uuid4().bytes, size, bytes(size),
        )  # fmt: skip
    assert (await forget(database, letters_bytes_most=MIB))["letters"] == 2
    ages = ask(database, "SELECT extract(day FROM now() - received_at)::int FROM telemetry.dead_letter ORDER BY 1")
    assert ages == [(1,), (2,)]


@pytest.mark.parametrize("wrong", [{"batches_days": 3}, {"runs_days": 3}])
def test_nothing_that_gateways_still_repeat_can_be_forgotten(wrong):
    """They keep what is receipted for up to 72 h."""
    with pytest.raises(ValueError, match="greater than or equal"):
        KeepSettings.model_validate(wrong)
