"""What an installation starts with: a tenant, people who can log in, the machines of a simulated plant.

    Plant ──► SeedTenant ──► device_registry.seed ──► Seeded (logins told once, the label to scan)
"""

import asyncio
import os
from dataclasses import asdict, dataclass
from pathlib import Path

import psycopg

from device_registry import seed as registry
from device_registry.plant import SeedLimit, SeedMachine, SeedModel, SeedPerson, SeedTag, SeedTenant
from linewright.welcome import Login
from simulators.plant import MachineSettings, Plant, load_plant
from simulators.tags import TagSpec

ROLES = ("planner", "technician", "operator", "admin")
DEMO_GATEWAY = "gw-1"
_KIND = {"float64": "float", "int64": "int", "bool": "bool", "text": "text"}
_NAMES = {
    "zh": {"planner": "计划员", "technician": "维修工", "operator": "操作工", "admin": "管理员"},
    "en": {"planner": "Planner", "technician": "Technician", "operator": "Operator", "admin": "Admin"},
}


@dataclass(frozen=True, slots=True)
class Seeded:
    """What a person is told after seeding."""

    tenant: str
    logins: tuple[Login, ...]
    label_token: str | None


def seed(owner_dsn: str, plant_file: Path | None) -> Seeded:
    """Write what is missing; what is there stays as it is.

    Raises:
        SettingsError: the plant file cannot be used.
    """
    tenant = tenant_of(load_plant(plant_file)) if plant_file else SMALL_SITE
    return asyncio.run(_seed(owner_dsn, tenant))


async def _seed(owner_dsn: str, tenant: SeedTenant) -> Seeded:
    async with await psycopg.AsyncConnection.connect(owner_dsn) as connection, connection.transaction():
        made = await registry.seed(connection, tenant)
    logins = tuple(Login(login, password, login) for login, password in made.passwords.items())
    # The pump is the machine that fails in the demo; its label is the one to scan.
    label = made.labels.get("pump-1") or next(iter(made.labels.values()), None)
    return Seeded(tenant.slug, logins, label.token if label else None)


SMALL_SITE = SeedTenant(
    slug="site",
    name="My plant",
    site="site-1",
    site_name="Site 1",
    gateways=(DEMO_GATEWAY,),
    people=(SeedPerson("admin", "Admin", ("admin", "planner", "technician", "operator")),),
)


def tenant_of(plant: Plant) -> SeedTenant:
    """A simulated plant as the registry takes it, with names in the language of this terminal."""
    language = terminal_language()
    models = {machine.model: _model(machine) for machine in plant.machines}
    return SeedTenant(
        slug=plant.tenant,
        name=plant.site_name,
        site=plant.site,
        site_name=plant.site_name,
        models=tuple(models.values()),
        machines=tuple(_machine(machine, language) for machine in plant.machines),
        gateways=(DEMO_GATEWAY,),
        people=tuple(SeedPerson(role, _NAMES[language][role], (role,)) for role in ROLES),
    )


def _model(machine: MachineSettings) -> SeedModel:
    return SeedModel(machine.model, machine.model_name, machine.kind, machine.maker)


def terminal_language() -> str:
    """`zh` where the locale says so, else `en`."""
    locale = os.environ.get("LC_ALL") or os.environ.get("LC_MESSAGES") or os.environ.get("LANG") or ""
    return "zh" if locale.startswith("zh") else "en"


def _machine(machine: MachineSettings, language: str) -> SeedMachine:
    return SeedMachine(
        slug=machine.slug,
        name=machine.name_zh if language == "zh" else machine.name_en,
        model=machine.model,
        tags=tuple(_tag(spec, language) for spec in machine.tags),
        criticality=machine.criticality,
        serial=machine.serial,
    )


def _tag(spec: TagSpec, language: str) -> SeedTag:
    limits = tuple(SeedLimit(**asdict(limit)) for limit in spec.limits)
    return SeedTag(spec.slug, spec.zh if language == "zh" else spec.en, spec.unit, _KIND[spec.type], limits)
