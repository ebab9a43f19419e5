"""Machines and their tags."""

from typing import Literal
from uuid import UUID

from pydantic import Field

from api.models.alarms import Alarm
from api.models.base import Answer
from api.models.orders import OrderSummary

LimitKind = Literal["high_high", "high", "low", "low_low"]


class MachineSummary(Answer):
    """A machine as a list shows it."""

    id: UUID
    slug: str
    name: str
    machine_class: str
    model: str | None
    site: str | None
    criticality: Literal["A", "B", "C"]
    active_alarms: int
    open_orders: int


class MachinePage(Answer):
    """One page of machines, by slug."""

    items: list[MachineSummary]
    next_cursor: str | None


class Tag(Answer):
    """A measured quantity of a machine."""

    id: UUID
    slug: str
    name: str
    unit: str
    kind: Literal["float", "int", "bool", "text", "waveform"]
    limits: dict[LimitKind, float] = Field(description="Alarm limits that are switched on.")


class Machine(MachineSummary):
    """A machine with everything its page needs at once."""

    serial: str
    tags: list[Tag]
    recent_orders: list[OrderSummary]
    active: list[Alarm]
