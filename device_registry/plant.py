"""Plain data of a tenant, as `seed` takes it; whoever calls it (the demo, a test, an import) fills it in."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SeedLimit:
    """An alarm limit: `kind` high_high, high, low or low_low; deadband in the tag's unit."""

    kind: str
    threshold: float
    cause: str
    deadband: float = 0.0
    on_delay_s: float = 0.0
    off_delay_s: float = 0.0
    priority: str = "high"


@dataclass(frozen=True, slots=True)
class SeedTag:
    """A measured quantity; `kind` float, int, bool or text."""

    slug: str
    name: str
    unit: str = ""
    kind: str = "float"
    limits: tuple[SeedLimit, ...] = ()


@dataclass(frozen=True, slots=True)
class SeedModel:
    """A type of machine; `machine_class` compressor, pump, spindle, press or other."""

    slug: str
    name: str
    machine_class: str
    maker: str = ""


@dataclass(frozen=True, slots=True)
class SeedMachine:
    """A machine at the tenant's site; `model` is a slug."""

    slug: str
    name: str
    model: str
    tags: tuple[SeedTag, ...] = ()
    criticality: str = "B"
    serial: str = ""


@dataclass(frozen=True, slots=True)
class SeedPerson:
    """Somebody who logs in; without a password a random one is made and told once."""

    login: str
    name: str
    roles: tuple[str, ...]
    language: str = "zh-CN"
    password: str | None = None


@dataclass(frozen=True, slots=True)
class SeedTenant:
    """A company with one site."""

    slug: str
    name: str
    site: str
    site_name: str
    models: tuple[SeedModel, ...] = ()
    machines: tuple[SeedMachine, ...] = ()
    gateways: tuple[str, ...] = ()
    people: tuple[SeedPerson, ...] = ()
