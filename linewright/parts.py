"""The parts of a box that are servers of others: the embedded database, the broker, the simulated machines.

Each runs until cancelled or until what it started ends, and tells its parent READY=1 when it can be used.
"""

import asyncio
import json
import os

from pydantic import Field

from database.embedded import start_database
from database.roles import LOGINS
from database.settings import DatabaseSettings
from linewright import LinewrightError
from linewright.broker import Broker
from linewright.layout import Layout
from runtime.process import tell_systemd
from runtime.settings import Settings
from simulators.plant import Plant
from simulators.run import Outputs, run_plant


class ServerDied(LinewrightError):
    """A server that we started ended by itself; the supervisor starts it again."""


class MigrateSettings(Settings):
    """What `linewright migrate` needs: the owner's DSN."""

    database: DatabaseSettings = Field(description="With the DSN of the owner of the schema.")


async def run_database(layout: Layout) -> None:
    """PostgreSQL in the data folder, migrated; its connection strings stand in a file only we can read."""
    layout.make()
    with start_database(layout.postgres) as server:
        strings = {role: server.dsn(role) for role in ("owner", *LOGINS)}
        layout.connections.touch(mode=0o600)
        layout.connections.write_text(json.dumps(strings))
        tell_systemd("READY=1")
        await _until_exit(server.pid)
        raise ServerDied("PostgreSQL ended")


async def run_broker(layout: Layout, port: int) -> None:
    """An MQTT broker on loopback: mosquitto where it is installed, the packaged one elsewhere."""
    layout.make()
    async with Broker(layout.broker, port) as broker:
        tell_systemd("READY=1")
        await _until_exit(broker.pid)
        raise ServerDied("the broker ended")


async def _until_exit(pid: int) -> None:
    """Wait for a process that we started, without a thread and without polling."""
    gone = asyncio.Event()
    loop = asyncio.get_running_loop()
    watched = os.pidfd_open(pid)
    try:
        loop.add_reader(watched, gone.set)
        await gone.wait()
    finally:
        loop.remove_reader(watched)
        os.close(watched)


async def run_simulators(plant: Plant, outputs: Outputs) -> None:
    """Serve the machines of a plant; a gateway.toml that reads them is written when asked for."""
    for path in (outputs.truth, outputs.gateway_config):
        if path:
            path.parent.mkdir(parents=True, exist_ok=True)
    await run_plant(plant, outputs)
