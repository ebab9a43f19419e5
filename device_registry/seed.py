"""A tenant from plain data: site, models, machines with tags and limits, gateways, people, one label a machine.

    SeedTenant ──► registry.*, alarm.limit_rule ──► Seeded (ids, labels, passwords told once)

Runs as the owner, in a transaction of the caller. Running it again adds what is missing and changes nothing that is
there, so a person's own settings and passwords stay.
"""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any
from uuid import UUID, uuid4

from database.pool import Connection, set_tenant
from database.queries import load_queries
from device_registry import LoginTaken, people
from device_registry.plant import SeedMachine, SeedPerson, SeedTag, SeedTenant
from device_registry.records import Label
from device_registry.store import create_label, find_machine_label

queries = load_queries(__file__)


@dataclass(frozen=True, slots=True)
class Seeded:
    """What stands in the database now, by the names of the plain data."""

    tenant_id: UUID
    slug: str
    machines: dict[str, UUID]
    tags: dict[tuple[str, str], UUID]
    series: dict[tuple[str, str], int]
    gateways: dict[str, UUID]
    people: dict[str, UUID]
    labels: dict[str, Label]
    passwords: dict[str, str]  # of the people made this time, by login


async def seed(connection: Connection, plant: SeedTenant) -> Seeded:
    """Write what is missing.

    Raises:
        LoginTaken: a login belongs to somebody of another tenant.
        WeakPassword: a given password is too easy to guess.
    """
    tenant_id = await _tenant(connection, plant)
    await connection.execute(queries.seed_site, {"slug": plant.site, "name": plant.site_name})
    await _each(connection, queries.seed_model, map(asdict, plant.models))
    await _each(connection, queries.seed_machine, (_machine_values(plant, machine) for machine in plant.machines))
    await _each(connection, queries.seed_tag, _tag_values(plant.machines))
    await _each(connection, queries.seed_limit, _limit_values(plant.machines))
    await _each(connection, queries.seed_gateway, ({"slug": slug, "site": plant.site} for slug in plant.gateways))
    passwords = {person.login: await _person(connection, person) for person in plant.people}
    machines = await _ids(connection, queries.seeded_machines)
    tags = await (await connection.execute(queries.seeded_tags)).fetchall()
    return Seeded(
        tenant_id=tenant_id,
        slug=plant.slug,
        machines=machines,
        tags={(machine, tag): tag_id for machine, tag, tag_id, _ in tags},
        series={(machine, tag): series_id for machine, tag, _, series_id in tags},
        gateways=await _ids(connection, queries.seeded_gateways),
        people=await _ids(connection, queries.seeded_people),
        labels={slug: await _label(connection, machine_id) for slug, machine_id in machines.items()},
        passwords={login: password for login, password in passwords.items() if password},
    )


async def _tenant(connection: Connection, plant: SeedTenant) -> UUID:
    found = await (await connection.execute(queries.find_tenant, {"slug": plant.slug})).fetchone()
    tenant_id: UUID = found[0] if found else uuid4()
    await set_tenant(connection, tenant_id)  # row-level security binds the owner too, unless it is a superuser
    if not found:
        await connection.execute(queries.seed_tenant, {"id": tenant_id, "slug": plant.slug, "name": plant.name})
    return tenant_id


async def _person(connection: Connection, person: SeedPerson) -> str | None:
    """The password of a person made now, None for one who is there already."""
    known = await (await connection.execute(queries.find_person, {"login": person.login})).fetchone()
    if known and not known[0]:
        raise LoginTaken(f"the login {person.login!r} belongs to somebody else; choose another one")
    if known:
        return None
    password = person.password or people.random_password()
    people.check_password(person.login, password)
    values = asdict(person) | {"roles": list(person.roles), "password_hash": people.hash_password(password)}
    await connection.execute(queries.seed_person, values)
    return password


async def _label(connection: Connection, machine_id: UUID) -> Label:
    return await find_machine_label(connection, machine_id) or await create_label(connection, machine_id)


async def _each(connection: Connection, query: str, rows: Iterable[dict[str, Any]]) -> None:
    async with connection.cursor() as cursor:
        await cursor.executemany(query, list(rows))


async def _ids(connection: Connection, query: str) -> dict[str, UUID]:
    return dict(await (await connection.execute(query)).fetchall())


def _machine_values(plant: SeedTenant, machine: SeedMachine) -> dict[str, Any]:
    values = asdict(machine) | {"site": plant.site}
    del values["tags"]
    return values


def _tag_values(machines: Iterable[SeedMachine]) -> Iterable[dict[str, Any]]:
    for machine, tag in _tags(machines):
        yield {"machine": machine.slug, "slug": tag.slug, "name": tag.name, "unit": tag.unit, "kind": tag.kind}


def _limit_values(machines: Iterable[SeedMachine]) -> Iterable[dict[str, Any]]:
    for machine, tag in _tags(machines):
        for limit in tag.limits:
            yield asdict(limit) | {"machine": machine.slug, "tag": tag.slug}


def _tags(machines: Iterable[SeedMachine]) -> Iterable[tuple[SeedMachine, SeedTag]]:
    return ((machine, tag) for machine in machines for tag in machine.tags)
