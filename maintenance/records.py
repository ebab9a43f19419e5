"""What goes through this room: orders, the events they add up to, who acts, and what is asked."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID


class State(StrEnum):
    """Where an order stands. A reopened order is ASSIGNED again."""

    NEW = "NEW"
    WAIT_APPROVAL = "WAIT_APPROVAL"
    ASSIGNED = "ASSIGNED"
    ACCEPTED = "ACCEPTED"
    IN_PROGRESS = "IN_PROGRESS"
    ON_HOLD = "ON_HOLD"
    DONE = "DONE"
    CLOSED = "CLOSED"
    CANCELLED = "CANCELLED"


class Source(StrEnum):
    """What an order was born from; `source_id` names the one."""

    ALARM = "alarm"
    REPORT = "report"
    PERSON = "person"


# Work is still to be done; DONE waits for somebody to verify it.
OPEN_STATES = (
    State.NEW, State.WAIT_APPROVAL, State.ASSIGNED, State.ACCEPTED, State.IN_PROGRESS, State.ON_HOLD,
)  # fmt: skip

STAMPS = (
    "assigned_at", "accepted_at", "arrived_at", "completed_at", "verified_at", "closed_at", "cancelled_at",
)  # fmt: skip

HOLD_REASONS = ("PART", "WINDOW", "VENDOR", "APPROVAL", "SAFETY", "OTHER")

# What the person who looked found. Only `not_inspected` teaches the detector nothing.
VERDICTS = (
    "confirmed_functional", "confirmed_incipient", "process_change", "sensor_fault", "false_alarm", "not_inspected",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts; `id` is None for the house itself."""

    id: UUID | None
    name: str
    roles: frozenset[str] = frozenset()


HOUSE = Actor(None, "linewright")


@dataclass(frozen=True, slots=True)
class Order:
    """One work order, as its events have made it."""

    id: UUID
    tenant_id: UUID
    no: int
    machine_id: UUID
    machine_slug: str
    machine_name: str
    criticality: str
    type: str
    priority: str
    state: State
    title: str
    source: Source
    source_id: UUID
    reported_at: datetime
    updated_at: datetime
    cause: str | None = None
    assignee_id: UUID | None = None
    assignee_name: str | None = None
    alarm_active: bool = False
    verdict: str | None = None
    detected_at: datetime | None = None
    assigned_at: datetime | None = None
    accepted_at: datetime | None = None
    arrived_at: datetime | None = None
    completed_at: datetime | None = None
    verified_at: datetime | None = None
    closed_at: datetime | None = None
    cancelled_at: datetime | None = None
    reassign_count: int = 0
    rework_count: int = 0
    reopen_count: int = 0
    version: int = 0

    @property
    def alarm_id(self) -> UUID | None:
        """The alarm it was born from."""
        return self.source_id if self.source is Source.ALARM else None

    @property
    def report_id(self) -> UUID | None:
        """The report it was born from."""
        return self.source_id if self.source is Source.REPORT else None


@dataclass(frozen=True, slots=True)
class NewOrder:
    """What a new order is made from. `id` comes from whoever asks, so that asking twice makes one order.

    title: `alarm:<cause>`, `report:<symptom>` (screens translate both) or free text.
    """

    id: UUID
    machine_id: UUID
    title: str
    priority: str
    source: Source
    source_id: UUID
    type: str = "corrective"
    cause: str | None = None
    detected_at: datetime | None = None
    data: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Request:
    """What somebody asks to be done with an order; `request_id` is made by the client, so sending twice acts once."""

    request_id: UUID
    action: str
    reason: str | None = None
    assignee_id: UUID | None = None
    scanned: str | None = None
    verdict: str | None = None
    device_time: datetime | None = None


@dataclass(frozen=True, slots=True)
class Candidate:
    """A person who could be given an order, with the work they have already."""

    id: UUID
    name: str
    roles: frozenset[str]
    open_orders: int = 0


@dataclass(frozen=True, slots=True)
class Facts:
    """What the pure rules must know of the world outside the order."""

    now: datetime
    scan_matches: bool = False
    assignee: Candidate | None = None


@dataclass(frozen=True, slots=True)
class Allowed:
    """An action that the actor may take now, where it leads, and what it needs.

    needs: `assignee_id`, `reason`, `verdict`, `scan` (the label of the machine, or a reason instead).
    """

    action: str
    to: State
    needs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened to an order: append-only, `seq` counts from 1 within the order."""

    order_id: UUID
    seq: int
    request_id: UUID
    action: str
    from_state: str | None
    to_state: str
    actor_id: UUID | None
    actor_name: str
    server_time: datetime
    device_time: datetime | None = None
    reason: str | None = None
    data: dict[str, Any] = field(default_factory=dict)
