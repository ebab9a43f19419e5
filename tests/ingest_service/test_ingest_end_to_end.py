"""Real broker, real database, a gateway that forgets only what is receipted."""

import asyncio
import json
import struct
import time
import urllib.request
from uuid import uuid4

import numpy as np
import psycopg
import pytest
import zstandard

from protocols.sample import ValueKind
from protocols.topics import GatewayAddress, Up
from tests.ingest_service.gateway_double import gateway, ingest
from tests.ingest_service.ingest_parts import column, payload

pytestmark = pytest.mark.usefixtures("tenant")
both = pytest.mark.parametrize("broker", ["mosquitto", "iotcore"], indirect=True)


def ask(database, query: str, *values):
    with psycopg.connect(database.dsn("owner")) as connection:
        return connection.execute(query, values or None).fetchall()


async def until(condition, within_s: float = 15.0):
    async with asyncio.timeout(within_s):
        while not (answer := await asyncio.to_thread(condition)):
            await asyncio.sleep(0.05)
        return answer


def now_column(n: int, **more):
    return column(np.arange(n, dtype=float).tolist(), times_ns=[time.time_ns()] * n, **more)


@both
async def test_what_is_sent_is_stored_once_and_receipted_cumulatively(broker, database):
    async with ingest(broker, database), gateway(broker) as gw:
        await gw.publish_catalog()
        for seq in range(1, 41):
            gw.add(seq, now_column(50), compress=seq % 2 == 0)
        await gw.deliver()
        assert gw.receipts[-1].committed == [(1, 40)]
        assert gw.receipts[-1].credit > 0
        assert not any(one.rejected for one in gw.receipts)
    assert ask(database, "SELECT count(*) FROM telemetry.stored") == [(2000,)]
    assert ask(database, "SELECT committed::text FROM telemetry.ledger") == [("{[1,41)}",)]
    assert ask(database, "SELECT count(DISTINCT series_id) FROM telemetry.stored") == [(50,)]


@both
async def test_a_broker_that_dies_in_between_costs_nothing(broker, database):
    async with ingest(broker, database):
        async with gateway(broker) as gw:
            await gw.publish_catalog()
            for seq in range(1, 11):
                gw.add(seq, now_column(50))
            await gw.deliver()
            run = gw.run
        await broker.kill()
        await broker.start()
        async with gateway(broker) as gw:
            gw.run = run
            await gw.publish_catalog()
            for seq in range(11, 21):
                gw.add(seq, now_column(50))
            await gw.deliver()
            assert gw.receipts[-1].committed == [(1, 20)]
    assert ask(database, "SELECT count(*) FROM telemetry.stored") == [(1000,)]


def sound() -> bytes:
    """A good batch of a run of its own."""
    return payload(now_column(10), run=uuid4(), seq=100)


def with_bytes(at: int, what: bytes) -> bytes:
    good = sound()
    return good[:at] + what + good[at + len(what) :]


def poisons() -> dict[str, bytes]:
    texts = payload(column(["abc", "def"], kind=ValueKind.TEXT), run=uuid4(), seq=101)
    bomb = zstandard.ZstdCompressor().compress(bytes(1 << 28))
    return {
        "truncated": sound()[:-16],
        "less than a header": sound()[:20],
        "wrong magic": with_bytes(0, b"XX"),
        "wrong version": with_bytes(2, b"\x09"),
        "zstd bomb": sound()[:3] + b"\x01" + sound()[4:40] + struct.pack("<II", 4096, 0) + bomb,
        "says it inflates to 4 GB": with_bytes(40, struct.pack("<I", 0xFFFFFFFF)),
        "damaged zstd": payload(now_column(10), run=uuid4(), seq=102, compress=True)[:-9] + b"\xff" * 9,
        "count does not fit": with_bytes(36, struct.pack("<I", 11)),
        "bad UTF-8": texts.replace(b"abcdef", b"ab\xff\xfeef"),
        "unknown value type": with_bytes(48, struct.pack("<I", 77)),
        "impossible sequence": with_bytes(20, struct.pack("<Q", 0)),
        "10 MB": b"LW" + bytes(10 << 20),
        "JSON garbage": b'{"ts": 1790000000000, "values": {"a": [1, 2]}}',
        "JSON without time": b'{"values": {"a": 1}}',
        "JSON that names no tag": b'{"ts": 1790000000000, "values": {"../a b": 1}}',
        "empty": b"",
    }


@both
async def test_every_kind_of_poison_is_kept_and_its_neighbours_are_committed(broker, database):
    kinds = poisons()
    async with ingest(broker, database, catalog_wait_s=0.5) as process, gateway(broker) as gw:
        await gw.publish_catalog()
        gw.add(1, now_column(50))
        await gw.deliver()
        for seq, poison in enumerate(kinds.values(), 2):
            await gw.send(poison)
            gw.add(seq, now_column(50))
        await gw.deliver()
        await until(lambda: ask(database, "SELECT count(*) FROM telemetry.dead_letter")[0][0] >= len(kinds))
        assert not process.done()
    letters = ask(database, "SELECT payload, bytes_total, reason, detail FROM telemetry.dead_letter")
    kept = {bytes(raw) for raw, *_ in letters}
    assert {name for name, poison in kinds.items() if poison[: 1 << 20] not in kept} == set()
    assert {reason for _, _, reason, _ in letters} == {"undecodable", "oversized"}
    assert [size for _, size, reason, _ in letters if size > 1 << 20] == [(10 << 20) + 2]
    assert ask(database, "SELECT count(*) FROM telemetry.stored") == [(50 * (len(kinds) + 1),)]


async def test_a_damaged_batch_that_says_which_it_is_is_rejected_so_that_it_is_not_sent_for_ever(broker, database):
    async with ingest(broker, database), gateway(broker) as gw:
        await gw.publish_catalog()
        gw.add(1, now_column(50))
        gw.open[2] = gw.add(2, now_column(50))[:-8]
        await gw.deliver()
        assert any(2 in one.rejected for one in gw.receipts)
        assert gw.receipts[-1].committed == [(1, 2)]


async def test_samples_that_cannot_be_stored_are_set_aside_one_by_one(broker, database):
    now_ns = time.time_ns()
    times = [now_ns, 1_000 * 10**9, 4_070_908_800 * 10**9, now_ns, now_ns, now_ns]
    odd = column([1, 2, 3, np.nan, np.inf, 6], times_ns=times, aliases=[0, 1, 2, 3, 4, 999])
    async with ingest(broker, database), gateway(broker) as gw:
        await gw.publish_catalog()
        gw.add(1, odd, column(["a", "b"], kind=ValueKind.TEXT, aliases=[10, 11], times_ns=[now_ns, 0]))
        await gw.deliver()
    assert ask(database, "SELECT value, quality FROM telemetry.stored ORDER BY series_id") == [
        (1.0, 0), (None, 0x0206), (None, 0x0206),
    ]  # fmt: skip
    assert ask(database, "SELECT alias, value, reason FROM telemetry.quarantine ORDER BY alias") == [
        (1, "2.0", "impossible_time"),
        (2, "3.0", "impossible_time"),
        (11, "b", "impossible_time"),
        (999, "6.0", "unknown_alias"),
    ]
    assert ask(database, "SELECT value FROM telemetry.text_sample") == [("a",)]


async def test_batches_wait_for_their_catalog_and_stay_in_the_spool_when_it_does_not_come(broker, database):
    async with ingest(broker, database, catalog_wait_s=0.5), gateway(broker) as gw:
        gw.add(1, now_column(50), revision=7)
        with pytest.raises(TimeoutError):
            await gw.deliver(within_s=3)
        assert gw.receipts == []
        await gw.publish_catalog(revision=7)
        await gw.deliver()
        gw.add(2, now_column(50), revision=1)
        early = asyncio.create_task(gw.deliver())
        await asyncio.sleep(0.2)
        await gw.publish_catalog(revision=1)
        await early
    assert ask(database, "SELECT count(*) FROM telemetry.stored") == [(100,)]
    assert ask(database, "SELECT count(*) FROM telemetry.dead_letter") == [(0,)]
    assert ask(database, "SELECT count(DISTINCT revision), count(*) FROM telemetry.catalog") == [(2, 100)]


async def test_an_old_revision_keeps_its_meaning_after_a_restart(broker, database):
    async with gateway(broker) as gw:
        async with ingest(broker, database):
            await gw.publish_catalog(revision=1)
            gw.add(1, now_column(50), revision=1)
            await gw.deliver()
            await gw.publish_catalog(revision=2, tags=3)
            await until(lambda: len(ask(database, "SELECT FROM telemetry.catalog WHERE revision = 2")) == 3)
        async with ingest(broker, database):
            gw.add(2, now_column(50), revision=1)
            await gw.deliver()
    assert ask(database, "SELECT count(*) FROM telemetry.stored") == [(100,)]
    assert ask(database, "SELECT count(*) FROM registry.tag WHERE slug LIKE 'tag-%%'") == [(50,)]


async def test_an_unknown_gateway_is_not_stored_and_does_not_starve_the_others(broker, database):
    limits = {"messages_most": 20}
    stranger = GatewayAddress("demo", "gw-9")
    async with ingest(broker, database, catalog_wait_s=0.5, subscription=limits):  # noqa: SIM117
        async with gateway(broker, stranger) as unknown, gateway(broker) as gw:
            await unknown.publish_catalog()
            await gw.publish_catalog()
            for seq in range(1, 61):
                unknown.add(seq, now_column(50))
            strange = asyncio.create_task(unknown.deliver(within_s=60))
            gw.add(1, now_column(50))
            await gw.deliver()
            assert len(unknown.open) == 60
            assert unknown.receipts == []
            with psycopg.connect(database.dsn("owner")) as connection:
                connection.execute(
                    "INSERT INTO registry.gateway (tenant_id, slug, name)"
                    " SELECT tenant_id, 'gw-9', 'gw-9' FROM registry.tenant"
                )
            await strange
    assert ask(database, "SELECT count(*) FROM telemetry.stored") == [(61 * 50,)]


async def test_a_device_that_speaks_json_is_stored_once(broker, database):
    now_ms = int(time.time() * 1000)
    async with ingest(broker, database), gateway(broker) as gw:
        first = {"ts": now_ms, "values": {"level": 1.5, "on": True, "mode": "auto", "pump-1/flow": 2, "lost": None}}
        second = {"ts": now_ms + 1, "values": {"level": 2.5}}
        for message in (first, first, second):
            await gw.send(json.dumps(message).encode())
        await until(lambda: ask(database, "SELECT count(*) FROM telemetry.stored") == [(5,)])
        await gw.publish_catalog()
        gw.add(1)
        await gw.deliver()
        assert {one.run for one in gw.receipts} == {gw.run}
    stored = ask(
        database,
        "SELECT machine.slug, tag.slug, value, quality FROM telemetry.stored"
        " JOIN registry.tag USING (series_id) JOIN registry.machine ON machine.id = machine_id"
        " WHERE tag.slug <> 'tag-0' ORDER BY 1, 2, 3",
    )
    assert stored == [
        ("gw-1", "level", 1.5, 0), ("gw-1", "level", 2.5, 0), ("gw-1", "lost", None, 0x020C),
        ("gw-1", "on", 1.0, 0), ("pump-1", "flow", 2.0, 0),
    ]  # fmt: skip
    assert ask(database, "SELECT value FROM telemetry.text_sample") == [("auto",)]


async def test_several_workers_share_the_work(broker, database):
    workers = [ingest(broker, database, worker=f"ingest-{n}", group={"age_s": 0.01}) for n in (1, 2, 3)]
    async with workers[0], workers[1], workers[2], gateway(broker) as gw:
        await gw.publish_catalog()
        gw.add(1, now_column(50))
        await gw.deliver()
        for seq in range(2, 201):
            gw.add(seq, now_column(50))
        await gw.deliver()
        assert gw.receipts[-1].committed[0][1] >= 100
    assert ask(database, "SELECT count(*) FROM telemetry.stored") == [(10_000,)]
    assert ask(database, "SELECT committed::text FROM telemetry.ledger") == [("{[1,201)}",)]


async def test_health_and_metrics_are_served(broker, database, free_port):
    port = free_port()

    def get(path):
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}") as answer:
            return answer.read().decode()

    async with ingest(broker, database, health_port=port), gateway(broker) as gw:
        await gw.publish_catalog()
        gw.add(1, now_column(50))
        await gw.deliver()
        assert '"status": "ok"' in await asyncio.to_thread(get, "/healthz")
        told = await asyncio.to_thread(get, "/metrics")
    assert "linewright_ingest_rows_total" in told
    assert 'linewright_ingest_batches_total{verdict="store"}' in told


async def test_a_catalog_that_is_none_is_a_dead_letter(broker, database):
    async with ingest(broker, database), gateway(broker) as gw:
        await gw.client.publish(gw.address.up(Up.CATALOG), b"no catalog", qos=1)
        await until(lambda: ask(database, "SELECT count(*) FROM telemetry.dead_letter") == [(1,)])
        await gw.publish_catalog()
        gw.add(1)
        await gw.deliver()
