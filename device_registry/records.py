"""The registry's records, as every floor above reads them."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Tenant:
    """A company with its own data."""

    id: UUID
    slug: str
    name: str
    kind: str


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who logs in."""

    id: UUID
    tenant_id: UUID
    login: str
    name: str
    roles: list[str]
    language: str


@dataclass(frozen=True, slots=True)
class Login:
    """What a login attempt is checked against."""

    person_id: UUID
    tenant_id: UUID
    password_hash: str
    disabled: bool


@dataclass(frozen=True, slots=True)
class Session:
    """A running session and the person behind it."""

    person: Person
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class MachineSummary:
    """A machine as a list shows it."""

    id: UUID
    slug: str
    name: str
    machine_class: str
    model: str | None
    site: str | None
    criticality: str


@dataclass(frozen=True, slots=True)
class Machine(MachineSummary):
    """A machine as its own page shows it; `public_fields` is what a scan without login may show."""

    serial: str
    maker: str
    public_fields: list[str]


@dataclass(frozen=True, slots=True)
class Tag:
    """One measured quantity of a machine; `series_id` names its samples."""

    id: UUID
    machine_id: UUID
    slug: str
    name: str
    unit: str
    kind: str
    series_id: int


@dataclass(frozen=True, slots=True)
class Gateway:
    """A floor box that may deliver data."""

    id: UUID
    tenant_id: UUID
    slug: str
    status: str


@dataclass(frozen=True, slots=True)
class Label:
    """A printed label of a machine."""

    id: UUID
    machine_id: UUID
    token: str
    short_code: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class FoundLabel:
    """What a scanned token or a typed code leads to."""

    label_id: UUID
    tenant_id: UUID
    machine_id: UUID
    revoked: bool
