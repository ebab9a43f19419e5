"""Database and workers go away in the middle and come back: nothing is lost, nothing is doubled, it is told once."""

import asyncio
import random
import time

import psycopg
import pytest

from database.embedded import EmbeddedPostgres, start_database
from database.settings import DatabaseSettings
from device_registry.seed import seed
from tests.ingest_service.gateway_double import gateway, ingest
from tests.ingest_service.ingest_parts import column
from tests.plant import PLANT


class OwnServer:
    """What `ingest` asks of a database."""

    def __init__(self, server: EmbeddedPostgres) -> None:
        self.server = server

    def settings(self, role: str) -> DatabaseSettings:
        return DatabaseSettings.model_validate({"dsn": self.server.dsn(role)})


async def start(folder) -> EmbeddedPostgres:
    server = EmbeddedPostgres(folder)
    server.__enter__()
    return server


async def test_a_database_that_stops_and_returns_costs_nothing_and_is_told_once(broker, open_folder, capsys):
    folder = open_folder / "outage"
    with start_database(folder) as server:
        dsn = server.dsn("owner")
        async with await psycopg.AsyncConnection.connect(dsn) as connection:
            await seed(connection, PLANT)
    server = await start(folder)
    try:
        few = {"messages_most": 30}
        async with ingest(broker, OwnServer(server), subscription=few) as process, gateway(broker) as gw:
            await gw.publish_catalog()
            base_ns = time.time_ns() - 10**9
            for seq in range(1, 11):
                gw.add(seq, column([float(seq)] * 20, times_ns=[base_ns + seq] * 20))
            await gw.deliver()
            server.__exit__(None, None, None)
            for seq in range(11, 111):
                gw.add(seq, column([float(seq)] * 20, times_ns=[base_ns + seq * 10**6] * 20))
            told = len(gw.receipts)
            with pytest.raises(TimeoutError):
                await gw.deliver(within_s=5)
            assert len(gw.receipts) == told
            assert not process.done()
            server = await start(folder)
            started = time.monotonic()
            await gw.deliver(within_s=40)
            assert time.monotonic() - started < 20
            assert gw.receipts[-1].committed == [(1, 110)]
        with psycopg.connect(dsn) as connection:
            assert connection.execute("SELECT count(*) FROM telemetry.stored").fetchone() == (110 * 20,)
            assert connection.execute("SELECT count(*), count(DISTINCT seq) FROM telemetry.batch").fetchone() == (
                110,
                110,
            )
    finally:
        server.__exit__(None, None, None)
    said = capsys.readouterr().out
    assert said.count("database lost") == 1
    assert said.count("database back") == 1


async def test_workers_stopped_at_random_moments_lose_and_double_nothing(broker, database, tenant):
    rng = random.Random(7)
    base_ns = time.time_ns() - 10**10
    async with gateway(broker) as gw:
        async with ingest(broker, database):
            await gw.publish_catalog()
            gw.add(1, column([1.0] * 50, times_ns=[base_ns + 10**6] * 50))
            await gw.deliver()
        for seq in range(2, 301):
            gw.add(seq, column([float(seq)] * 50, times_ns=[base_ns + seq * 10**6] * 50))
        delivering = asyncio.create_task(gw.deliver(within_s=60, again_after_s=0.2))
        stops = 0
        while not delivering.done():
            async with ingest(
                broker, database, group={"rows_most": 1000, "age_s": 0.02}, subscription={"messages_most": 40}
            ):
                await asyncio.wait({delivering}, timeout=rng.uniform(0.02, 0.4))
                stops += 1
        await delivering
        assert stops > 3
        assert gw.receipts[-1].committed == [(1, 300)]
    query = "SELECT value, count(*), count(DISTINCT (series_id, time)) FROM telemetry.stored GROUP BY 1 ORDER BY 1"
    with psycopg.connect(database.dsn("owner")) as connection:
        stored = connection.execute(query).fetchall()
    assert stored == [(float(seq), 50, 50) for seq in range(1, 301)]


async def test_a_broker_that_is_absent_at_the_start_is_waited_for_and_told_once(broker, database, tenant, capsys):
    await broker.stop()

    async def start_later():
        await asyncio.sleep(2.5)
        await broker.start()

    starting = asyncio.create_task(start_later())
    async with ingest(broker, database), gateway(broker) as gw:
        await gw.publish_catalog()
        gw.add(1)
        await gw.deliver()
    await starting
    said = capsys.readouterr().out
    assert (said.count("broker lost"), said.count("broker back")) == (1, 1)
