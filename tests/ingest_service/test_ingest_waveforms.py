"""Bursts from a broker into the database and out again: whole or not there, once, and what was measured."""

import asyncio
import contextlib
import random
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import numpy as np
import psycopg
import pytest

from database.pool import open_pool, tenant_transaction, transaction
from ingest_service import writer
from ingest_service.delivery import Refusal, Refused, deliver
from ingest_service.forgetting import forget_once
from ingest_service.ledger import Verdict
from ingest_service.rejects.picture import picture
from ingest_service.rejects.replay import Outcome, Replay
from ingest_service.rows import prepare
from ingest_service.series_map import SeriesMap
from ingest_service.settings import KeepSettings, RedeliverySettings
from ingest_service.transactions import Transactions
from ingest_service.waveforms import DamagedWaveform, UnknownWaveform
from ingest_service.waveforms.reader import WaveReader
from ingest_service.waveforms.stored import find_waveform, list_waveforms, load_raw
from protocols.topics import Up
from protocols.wire.waveform import encode
from tests.ingest_service.gateway_double import gateway, ingest
from tests.ingest_service.ingest_parts import GATEWAY, NOW_NS
from tests.ingest_service.wave_parts import THREE_PARTS, burst, parts, wave_message

known_series: dict[UUID, int] = {}
WIDE = (datetime(2001, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC))


def ask(database, query, *values):
    with psycopg.connect(database.dsn("owner")) as connection:
        cursor = connection.execute(query, values or None)
        return cursor.fetchall() if cursor.description else None


@contextlib.asynccontextmanager
async def looking(database, tenant):
    """A transaction of the API's role."""
    async with open_pool(database.settings("lw_app")) as pool, tenant_transaction(pool, tenant.tenant_id) as tx:
        yield tx


async def seen(database, tenant, most=100):
    """Every whole burst of every series, newest first."""
    series = [series for (series,) in ask(database, "SELECT series_id FROM registry.tag")]
    async with looking(database, tenant) as tx:
        return await list_waveforms(tx, series, *WIDE, most)


@pytest.fixture
async def pool(database):
    async with open_pool(database.settings("lw_ingest")) as pool:
        yield pool


@pytest.fixture
def known(database, tenant) -> UUID:
    """gw-1 with a catalog of one tag: alias 0 is the vibration of pump-1."""
    found = tenant.gateways["gw-1"]
    [(series,)] = ask(
        database,
        "SELECT series_id FROM registry.tag JOIN registry.machine ON machine.id = machine_id"
        " WHERE (machine.slug, tag.slug) = ('pump-1', 'vibration')",
    )
    ask(database, "INSERT INTO telemetry.catalog VALUES (%s, 1, 0, %s)", found, series)
    known_series[found] = series
    return found


def group(gateway_id, *sent):
    """Alias 0 is the vibration of pump-1, see `known`."""
    mapping = SeriesMap.of({0: known_series[gateway_id]})
    return prepare([deliver(one, WaveReader().read(one).content, gateway_id, mapping) for one in sent], NOW_NS)


async def write(pool, gateway_id, *sent):
    async with transaction(pool) as connection:
        return await writer.write(connection, group(gateway_id, *sent))


async def test_shuffled_doubled_lost_and_resent_through_two_workers(broker, database, tenant):
    rng = random.Random(2)
    async with (
        ingest(broker, database, worker="ingest-1"),
        ingest(broker, database, worker="ingest-2"),
        gateway(broker) as gw,
    ):
        await gw.publish_catalog(tags=2, kind="waveform")
        sent = [burst(THREE_PARTS, start_ns=time.time_ns() - k * 10**9, alias=k % 2, seed=k) for k in range(3)]
        cut = [part for k, one in enumerate(sent) for part in parts(one, gw.run, 1 + 3 * k)]
        gw.open = {part.header.seq: encode(part, compress=part.part == 1) for part in cut}
        lost = gw.open.pop(5)  # the middle of the second burst
        doubled = [body for body in gw.open.values() for _ in range(2)]
        rng.shuffle(doubled)
        topic = GATEWAY.up(Up.WAVE)
        for body in doubled:
            await gw.client.publish(topic, body, qos=1)
        async with asyncio.timeout(20):
            while gw.open:
                await gw.changed.wait()
                gw.changed.clear()
        assert ask(database, "SELECT count(*) FROM telemetry.waveform_part") == [(8,)]
        assert [one.start_ns for one in await seen(database, tenant)] == [sent[0].start_ns, sent[2].start_ns]
        gw.open = {5: lost}
        async with asyncio.timeout(20):
            while gw.open:
                await gw.client.publish(topic, lost, qos=1)
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(gw.changed.wait(), 1)
                gw.changed.clear()
        assert gw.receipts[-1].committed == [(1, 9)]
    found = await seen(database, tenant)
    assert [one.start_ns for one in found] == [one.start_ns for one in sent]
    async with looking(database, tenant) as tx:
        for one, was in zip(found, sent, strict=True):
            assert (one.n, one.size_bytes, one.rate_hz, one.scale, one.dtype) == (
                THREE_PARTS,
                2_400_000,
                25_600,
                0.001,
                "<i2",
            )
            np.testing.assert_array_equal(await load_raw(tx, one), was.raw)
    assert ask(database, "SELECT count(*), sum(samples) FROM telemetry.batch") == [(9, 3 * THREE_PARTS)]
    assert ask(database, "SELECT DISTINCT kind FROM registry.tag WHERE slug LIKE 'tag-%%'") == [("waveform",)]
    assert ask(database, "SELECT count(*) FROM telemetry.dead_letter") == [(0,)]


async def test_no_half_is_seen_while_parts_come_from_two_sides(database, tenant, known):
    """Two transactions, each with a part the other one lacks; neither can know that its part is the last one."""
    sent = [wave_message(part) for part in parts(burst(600_000), uuid4())]
    dsn = database.dsn("lw_ingest")
    async with (
        await psycopg.AsyncConnection.connect(dsn) as one,
        await psycopg.AsyncConnection.connect(dsn) as two,
    ):
        await writer.write(one, group(known, sent[0]))
        writing = asyncio.create_task(writer.write(two, group(known, sent[1])))
        assert await seen(database, tenant) == []
        await one.commit()
        await writing
        assert await seen(database, tenant) == []
        # Negative control: who asks for what was announced, not for what is whole, would show it now.
        assert ask(database, "SELECT n FROM telemetry.waveform") == [(600_000,)]
        await two.commit()
    [whole] = await seen(database, tenant)
    assert whole.n == 600_000


async def test_what_can_never_be_stored_is_a_dead_letter_and_its_number_is_done(database, tenant, pool, known):
    run = uuid4()
    good, *others = [parts(burst(50, seed=seed), run, seed)[0] for seed in range(1, 7)]
    sent = [
        wave_message(good),
        wave_message(replace(others[0], start_ns=5)),
        wave_message(replace(others[1], alias=7)),
        wave_message(replace(others[2], data=bytes(100))),  # not what was hashed
        wave_message(others[3])._replace(payload=encode(others[3])[:-1]),
        wave_message(others[4])._replace(payload=b"LV" + bytes(200)),  # nobody's
    ]
    outcome = await write(pool, known, *sent)
    assert [verdict.name for verdict in outcome.verdicts] == ["STORE", "REJECT", "REJECT", "REJECT", "REJECT", "BURY"]
    assert ask(database, "SELECT committed::text FROM telemetry.ledger") == [("{[1,6)}",)]
    told = [detail for (detail,) in ask(database, "SELECT detail FROM telemetry.dead_letter ORDER BY id")]
    for detail, words in zip(
        told, ["began at 1970", "alias 7", "hash", "99 bytes, the header says 100", "version 1"], strict=True
    ):
        assert words in detail
    assert len(await seen(database, tenant)) == 1
    assert Verdict.REPEATED in (await write(pool, known, sent[0])).verdicts
    assert Verdict.CONFLICT in (await write(pool, known, wave_message(replace(good, scale=2.0)))).verdicts


async def test_a_letter_is_looked_at_and_replayed(database, tenant, pool, known):
    part = parts(burst(50), uuid4())[0]
    message = wave_message(part)
    refused = WaveReader().read(message).content._replace(burst=None, refusal=Refusal(Refused.UNDECODABLE, "a fault"))
    async with transaction(pool) as connection:
        await writer.write(connection, prepare([deliver(message, refused, known)], NOW_NS))
    shown = picture(message, [WaveReader()])
    assert (shown["today"], shown["burst"]["values"]) == ("can be decoded", 50)
    [(letter,)] = ask(database, "SELECT id FROM telemetry.dead_letter")
    replay = Replay(Transactions(pool), [WaveReader()])
    stored = await replay.run(letter)
    assert (stored.outcome, stored.samples) == (Outcome.STORED, 50)
    assert (await replay.run(letter)).outcome is Outcome.ALREADY
    assert len(await seen(database, tenant)) == 1


async def test_a_device_that_begins_anew_and_sends_it_again_makes_no_second_one(database, tenant, pool, known):
    """The same burst in two runs, each of them with one part only: together it is whole, and there once."""
    one, two = parts(burst(600_000), uuid4()), parts(burst(600_000), uuid4())
    await write(pool, known, wave_message(one[0]), wave_message(two[0]))
    assert await seen(database, tenant) == []
    await write(pool, known, wave_message(two[1]))
    assert len(await seen(database, tenant)) == 1
    await write(pool, known, wave_message(parts(burst(600_000, seed=2), uuid4())[0]))
    assert len(await seen(database, tenant)) == 1


async def test_damage_inside_the_database_is_told_and_nothing_is_handed_out(database, tenant, pool, known):
    await write(pool, known, *map(wave_message, parts(burst(600_000), uuid4())))
    [whole] = await seen(database, tenant)
    ask(database, "UPDATE telemetry.waveform_part SET data = set_byte(data, 9, get_byte(data, 9) # 1) WHERE part = 1")
    async with looking(database, tenant) as tx:
        assert await find_waveform(tx, whole.id) == whole
        with pytest.raises(DamagedWaveform, match="do not give what was measured"):
            await load_raw(tx, whole)
        with pytest.raises(UnknownWaveform):
            await find_waveform(tx, uuid4())


async def test_another_tenant_and_another_period_see_nothing(database, tenant, pool, known):
    await write(pool, known, wave_message(parts(burst(50), uuid4())[0]))
    [whole] = await seen(database, tenant)
    async with open_pool(database.settings("lw_app")) as app:
        async with tenant_transaction(app, uuid4()) as tx:
            assert await list_waveforms(tx, [whole.series_id], *WIDE, 10) == []
            assert await (await tx.execute("SELECT FROM telemetry.waveform_data(%s)", [whole.id])).fetchall() == []
        async with tenant_transaction(app, tenant.tenant_id) as tx:
            assert await list_waveforms(tx, [whole.series_id], whole.start_at, whole.start_at, 10) == []
            after = whole.start_at + timedelta(microseconds=1)
            assert await list_waveforms(tx, [whole.series_id], whole.start_at, after, 10) == [whole]


async def test_old_ones_go_with_their_parts_only_when_that_is_said(database, tenant, pool, known):
    old = [parts(burst(50, start_ns=NOW_NS - k, seed=k), uuid4())[0] for k in range(5)]
    await write(pool, known, *map(wave_message, old))
    ask(database, "UPDATE telemetry.waveform SET start_at = now() - each.n * interval '1 day'"
        " FROM (SELECT id, row_number() OVER (ORDER BY start_ns) AS n FROM telemetry.waveform) AS each"
        " WHERE each.id = waveform.id")  # fmt: skip
    transactions = Transactions(pool)
    assert "waveforms" not in await forget_once(transactions, KeepSettings(), RedeliverySettings(), 2)
    gone = await forget_once(transactions, KeepSettings(waveforms_days=2), RedeliverySettings(), 2)
    assert gone["waveforms"] == 4
    assert ask(database, "SELECT count(*) FROM telemetry.waveform_part") == [(1,)]
