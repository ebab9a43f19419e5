"""A disk that runs full: ingest stops before the database does, nothing is lost, and it goes on by itself."""

import asyncio
import json
import os
import shutil
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path

import psycopg
import pytest

from database.embedded import start_database
from database.pool import open_pool
from database.settings import DatabaseSettings
from device_registry.seed import seed
from ingest_service import disk
from ingest_service.disk import DiskGuard, Room, measure
from ingest_service.settings import MIB, DiskSettings
from ingest_service.transactions import Transactions
from linewright.examination import cloud
from linewright.layout import Layout
from tests.ingest_service.gateway_double import gateway, ingest
from tests.ingest_service.ingest_parts import column
from tests.plant import PLANT

DISK_MIB = 360
LEAST = {"free_least_bytes": 80 * MIB, "free_least_percent": 0}


class SmallDisk:
    """A database on a disk of its own, and a file that takes the room away."""

    def __init__(self, folder: Path, server) -> None:
        self.folder, self.server = folder, server
        self._ballast = folder / "ballast"

    def settings(self, role: str) -> DatabaseSettings:
        return DatabaseSettings.model_validate({"dsn": self.server.dsn(role)})

    def leave(self, mib: int) -> None:
        """Fill it until so much is free."""
        with self._ballast.open("ab") as file:
            held = file.tell()
            size = held + shutil.disk_usage(self.folder).free - mib * MIB
            os.truncate(file.fileno(), min(held, size))
            os.posix_fallocate(file.fileno(), 0, size)

    def clear(self) -> None:
        self._ballast.unlink(missing_ok=True)


@pytest.fixture(scope="module")
def small(open_folder):
    """Mounted in memory, which only root may."""
    folder = open_folder / "small"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={DISK_MIB}m,mode=755", "tmpfs", folder], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"a small disk cannot be mounted here: {mounted.stderr.decode().strip()}")
    try:
        with start_database(folder / "postgres") as server:
            assert server.data_dir.is_relative_to(folder)
            with psycopg.connect(server.dsn("owner"), autocommit=True) as connection:
                connection.execute("ALTER SYSTEM SET max_wal_size = '64MB'")
                connection.execute("SELECT pg_reload_conf()")
            asyncio.run(_seed(server.dsn("owner")))
            yield SmallDisk(folder, server)
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


async def _seed(dsn: str) -> None:
    async with await psycopg.AsyncConnection.connect(dsn) as connection:
        await seed(connection, PLANT)


async def failing(port: int) -> list[str]:
    """What /healthz complains about."""

    def ask() -> bytes:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=5) as answer:
                return answer.read()
        except urllib.error.HTTPError as error:
            return error.read()

    return json.loads(await asyncio.to_thread(ask))["failing"]


async def until_failing(port: int, within_s: float = 15) -> None:
    async with asyncio.timeout(within_s):
        while await failing(port) != ["disk"]:
            await asyncio.sleep(0.05)


async def test_ingest_stops_before_the_disk_is_full_and_goes_on_by_itself(
    small, broker, free_port, monkeypatch, capsys
):
    monkeypatch.setattr(disk, "_LOOK_S", 0.1)
    port = free_port()
    base_ns = time.time_ns() - 10**10

    async with ingest(broker, small, disk=LEAST, health_port=port) as process, gateway(broker) as gw:

        def add(first: int, last: int) -> None:
            for seq in range(first, last + 1):
                gw.add(seq, column([float(seq)] * 20, times_ns=[base_ns + seq * 10**6] * 20))

        await gw.publish_catalog()
        add(1, 10)
        await gw.deliver()
        assert await failing(port) == []
        small.leave(60)
        try:
            await until_failing(port)
            told = len(gw.receipts)
            add(11, 40)
            with pytest.raises(TimeoutError):
                await gw.deliver(within_s=2)
            assert (len(gw.receipts), len(gw.open)) == (told, 30)
            assert not process.done()
            small.leave(90)  # more than the least, less than enough
            await asyncio.sleep(0.5)
            assert await failing(port) == ["disk"]
        finally:
            small.clear()
        await gw.deliver()
        assert gw.receipts[-1].committed == [(1, 40)]
        assert await failing(port) == []
    with psycopg.connect(small.server.dsn("owner")) as connection:
        query = "SELECT count(*), count(DISTINCT (value, series_id)) FROM telemetry.stored"
        assert connection.execute(query).fetchone() == (800, 800)
    said = capsys.readouterr().out
    assert said.count("no room for the database") == 1
    assert said.count("room for the database again") == 1
    assert "No space left" not in said


async def test_without_the_guard_the_database_itself_meets_the_full_disk(small, broker, capsys):
    """Negative control."""
    blind = {"free_least_bytes": 0, "free_least_percent": 0}
    async with ingest(broker, small, disk=blind), gateway(broker) as gw:
        await gw.publish_catalog(tags=1000)
        base_ns = time.time_ns() - 10**10
        small.leave(0)
        try:
            for seq in range(1, 41):
                gw.add(seq, column([float(seq)] * 1000, times_ns=[base_ns + seq * 10**6] * 1000))
            with pytest.raises(TimeoutError):
                await gw.deliver(within_s=4)
        finally:
            small.clear()
    assert "No space left" in capsys.readouterr().out


async def test_it_asks_the_database_where_its_data_lie(database):
    async with open_pool(database.settings("lw_ingest")) as pool, pool.connection() as connection:
        size, folder = await disk._asked(connection)
        guard = DiskGuard(DiskSettings(), Transactions(pool))
        await guard.look()
    assert folder == database.server.data_dir
    assert size > MIB
    assert not guard.is_low


def room(left: int) -> list[Room]:
    return [Room("here", left, 100, 125)]


def test_it_stops_below_the_least_and_goes_on_only_with_enough():
    guard = DiskGuard(DiskSettings(), None)
    low = []
    for left in (200, 100, 99, 110, 124, 125, 101, 99):
        guard.judge(room(left))
        low.append(guard.is_low)
    assert low == [False, False, True, True, True, False, False, True]
    assert "nothing is taken" in guard.trouble().cause


def test_the_larger_bound_counts_and_a_remote_database_has_its_size(tmp_path):
    total = os.statvfs(tmp_path).f_blocks * os.statvfs(tmp_path).f_frsize
    [here] = measure(DiskSettings(free_least_bytes=5, free_least_percent=50), 0, tmp_path)
    assert here.least_bytes == pytest.approx(total / 2, rel=0.01)
    [there] = measure(DiskSettings(database_bytes_most=100 * MIB), 99 * MIB, None)
    assert (there.left_bytes, there.least_bytes, there.enough_bytes) == (MIB, 0, 2 * MIB)
    assert measure(DiskSettings(), 99 * MIB, Path("/nowhere/at/all")) == []


def test_a_disk_that_nobody_can_see_is_told_once(capsys):
    guard = DiskGuard(DiskSettings(), None)
    guard.judge([])
    guard.judge([])
    assert capsys.readouterr().out.count("nobody watches") == 1


async def test_the_doctor_sees_it_too(small, monkeypatch):
    monkeypatch.setenv("LINEWRIGHT_DATABASE__DSN", small.server.dsn("owner"))
    layout = Layout(small.folder / "no-such-root")

    def found():
        return {one.what: (one.state, one.way_out) for one in cloud.database(layout)}

    assert found()["database disk"][0] == "fail"  # 360 MiB are less than the 1 GiB that shall be free
    monkeypatch.setattr(cloud, "DiskSettings", lambda: DiskSettings(**LEAST))
    assert found()["database disk"] == ("ok", "")
