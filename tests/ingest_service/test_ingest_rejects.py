"""Dead letters: kept whole, listed, shown, and replayed once, through the same way in as everything else."""

import asyncio
import json
import os
from uuid import UUID, uuid4

import numpy as np
import psycopg
import pytest
from typer.testing import CliRunner

from database.pool import open_pool, transaction
from ingest_service import writer
from ingest_service.delivery import Message, deliver, read
from ingest_service.ledger import Verdict
from ingest_service.reading import GatewayReader
from ingest_service.rejects.letters import UnknownLetter, Wanted, list_letters, list_quarantined
from ingest_service.rejects.picture import hex_dump, picture
from ingest_service.rejects.replay import Outcome, Replay
from ingest_service.rows import prepare
from ingest_service.transactions import Transactions
from linewright.cli import app
from protocols import UndecodablePayload
from protocols.topics import GatewayAddress, Up
from protocols.wire import columnar
from tests.ingest_service.ingest_parts import GATEWAY, NOW_NS, SERIES, column, payload

DEVICE = GatewayAddress("demo", "gw-1")


def ask(database, query, *values):
    with psycopg.connect(database.dsn("owner")) as connection:
        cursor = connection.execute(query, values or None)
        return cursor.fetchall() if cursor.description else None


@pytest.fixture
def gateway_id(database, tenant) -> UUID:
    """gw-1 with a catalog of 50 tags in revision 1, and a partition for NOW_NS."""
    found = tenant.gateways["gw-1"]
    ask(
        database,
        "INSERT INTO telemetry.catalog SELECT %s, 1, alias, 100 + alias FROM generate_series(0, 49) AS alias",
        found,
    )
    return found


@pytest.fixture
async def pool(database):
    async with open_pool(database.settings("lw_ingest")) as pool:
        yield pool


def data(seq: int, *, run: UUID, value: float = 1.0) -> bytes:
    return payload(column([value, value + 1], times_ns=[now_ns()] * 2), run=run, seq=seq)


def now_ns() -> int:
    with psycopg.connect(os.environ["TEST_DSN"]) as connection:
        return int(connection.execute("SELECT extract(epoch FROM now())::bigint").fetchone()[0]) * 10**9


@pytest.fixture(autouse=True)
def dsn(database, monkeypatch):
    monkeypatch.setenv("TEST_DSN", database.dsn("owner"))


async def write(pool, gateway_id, *payloads, topic=None):
    async with transaction(pool) as connection:
        deliveries = []
        for body in payloads:
            message = Message(topic or GATEWAY.up(Up.DATA), body)
            deliveries.append(deliver(message, read(message), gateway_id, SERIES))
        return await writer.write(connection, prepare(deliveries, now_ns()))


def replaying(pool, **more) -> Replay:
    return Replay(Transactions(pool), [GatewayReader()], **more)


def letters(database):
    return ask(
        database,
        "SELECT id, reason, attempts, outcome, replayed_at IS NOT NULL FROM telemetry.dead_letter ORDER BY id",
    )


def samples(database) -> int:
    return ask(database, "SELECT count(*) FROM telemetry.stored")[0][0]


@pytest.fixture
def broken_decoder(monkeypatch):
    """A version of this program that cannot read any batch; `mend()` is the upgrade."""
    really = columnar.decode

    def refuse(payload):
        raise UndecodablePayload("a fault of this version")

    monkeypatch.setattr(columnar, "decode", refuse)
    return lambda: monkeypatch.setattr(columnar, "decode", really)


async def test_what_a_fixed_version_understands_is_stored_once_under_its_own_number(
    database, pool, gateway_id, broken_decoder
):
    run = uuid4()
    sent = data(1, run=run)
    await write(pool, gateway_id, sent, data(2, run=run))
    first, second = (letter[0] for letter in letters(database))
    assert (await replaying(pool).run(first)).outcome is Outcome.REFUSED
    broken_decoder()
    rehearsed = await replaying(pool, rehearsal=True).run(first)
    assert (rehearsed.outcome, rehearsed.samples) == (Outcome.STORED, 2)
    assert samples(database) == 0
    assert (await replaying(pool).run(first)).outcome is Outcome.STORED
    assert (await replaying(pool).run(first)).outcome is Outcome.ALREADY
    assert (await replaying(pool).run(second)).outcome is Outcome.STORED
    assert samples(database) == 4
    assert ask(database, "SELECT committed::text FROM telemetry.ledger") == [("{[1,3)}",)]
    assert ask(database, "SELECT seq, samples, rejected FROM telemetry.batch ORDER BY 1") == [
        (1, 2, None),
        (2, 2, None),
    ]
    assert letters(database) == [(first, "undecodable", 1, "stored", True), (second, "undecodable", 0, "stored", True)]
    assert (await write(pool, gateway_id, sent)).verdicts == [Verdict.REPEATED]
    assert samples(database) == 4


async def test_two_that_replay_the_same_letter_at_once_store_it_once(database, pool, gateway_id, broken_decoder):
    await write(pool, gateway_id, data(1, run=uuid4()))
    broken_decoder()
    [(letter, *_)] = letters(database)
    done = await asyncio.gather(*(replaying(pool).run(letter) for _ in range(4)))
    assert sorted(one.outcome for one in done) == ["already"] * 3 + ["stored"]
    assert samples(database) == 2


async def test_a_letter_without_its_mark_would_be_stored_twice(database, pool, gateway_id):
    """Negative control: the mark is what makes a replay of a source without a number idempotent beyond its window."""
    body = json.dumps({"ts": now_ns() // 10**6, "values": {"tag-1": 1.0}}).encode()
    ask(
        database,
        "INSERT INTO telemetry.dead_letter (topic, reason, detail, sha256, bytes_total, payload)"
        " VALUES (%s, 'undecodable', '', 'x', %s, %s)",
        DEVICE.up(Up.DATA), len(body), body,
    )  # fmt: skip
    [(letter, *_)] = letters(database)
    assert (await replaying(pool).run(letter)).outcome is Outcome.STORED
    ask(database, "UPDATE telemetry.dead_letter SET replayed_at = NULL")
    assert (await replaying(pool).run(letter)).outcome is Outcome.REPEATED
    ask(database, "UPDATE telemetry.dead_letter SET replayed_at = NULL")
    ask(database, "DELETE FROM telemetry.recent")
    assert (await replaying(pool).run(letter)).outcome is Outcome.STORED
    assert samples(database) == 2


async def test_a_conflict_is_stored_beside_only_when_that_is_said(database, pool, gateway_id):
    run = uuid4()
    clone = data(1, run=run, value=7.0)
    await write(pool, gateway_id, data(1, run=run))
    await write(pool, gateway_id, clone)
    [(letter, *_)] = letters(database)
    assert (await replaying(pool).run(letter)).outcome is Outcome.CONFLICT
    assert samples(database) == 2
    assert (await replaying(pool, as_new_run=True).run(letter)).outcome is Outcome.STORED
    assert (await replaying(pool, as_new_run=True).run(letter)).outcome is Outcome.ALREADY
    assert samples(database) == 4
    assert sorted(ask(database, "SELECT committed::text FROM telemetry.ledger")) == [("{[1,2)}",)] * 2
    await write(pool, gateway_id, clone)  # it is sent again
    assert letters(database) == [(letter, "conflict", 1, "stored", True)]


async def test_what_still_fails_stays_with_its_new_reason(database, pool, gateway_id):
    """An unknown gateway, a payload that was cut, garbage."""
    big = b"LW" + bytes(5 << 20)
    await write(pool, gateway_id, b"garbage", big)
    ask(
        database,
        "INSERT INTO telemetry.dead_letter (topic, reason, detail, sha256, bytes_total, payload)"
        " VALUES ('lw/1/demo/nobody/up/data', 'unstorable', '', 'x', %s, %s)",
        len(data(1, run=UUID(int=5))), data(1, run=UUID(int=5)),
    )  # fmt: skip
    ask(database, "UPDATE telemetry.dead_letter SET reason = 'unstorable' WHERE payload = 'garbage'")
    outcomes = [(await replaying(pool).run(letter)).outcome for letter, *_ in letters(database)]
    assert outcomes == [Outcome.REFUSED, Outcome.CUT, Outcome.UNKNOWN]
    assert [letter[1:3] for letter in letters(database)] == [("undecodable", 1), ("oversized", 0), ("unstorable", 0)]
    assert ask(database, "SELECT max(octet_length(payload)) FROM telemetry.dead_letter") == [(1 << 20,)]
    with pytest.raises(UnknownLetter):
        await replaying(pool).run(999)


async def test_a_payload_up_to_the_limit_is_kept_whole(database, pool, gateway_id):
    body = b"LW" + np.random.default_rng(1).bytes((4 << 20) - 2)
    await write(pool, gateway_id, body)
    [(kept,)] = ask(database, "SELECT payload FROM telemetry.dead_letter")
    assert bytes(kept) == body


async def test_filters_and_the_quarantine(database, pool, gateway_id):
    run = uuid4()
    await write(pool, gateway_id, b"one", b"two")
    await write(pool, None, b"three", topic="lw/1/demo/gw-2/up/data")
    odd = column([1.0, 2.0, 3.0], aliases=[0, 1, 999], times_ns=[now_ns(), 5, now_ns()])
    await write(pool, gateway_id, payload(odd, run=run, seq=1))
    async with transaction(pool) as connection:
        assert len(await list_letters(connection, Wanted())) == 3
        assert [one.topic for one in await list_letters(connection, Wanted(gateway="gw-2"))] == [
            "lw/1/demo/gw-2/up/data"
        ]
        assert await list_letters(connection, Wanted(reason="conflict")) == []
        assert len(await list_letters(connection, Wanted(limit=1))) == 1
        stray = {one.reason: one for one in await list_quarantined(connection, Wanted())}
    assert (stray["impossible_time"].alias, stray["impossible_time"].value) == (1, "2.0")
    assert stray["unknown_alias"].gateway == "gw-1"
    assert "clock" in stray["impossible_time"].way_out


def test_a_picture_shows_header_samples_and_bytes_of_what_is_whole_or_damaged():
    good = payload(column([1.5]), run=UUID(int=3), seq=9)
    whole = picture(Message(GATEWAY.up(Up.DATA), good), [GatewayReader()])
    assert whole["header"]["seq"] == 9
    assert whole["batch"][0]["first"][0]["value"] == 1.5
    damaged = picture(Message(GATEWAY.up(Up.DATA), good[:-3]), [GatewayReader()])
    assert damaged["header"]["seq"] == 9
    assert damaged["today"].startswith("undecodable: ")
    assert hex_dump(b"LW\x01\xff")[0].split("  ")[-1] == "LW.."
    assert whole["batch"][0]["first"][0]["time_ns"] == NOW_NS


async def test_the_command_lists_shows_and_replays(database, pool, gateway_id, monkeypatch, broken_decoder):
    run = uuid4()
    await write(pool, gateway_id, data(1, run=run))
    broken_decoder()
    monkeypatch.setenv("LINEWRIGHT_DATABASE__DSN", database.dsn("lw_ingest"))

    async def invoke(*arguments):
        return await asyncio.to_thread(CliRunner().invoke, app, ["rejects", *arguments])

    listed = json.loads((await invoke("list", "--since", "1h", "--json")).stdout)
    letter = str(listed[0]["id"])
    assert listed[0]["reason"] == "undecodable"
    assert json.loads((await invoke("show", letter)).stdout)["today"] == "can be decoded"
    rehearsed = await invoke("replay", letter, "--dry-run")
    assert (rehearsed.exit_code, rehearsed.stdout) == (0, f"{letter}  stored, 2 samples\n")
    assert samples(database) == 0
    assert json.loads((await invoke("replay", "--all", "--json")).stdout)[0]["outcome"] == "stored"
    assert (await invoke("list")).stdout == "none\n"
    assert "replayed: stored" in (await invoke("list", "--replayed")).stdout
    assert (await invoke("samples")).stdout == "none\n"
    assert (await invoke("replay")).exit_code == 2
    assert samples(database) == 2
