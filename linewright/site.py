"""Everything on one box, as an order of starting: each line stands on the ones above it.

    database, broker, simulated plant ─► seed ─► ingest, pack, anomaly, maintenance, api, gateways

What stands on one line starts side by side. Closing the context stops the lines the other way round.
"""

import asyncio
import contextlib
import json
import os
import socket
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from psycopg.conninfo import make_conninfo

from database.migrate import migrate
from database.roles import LOGINS, enable_logins
from linewright import LinewrightError
from linewright.broker import Broker
from linewright.children import Child, running, service
from linewright.lan import certificate_for, lan_address
from linewright.layout import Layout
from linewright.own_gateway import write_sample
from linewright.progress import Progress
from linewright.seeding import DEMO_GATEWAY, seed
from linewright.welcome import Login
from protocols.broker import BrokerSettings
from runtime.settings import Settings, load

OWN_DATABASE = "LINEWRIGHT_DATABASE__DSN"
OWN_BROKER = "LINEWRIGHT_BROKER__HOST"
BROKER_PORT = 1883
LOOPBACK = "127.0.0.1"


class BrokerSection(Settings):
    """The part of every service's settings that names the broker."""

    broker: BrokerSettings


class PortTaken(LinewrightError):
    """Another program uses a port that we need."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What to bring up and where."""

    layout: Layout
    plant: Path | None = None
    port: int = 8080
    lan: bool = False
    # The program that plays `linewright gateway`; chaos tests put one in that forgets too early.
    gateway_program: Sequence[str] = (sys.executable, "-m", "linewright", "gateway")


@dataclass
class Site:
    """A running installation."""

    url: str
    scan_url: str
    logins: tuple[Login, ...]
    connections: Mapping[str, str]
    broker: BrokerSettings
    children: dict[str, Child] = field(default_factory=dict)


@contextlib.asynccontextmanager
async def open_site(plan: Plan, progress: Progress) -> AsyncIterator[Site]:
    """Bring the whole box up; enters when every service has said that it is ready.

    Raises:
        LinewrightError: a port is taken, a service does not start.
    """
    _refuse_taken_port(plan)
    plan.layout.make()
    broker = _broker(plan)
    async with contextlib.AsyncExitStack() as stack:
        started = _Starter(stack)
        with progress.step(f"database, broker{', simulated machines' if plan.plant else ''}"):
            await started.together(_foundations(plan, broker))
            connections = await asyncio.to_thread(_connections, plan.layout)
        with progress.step("people, machines, limits, labels"):
            seeded = await asyncio.to_thread(seed, connections["owner"], plan.plant)
        address, url = _addresses(plan)
        scan_url = f"{url}/q/{seeded.label_token}" if seeded.label_token else url
        site = Site(url, scan_url, seeded.logins, connections, broker, started.children)
        if not plan.plant:
            write_sample(plan.layout, seeded.tenant)
        with progress.step("ingest, storage, alarms, work orders, pages, gateways"):
            await started.together([*_services(plan, site, address), *_gateways(plan, broker)])
        yield site


class _Starter:
    """Starts children into one exit stack and remembers them by name."""

    def __init__(self, stack: contextlib.AsyncExitStack) -> None:
        self._stack = stack
        self.children: dict[str, Child] = {}

    async def together(self, children: Sequence[Child]) -> None:
        """Start side by side; they also stop side by side."""
        self.children |= {child.name: child for child in children}
        await self._stack.enter_async_context(_all_running(children))


@contextlib.asynccontextmanager
async def _all_running(children: Sequence[Child]) -> AsyncIterator[None]:
    stacks = [contextlib.AsyncExitStack() for _ in children]
    try:
        async with asyncio.TaskGroup() as starting:
            for stack, child in zip(stacks, children, strict=True):
                starting.create_task(stack.enter_async_context(running(child)))
        yield
    finally:
        async with asyncio.TaskGroup() as stopping:
            for stack in stacks:
                stopping.create_task(stack.aclose())


def _foundations(plan: Plan, broker: BrokerSettings) -> list[Child]:
    """What needs nobody: servers of our own where none is named, and the simulated machines."""
    data = ["--data", str(plan.layout.root)]
    children = []
    if OWN_DATABASE not in os.environ:
        children.append(service("database", ["database", *data], {}, plan.layout.logs))
    if OWN_BROKER not in os.environ:
        children.append(service("broker", ["broker", *data, "--port", str(broker.port)], {}, plan.layout.logs))
    if plan.plant:
        children.append(_simulator(plan, plan.plant))
    return children


def _broker(plan: Plan) -> BrokerSettings:
    """The broker that the environment names, else ours: on the usual port if it is free.

    A simulated plant leaves the usual port to real ones: while their broker starts anew, it must not be met there.
    """
    if OWN_BROKER in os.environ:
        return load(BrokerSection, None).broker
    usual = not plan.plant and all(_is_free(port) for port in (BROKER_PORT, BROKER_PORT + 1))
    return Broker(plan.layout.broker, BROKER_PORT if usual else 0).settings


def _connections(layout: Layout) -> dict[str, str]:
    """Connection strings by role: of the embedded server, or of the one that the environment names."""
    owner_dsn = os.environ.get(OWN_DATABASE)
    if not owner_dsn:
        strings: dict[str, str] = json.loads(layout.connections.read_text())
        return strings
    migrate(owner_dsn)
    passwords = layout.passwords(LOGINS)
    enable_logins(owner_dsn, passwords)
    by_role = {role: make_conninfo(owner_dsn, user=role, password=passwords[role]) for role in LOGINS}
    return {"owner": owner_dsn} | by_role


def _services(plan: Plan, site: Site, address: str) -> list[Child]:
    environment = broker_environment(site.broker)
    roles = {
        "ingest": "lw_ingest",
        "pack": "lw_ingest",
        "anomaly": "lw_worker",
        "maintenance": "lw_worker",
        "api": "lw_app",
    }
    children = []
    for name, role in roles.items():
        own = {"LINEWRIGHT_DATABASE__DSN": site.connections[role]}
        if name not in {"pack", "maintenance"}:
            own |= environment
        if name == "api":
            own |= _api_environment(plan, site.url, address)
        children.append(service(name, [name], own, plan.layout.logs))
    return children


def _api_environment(plan: Plan, url: str, address: str) -> dict[str, str]:
    environment = {
        "LINEWRIGHT_HOST": "0.0.0.0" if plan.lan else LOOPBACK,
        "LINEWRIGHT_PORT": str(plan.port),
        "LINEWRIGHT_PUBLIC_URL": url,
    }
    if plan.lan:
        made = certificate_for(address, plan.layout.tls)
        environment |= {"LINEWRIGHT_TLS_CERT": str(made.cert), "LINEWRIGHT_TLS_KEY": str(made.key)}
    return environment


def _addresses(plan: Plan) -> tuple[str, str]:
    address = lan_address() if plan.lan else LOOPBACK
    return address, f"{'https' if plan.lan else 'http'}://{address}:{plan.port}"


def _simulator(plan: Plan, plant: Path) -> Child:
    arguments = [
        "simulate", str(plant), "--truth", str(plan.layout.truth),
        "--gateway-config", str(plan.layout.gateways / f"{DEMO_GATEWAY}.toml"),
        "--spool", str(plan.layout.spools / f"{DEMO_GATEWAY}.spool"),
    ]  # fmt: skip
    return service("simulate", arguments, {}, plan.layout.logs)


def _gateways(plan: Plan, broker: BrokerSettings) -> list[Child]:
    """One child for each file in `gateways/` that names at least one device."""
    children = []
    for path in sorted(plan.layout.gateways.glob("*.toml")):
        if "\n[[devices]]" in f"\n{path.read_text()}":
            name = f"gateway-{path.stem}"
            arguments = [*plan.gateway_program, "--config", str(path)]
            children.append(Child(name, arguments, broker_environment(broker), plan.layout.logs / f"{name}.log"))
    return children


def broker_environment(broker: BrokerSettings) -> dict[str, str]:
    """How a service is told where the broker is."""
    return {
        "LINEWRIGHT_BROKER__HOST": broker.host,
        "LINEWRIGHT_BROKER__PORT": str(broker.port),
        "LINEWRIGHT_BROKER__PORT_MQTT5": str(broker.mqtt5_port),
    }


def _refuse_taken_port(plan: Plan) -> None:
    if not _is_free(plan.port):
        raise PortTaken(f"port {plan.port} is used by another program; stop that one, or choose another: --port 8081")


def _is_free(port: int) -> bool:
    with socket.socket() as trying:
        trying.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trying.bind((LOOPBACK, port))
        except OSError:
            return False
    return True
