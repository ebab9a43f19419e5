"""What `linewright export` does: a range of a machine's tags into a file, however large.

    DSN of lw_worker ──► tenant ──► machine ──► tags ──► ingest_service.export ──► FILE.part ──► FILE

The file appears when it is whole. What the HTTP API refuses as too much for one download, this writes.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from uuid import UUID

from pydantic import Field

from database.pool import Connection, Pool, open_pool, tenant_transaction, transaction
from database.settings import DatabaseSettings
from device_registry import store as registry
from device_registry.records import Tag
from ingest_service import export as telemetry
from ingest_service.export import Resolution, Source
from linewright import LinewrightError
from linewright.layout import Layout
from runtime.settings import Settings, load

# Of a text tag nobody wants to know beforehand how many rows it has beyond this.
_COUNTED_MOST = 100_000_000
_MACHINES_MOST = 1_000_000
_TENANTS = "SELECT slug, tenant_id FROM registry.tenant ORDER BY slug"


class NotThere(LinewrightError):
    """No such tenant, machine, tag or data folder; the text names those that there are."""


class BadTime(LinewrightError):
    """Not a time that can be understood, or a period that ends before it begins."""


class UnknownResolution(LinewrightError):
    """Neither raw nor a step that is kept."""


class ExportSettings(Settings):
    """What `linewright export` needs."""

    database: DatabaseSettings = Field(description="With the DSN of the role lw_worker.")


@dataclass(frozen=True, slots=True)
class Asked:
    """As it stands on the command line; without tags all, without tenant the only one."""

    machine: str
    tags: tuple[str, ...]
    since: datetime
    until: datetime
    resolution: Resolution
    format: str
    excel: bool
    tenant: str | None


def database_of(config: Path | None, data: Path) -> DatabaseSettings:
    """Where to ask: the configured database, else the embedded one of a data folder."""
    connections = Layout(data).connections
    if config is None and connections.is_file():
        return DatabaseSettings.model_validate({"dsn": json.loads(connections.read_text())["lw_worker"]})
    return load(ExportSettings, config).database


def time_of(text: str) -> datetime:
    """A time as people write it; without an offset it is UTC.

    Raises:
        BadTime.
    """
    try:
        time = datetime.fromisoformat(text)
    except ValueError as error:
        raise BadTime(f"{text!r} is no time; write 2026-03-01, 2026-03-01T08:00 or 2026-03-01T08:00+08:00") from error
    return time if time.tzinfo else time.replace(tzinfo=UTC)


def resolution_of(text: str) -> Resolution:
    """Raises UnknownResolution."""
    try:
        return Resolution(text)
    except ValueError as error:
        raise UnknownResolution(f"--resolution {text}: there are {', '.join(Resolution)}") from error


async def export(database: DatabaseSettings, asked: Asked, output: Path) -> None:
    """Write the file; it is there when it is whole.

    Raises:
        NotThere, BadTime, ParquetMissing, NoLongerThere.
    """
    if asked.since >= asked.until:
        raise BadTime(f"the period ends at {asked.until}, before it begins at {asked.since}")
    async with open_pool(database) as pool:
        tenant_id = await _tenant(pool, asked.tenant)
        async with tenant_transaction(pool, tenant_id) as connection:
            wanted = telemetry.Wanted(await _sources(connection, asked), asked.since, asked.until, asked.resolution)
            planned = await telemetry.plan(connection, wanted, _COUNTED_MOST)
        written = telemetry.table(asked.format, asked.resolution, excel=asked.excel)
        part = output.with_name(output.name + ".part")
        try:
            with part.open("wb") as file:
                async for block in telemetry.stream(planned, partial(tenant_transaction, pool, tenant_id), written):
                    file.write(block)
            part.replace(output)
        finally:
            part.unlink(missing_ok=True)


async def _tenant(pool: Pool, slug: str | None) -> UUID:
    async with transaction(pool) as connection:
        tenants: dict[str, UUID] = dict(await (await connection.execute(_TENANTS)).fetchall())
    if slug is None and len(tenants) == 1:
        return next(iter(tenants.values()))
    if slug not in tenants:
        raise NotThere(f"--tenant {slug or ''}: there are {_listed(list(tenants))}")
    return tenants[slug]


async def _sources(connection: Connection, asked: Asked) -> tuple[Source, ...]:
    machines = {one.slug: one.id for one in await registry.list_machines(connection, limit=_MACHINES_MOST)}
    if asked.machine not in machines:
        raise NotThere(f"there is no machine {asked.machine!r}; there are {_listed(list(machines))}")
    tags = await registry.list_tags(connection, [machines[asked.machine]])
    unknown = set(asked.tags) - {tag.slug for tag in tags}
    if unknown:
        raise NotThere(f"{asked.machine} has no tag {min(unknown)!r}; it has {_listed([tag.slug for tag in tags])}")
    return tuple(
        Source(tag.series_id, asked.machine, tag.slug, tag.unit, tag.kind) for tag in tags if _is_wanted(tag, asked)
    )


def _is_wanted(tag: Tag, asked: Asked) -> bool:
    fits = asked.resolution is Resolution.RAW or tag.kind != "text"
    return fits and (not asked.tags or tag.slug in asked.tags)


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - 20} more" if len(names) > 20 else ""
    return (", ".join(names[:20]) or "none") + more
