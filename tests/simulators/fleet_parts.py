"""A fleet against real parts: an ingest process of its own, and the account of what came of it."""

import asyncio
import contextlib
import os
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import psycopg

from simulators.fleet.check import Account, check
from simulators.fleet.plan import FleetPlan
from simulators.fleet.play import Played
from simulators.fleet.registration import register

ROOT = Path(__file__).parents[2]


@contextlib.asynccontextmanager
async def ingest_process(broker, database) -> AsyncIterator[subprocess.Popen[bytes]]:
    """`linewright ingest` as a person runs it, once it is subscribed."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as line:
        name = f"fleet-test-{uuid4()}"
        line.bind(f"\0{name}")
        line.setblocking(False)
        environ = os.environ | {
            "PYTHONPATH": str(ROOT),
            "NOTIFY_SOCKET": f"@{name}",
            "LINEWRIGHT_DATABASE__DSN": database.dsn("lw_ingest"),
            "LINEWRIGHT_BROKER__PORT": str(broker.settings.port),
            "LINEWRIGHT_BROKER__PORT_MQTT5": str(broker.settings.mqtt5_port),
        }
        process = subprocess.Popen([sys.executable, "-m", "linewright", "ingest"], env=environ, cwd=ROOT)  # noqa: ASYNC220
        try:
            async with asyncio.timeout(30):
                assert await asyncio.get_running_loop().sock_recv(line, 100) == b"READY=1"
            yield process
        finally:
            process.terminate()
            await asyncio.to_thread(process.wait, 10)


@contextlib.asynccontextmanager
async def owner(database) -> AsyncIterator[psycopg.AsyncConnection]:
    async with await psycopg.AsyncConnection.connect(database.dsn("owner")) as connection:
        yield connection


async def registered(database, plan: FleetPlan) -> None:
    async with owner(database) as connection:
        await register(connection, plan)


async def account(database, played: Played) -> Account:
    async with owner(database) as connection:
        return await check(connection, played.plan, played.made)
