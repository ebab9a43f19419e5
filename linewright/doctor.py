"""`linewright doctor`: look at this box from every side; each finding says what is wrong and the way out."""

import asyncio
import json
import os
import shutil
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

import psycopg

from linewright.layout import Layout
from runtime.settings import SettingsError, load

_FREE_BYTES_LEAST = 2 << 30
_ANSWER_WITHIN_S = 3.0
_WEB = Path(__file__).parents[1] / "web" / "dist" / "index.html"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at. `way_out` is what to do when it is not well."""

    what: str
    state: Literal["ok", "warn", "fail"]
    told: str = ""
    way_out: str = ""


async def examine(data: Path, gateway_config: Path | None) -> bool:
    """Print all findings; True when nothing must be done."""
    well = True
    async for finding in _findings(Layout(data), gateway_config):
        print(f"  {finding.state:<5} {finding.what:<28} {finding.told}")
        if finding.state != "ok":
            print(f"        → {finding.way_out}")
        well = well and finding.state != "fail"
    return well


async def _findings(layout: Layout, gateway_config: Path | None) -> AsyncIterator[Finding]:
    yield _disk(layout.root)
    yield _clock()
    yield _app()
    yield _secrets(layout)
    yield await asyncio.to_thread(_database, layout)
    configs = [gateway_config] if gateway_config else sorted(layout.gateways.glob("*.toml"))
    for config in configs:
        async for finding in _gateway(config):
            yield finding


def _disk(root: Path) -> Finding:
    existing = next(folder for folder in (root, *root.parents) if folder.exists())
    free = shutil.disk_usage(existing).free
    told = f"{free / (1 << 30):.1f} GiB free for {root}"
    if free > _FREE_BYTES_LEAST:
        return Finding("disk", "ok", told)
    return Finding("disk", "fail", told, "free some space or move the data: linewright up --data /larger/disk")


def _clock() -> Finding:
    """Whether the kernel believes its clock to be synchronised (what `timedatectl` shows)."""
    synced = Path("/run/systemd/timesync/synchronized").exists() or Path("/run/chrony").exists()
    if synced:
        return Finding("clock", "ok", "synchronised")
    return Finding(
        "clock", "warn", "no time synchronisation seen",
        "stamps are only as right as this clock: install chrony, or give systemd-timesyncd a server in your network",
    )  # fmt: skip


def _app() -> Finding:
    if _WEB.exists():
        return Finding("phone app", "ok", "built")
    return Finding("phone app", "warn", "not built", "run: make web")


def _secrets(layout: Layout) -> Finding:
    open_to_others = [path for path in layout.connections.parent.glob("*") if path.stat().st_mode & 0o077]
    if not open_to_others:
        return Finding("secrets", "ok", "readable by their owner only")
    names = " ".join(str(path) for path in open_to_others)
    return Finding("secrets", "fail", "readable by others", f"run: chmod 600 {names}")


def _database(layout: Layout) -> Finding:
    dsn = os.environ.get("LINEWRIGHT_DATABASE__DSN")
    if not dsn and layout.connections.exists():
        dsn = json.loads(layout.connections.read_text())["owner"]
    if not dsn:
        return Finding("database", "warn", "none yet", "`linewright up` makes one; or set LINEWRIGHT_DATABASE__DSN")
    try:
        with psycopg.connect(dsn, connect_timeout=int(_ANSWER_WITHIN_S)) as connection:
            letters = connection.execute("SELECT count(*) FROM telemetry.dead_letter").fetchone()
    except psycopg.errors.UndefinedTable:
        return Finding("database", "fail", "the schema is missing or old", "run: linewright migrate")
    except psycopg.Error as error:
        told = str(error).splitlines()[0]
        return Finding("database", "fail", told, "is `linewright up` running? Or check LINEWRIGHT_DATABASE__DSN")
    if letters and letters[0]:
        return Finding(
            "database", "warn", f"{letters[0]} refused payloads",
            "SELECT received_at, topic, reason, detail FROM telemetry.dead_letter ORDER BY 1 DESC LIMIT 20",
        )  # fmt: skip
    return Finding("database", "ok", "answers, nothing was refused")


async def _gateway(config: Path) -> AsyncIterator[Finding]:
    from edge_gateway.settings import GatewaySettings

    what = config.name
    try:
        settings = load(GatewaySettings, config)
    except SettingsError as error:
        yield Finding(what, "fail", str(error), "mend that line; linewright gateway --check tries it")
        return
    yield Finding(what, "ok", f"{len(settings.devices)} devices")
    yield await _reaches(f"{what}: broker", settings.broker.host, settings.broker.port)
    for host, port in sorted({_endpoint(device.endpoint) for device in settings.devices}):
        yield await _reaches(f"{what}: device", host, port)


def _endpoint(text: str) -> tuple[str, int]:
    parts = urlsplit(text if "//" in text else f"//{text}")
    return parts.hostname or "", parts.port or 0


async def _reaches(what: str, host: str, port: int) -> Finding:
    told = f"{host}:{port}"
    try:
        async with asyncio.timeout(_ANSWER_WITHIN_S):
            _, writer = await asyncio.open_connection(host, port)
        writer.close()
    except (OSError, TimeoutError, socket.gaierror) as error:
        cause = str(error) or "no answer"
        way_out = "is it switched on, in this network, and not behind a firewall?"
        return Finding(what, "fail", f"{told}: {cause}", way_out)
    return Finding(what, "ok", told)
