"""The process as it is started: it packs what is there, tells of itself, and takes over a database of days."""

import asyncio
import contextlib
import shutil
from pathlib import Path

import psycopg
import pytest

from database.migrate import migrate
from database.pool import open_pool, transaction
from ingest_service.storage import packer
from ingest_service.storage.settings import PackSettings
from tests.ingest_service.storage.stored import BEGIN_US, SERIES, pack_all, samples, settle, store

BEFORE_PACKS = sorted(file for file in Path("database/migrations").glob("*.sql") if file.name < "0011")


@contextlib.asynccontextmanager
async def packing(place, **more):
    settings = PackSettings.model_validate({"database": {"dsn": place.dsn("lw_ingest")}, **more})
    task = asyncio.create_task(packer.run_pack(settings))
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def fetch(port: int, path: str) -> tuple[int, str]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"GET {path} HTTP/1.1\r\n\r\n".encode())
    answer = (await reader.read()).decode()
    writer.close()
    return int(answer.split()[1]), answer.partition("\r\n\r\n")[2]


async def until(condition) -> None:
    async with asyncio.timeout(30):
        while not condition():
            await asyncio.sleep(0.05)


@pytest.fixture
def quick(monkeypatch):
    """Short pauses, and slices that are closed without waiting for the minute to end."""
    for name in ("_FIND_S", "_PACK_S", "_HOUSE_S", "_FORGET_S"):
        monkeypatch.setattr(packer, name, 0.1)
    closes = lambda state, *_: state.now_min + 1 if state.closed_until <= state.now_min else None  # noqa: E731
    monkeypatch.setattr(packer, "closes_at", closes)


async def test_it_packs_what_is_there_and_says_how_it_goes(place, quick, free_port):
    port = free_port()
    async with open_pool(place.settings()) as pool, transaction(pool) as connection:
        await store(connection, samples([1] * 100, BEGIN_US + 1_000_000, range(100)))
    async with packing(place, health_port=port):
        await until(lambda: place.ask("SELECT count(*) FROM telemetry.pack") == [(1,)])
        assert (await fetch(port, "/healthz"))[0] == 200
        status, told = await fetch(port, "/metrics")
        assert status == 200
        assert "linewright_pack_samples_total" in told
        with psycopg.connect(place.dsn("lw_ingest")) as stuck:
            stuck.execute("SELECT pg_advisory_xact_lock_shared(hashtext('telemetry.packing'))")
            place.ask("UPDATE telemetry.packing SET closed_until = 1, packed_until = 1")  # as if stuck since 1970
            async with asyncio.timeout(30):
                while (health := await fetch(port, "/healthz"))[0] != 503:
                    await asyncio.sleep(0.05)
            assert "to be packed" in health[1]


async def test_a_database_of_day_partitions_is_taken_over(postgres, tmp_path):
    name = "test_old_layout"
    for file in BEFORE_PACKS:
        shutil.copy(file, tmp_path)
    with psycopg.connect(postgres.dsn("owner", "postgres"), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
        try:
            migrate(postgres.dsn("owner", name), tmp_path)
            await _take_over(lambda role: postgres.dsn(role, name))
        finally:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


async def _take_over(dsn) -> None:
    with psycopg.connect(dsn("owner")) as owner:
        owner.execute(
            "INSERT INTO telemetry.sample SELECT now() - n * interval '1 s', n, 1 + n % 6,"
            " extract(epoch FROM now())::bigint / 60, 0 FROM generate_series(1, 1000) n"
        )
    assert "0012_hot_partitions" in migrate(dsn("owner"))
    place = settle(dsn)
    [(first, count, days)] = place.ask(
        "SELECT min(first), count(*), count(*) FILTER (WHERE part::text ~ '_[0-9]{8}$') FROM telemetry.hot_parts()"
    )
    assert (first % 1440, days) == (0, 1)
    assert count > 5
    assert (
        len(place.read("SELECT FROM telemetry.samples(%s, '2020-01-01', '2030-01-01')", list(range(1, SERIES + 1))))
        == 1000
    )
    async with open_pool(place.settings()) as pool:
        async with transaction(pool) as connection:
            await store(connection, samples([1], [BEGIN_US], [1.0]))
            await connection.execute("UPDATE telemetry.packing SET closed_until = 2000000000")
        assert await pack_all(pool) == 1001
        place.ask("SELECT telemetry.drop_packed()")
    assert place.ask("SELECT count(*), count(DISTINCT (series_id, time)) FROM telemetry.stored") == [(1001, 1001)]
