"""The running parts that the ingest benchmark measures, each in a process of its own.

fleet process ──MQTT──► broker ──► ingest process ──► database ◄── packer process
"""

import asyncio
import contextlib
import json
import multiprocessing
import os
import secrets
import signal
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import numpy as np
import psycopg
from numpy.typing import NDArray
from psycopg import AsyncConnection
from psycopg.conninfo import make_conninfo

from database.embedded import start_database
from database.migrate import migrate
from database.roles import LOGINS, enable_logins
from ingest_service.settings import IngestSettings
from ingest_service.storage.packer import run_pack
from ingest_service.storage.settings import PackSettings
from ingest_service.worker import run_ingest
from linewright.broker import Broker
from protocols.broker import BrokerSettings
from runtime.process import die_with_parent, run
from runtime.settings import Settings
from simulators.fleet.check import Account, check
from simulators.fleet.plan import FleetPlan
from simulators.fleet.play import Drive, Played, play
from simulators.fleet.registration import register
from simulators.fleet.totals import differing_series

_spawn = multiprocessing.get_context("spawn")
_STOP_S = 10
_WINDOWS = 2

Dsn = Callable[[str], str]
"""Connection string of `owner` or of a role."""


@dataclass(frozen=True)
class Site:
    """A database and a broker; ingest and packer when asked for, then their process ids in `processes`."""

    backend: str
    dsn: Dsn
    broker: BrokerSettings
    processes: dict[str, int] = field(default_factory=dict)

    @contextlib.contextmanager
    def ingesting(self) -> Iterator[None]:
        settings = IngestSettings.model_validate(
            {"broker": self.broker, "database": self._database("ingest"), "quota": {"each": {"samples_per_s": 1e9}}}
        )
        with _process(_run_ingest, settings) as process:
            self.processes["ingest"] = process.pid or 0
            yield

    @contextlib.contextmanager
    def packing(self) -> Iterator[BaseProcess]:
        """Slices close and hours are merged after a minute, so that a run of some minutes has all of it in it."""
        settings = {"database": self._database("packer"), "slice": {"age_s": 60}, "merge_after_s": 60}
        with _process(_run_pack, PackSettings.model_validate(settings)) as packer:
            self.processes["packer"] = packer.pid or 0
            yield packer

    def _database(self, name: str) -> dict[str, str]:
        """The backends of a process are known by its name."""
        return {"dsn": make_conninfo(self.dsn("lw_ingest"), application_name=name)}

    def register(self, plan: FleetPlan) -> None:
        async def work() -> None:
            async with await AsyncConnection.connect(self.dsn("owner")) as connection:
                await register(connection, plan)

        asyncio.run(work())

    def play(self, plan: FleetPlan, drive: Drive, before: NDArray[np.int64] | None = None) -> Played:
        """Play a fleet in a process of its own; whatever it leaves without a receipt ends the benchmark."""
        with _spawn.Pool(1) as pool:
            played = pool.apply(_play, (plan, self.broker, drive, before))
        if played.open:
            raise AssertionError(f"{played.open} batches have no receipt")
        return played

    def check(self, plan: FleetPlan, made: NDArray[np.int64]) -> Account:
        """All series have to add up, and a few stretches are compared sample by sample; or the benchmark ends."""

        async def work() -> Account:
            async with await AsyncConnection.connect(self.dsn("owner")) as connection:
                return await check(connection, plan, made, _WINDOWS)

        differing, account = self.differing(plan, made), asyncio.run(work())
        if differing or account.missing or account.duplicated or account.wrong:
            raise AssertionError(f"what is stored is not what was sent: series {differing[:10]}, {account}")
        return account

    def differing(self, plan: FleetPlan, made: NDArray[np.int64]) -> list[int]:
        """The series that do not add up."""

        async def work() -> list[int]:
            async with await AsyncConnection.connect(self.dsn("owner")) as connection:
                return await differing_series(connection, plan, made)

        return asyncio.run(work())

    def ask(self, query: str, *values: object) -> Any:
        """The first field of the first row, as owner."""
        with self.owner() as connection:
            row = connection.execute(query.encode(), values or None).fetchone()
            return row and row[0]

    def owner(self) -> psycopg.Connection[Any]:
        return psycopg.connect(self.dsn("owner"), autocommit=True)

    def wal_bytes(self) -> int:
        """Written to the write-ahead log since the server was made."""
        return int(self.ask("SELECT pg_current_wal_lsn() - '0/0'::pg_lsn"))

    def checkpoint(self) -> None:
        """Nobody pays for the pages that another one has dirtied."""
        with self.owner() as connection:
            connection.execute("CHECKPOINT")


@contextlib.contextmanager
def open_site(timescale: str | None = None) -> Iterator[Site]:
    """Fresh parts on the embedded server, or in a database of its own on another one."""
    with contextlib.ExitStack() as opened:
        folder = Path(opened.enter_context(tempfile.TemporaryDirectory(prefix="lw-bench-")))
        folder.chmod(0o755)
        dsn = opened.enter_context(_database_on(timescale) if timescale else _embedded(folder))
        yield Site("timescale" if timescale else "plain", dsn, opened.enter_context(_broker(folder / "broker")))


@contextlib.contextmanager
def _embedded(folder: Path) -> Iterator[Dsn]:
    with start_database(folder / "postgres") as server:
        yield server.dsn


@contextlib.contextmanager
def _database_on(server: str) -> Iterator[Dsn]:
    name, password = f"bench_{secrets.token_hex(4)}", secrets.token_urlsafe(24)
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
        try:
            owner = make_conninfo(server, dbname=name)
            migrate(owner)
            enable_logins(owner, dict.fromkeys(LOGINS, password))
            yield lambda role: owner if role == "owner" else make_conninfo(owner, user=role, password=password)
        finally:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


@contextlib.contextmanager
def _broker(folder: Path) -> Iterator[BrokerSettings]:
    with asyncio.Runner() as runner:
        broker = Broker(folder)
        runner.run(broker.start())
        try:
            yield broker.settings
        finally:
            runner.run(broker.stop())


@contextlib.contextmanager
def _process(target: Callable[[str], None], settings: Settings) -> Iterator[BaseProcess]:
    process = _spawn.Process(target=target, args=(_dumped(settings),), daemon=True)
    process.start()
    try:
        yield process
    finally:
        process.terminate()
        process.join(_STOP_S)


def _dumped(settings: Settings) -> str:
    data = settings.model_dump(mode="json")
    data["database"]["dsn"] = settings.database.dsn.get_secret_value()  # type: ignore[attr-defined]
    return json.dumps(data)


def _run_ingest(dumped: str) -> None:
    die_with_parent()
    run(run_ingest(IngestSettings.model_validate_json(dumped)))


def _run_pack(dumped: str) -> None:
    die_with_parent()
    run(run_pack(PackSettings.model_validate_json(dumped)))


def _play(plan: FleetPlan, broker: BrokerSettings, drive: Drive, before: NDArray[np.int64] | None) -> Played:
    die_with_parent()
    return asyncio.run(play(plan, broker, drive, before))


@contextlib.contextmanager
def paused(process: BaseProcess) -> Iterator[None]:
    """Stopped where it stands, so that it costs nothing while something else is measured."""
    assert process.pid
    os.kill(process.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(process.pid, signal.SIGCONT)
