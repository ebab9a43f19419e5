"""The database goes away in the middle and comes back: nothing is lost, nothing is doubled, it is told once."""

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
            assert connection.execute("SELECT count(*) FROM telemetry.sample").fetchone() == (110 * 20,)
            assert connection.execute("SELECT count(*), count(DISTINCT seq) FROM telemetry.batch").fetchone() == (
                110,
                110,
            )
    finally:
        server.__exit__(None, None, None)
    said = capsys.readouterr().out
    assert said.count("database lost") == 1
    assert said.count("database back") == 1
