"""A plant in real time: its physics ticks, its servers show every tick, until cancelled.

every tick_s: PlantPhysics.advance(tick_s · speed) ──values──► servers        faults ──► links, truth
once listening: gateway.toml is written (as a whole), `on_ready` is called, systemd is told
"""

import asyncio
import contextlib
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import structlog

from runtime.process import tell_systemd
from simulators.gateway_config import Endpoint, GatewayTarget, gateway_toml
from simulators.links import Link, PlantServer
from simulators.modbus_server import Handed, ModbusServer
from simulators.opcua_server import OpcuaServer
from simulators.physics import PlantPhysics
from simulators.plant import Plant, ServerSettings
from simulators.spindle import Spindle
from simulators.truth import Series, TruthFile

log = structlog.get_logger()

Ready = Callable[[Mapping[str, Endpoint]], None]
"""Called once with the endpoint of every server, by name, when all of them listen."""


@dataclass(frozen=True, slots=True)
class Outputs:
    """Files to leave behind: the truth (appended), and the configuration of a gateway that reads this plant."""

    truth: Path | None = None
    gateway_config: Path | None = None
    target: GatewayTarget | None = None


async def run_plant(plant: Plant, outputs: Outputs, on_ready: Ready | None = None) -> None:
    """Serve `plant` until cancelled.

    Raises:
        ServerDown: a port is taken.
    """
    with contextlib.ExitStack() as files:
        truth = files.enter_context(TruthFile(outputs.truth)) if outputs.truth else None
        physics = PlantPhysics(plant)
        async with contextlib.AsyncExitStack() as stack:
            links = {}
            for settings in plant.servers:
                link = Link(_server(plant, settings, physics, truth), plant.machines_of(settings.name), truth)
                await _show(link, physics)
                await link.open()
                stack.push_async_callback(link.close)
                links[settings.name] = link
            endpoints = {name: Endpoint(link.server.host, link.server.port) for name, link in links.items()}
            _announce(plant, outputs, endpoints)
            if on_ready:
                on_ready(endpoints)
            await _tick(plant, physics, list(links.values()), truth)


def subscribed_series(plant: Plant) -> frozenset[Series]:
    """The tags whose values carry their source time, as the audit has to know them."""
    return frozenset(
        (machine.slug, spec.slug)
        for machine in plant.machines
        if plant.server(machine.server).protocol == "opcua"
        for spec in machine.tags
        if spec.slug not in machine.polled
    )


def _server(plant: Plant, settings: ServerSettings, physics: PlantPhysics, truth: TruthFile | None) -> PlantServer:
    machines = plant.machines_of(settings.name)
    handed: Handed | None = truth.handed if truth else None
    if settings.protocol == "modbus":
        return ModbusServer(settings, machines, handed)

    def reset_part_counter(slug: str) -> None:
        machine = physics.machine(slug)
        if isinstance(machine, Spindle):
            machine.reset_part_counter()

    return OpcuaServer(settings, machines, handed, reset_part_counter)


def _announce(plant: Plant, outputs: Outputs, endpoints: Mapping[str, Endpoint]) -> None:
    if outputs.gateway_config:
        target = outputs.target or GatewayTarget(plant.tenant)
        partial = outputs.gateway_config.with_suffix(".partial")
        partial.write_text(gateway_toml(plant, endpoints, target), encoding="utf-8")
        partial.replace(outputs.gateway_config)  # whoever waits for the file never reads half of it
    log.info("ready", **{name: f"{endpoint.host}:{endpoint.port}" for name, endpoint in endpoints.items()})
    tell_systemd("READY=1")


async def _tick(plant: Plant, physics: PlantPhysics, links: list[Link], truth: TruthFile | None) -> None:
    """Step and show for ever, at the pace of the wall clock; a box that is too slow makes the plant slower."""
    loop = asyncio.get_running_loop()
    due = loop.time()
    async with asyncio.TaskGroup() as tasks:
        while True:
            for change in physics.advance(plant.tick_s * plant.speed):
                log.info("fault", machine=change.machine, fault=str(change.fault), phase=str(change.phase))
                if truth:
                    truth.fault(change.machine, change.fault, change.phase)
            for link in links:
                await link.follow({machine.slug: physics.levels(machine.slug) for machine in link.machines}, tasks)
                await _show(link, physics)
            due = max(due + plant.tick_s, loop.time() - plant.tick_s)
            await asyncio.sleep(due - loop.time())


async def _show(link: Link, physics: PlantPhysics) -> None:
    for machine in link.machines:
        await link.server.show(machine.slug, physics.values(machine.slug), time.time_ns())
