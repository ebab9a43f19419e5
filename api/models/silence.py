"""What keeps alarms silent by design: patterns that were called false, planned stops, machines that need others."""

from typing import Annotated
from uuid import UUID

from pydantic import ConfigDict, Field

from api.models.alarms import Contribution
from api.models.base import Answer, Body, Id, Instant, Line, MachineRef, Note, Time


class FalsePattern(Answer):
    """A mixture of tags that a person has called a false alarm; the same mixture is stored and tells nobody."""

    id: UUID
    alarm_id: UUID
    machine: MachineRef
    cause: str
    mode: int | None = Field(description="Operating mode it belongs to; null: any.")
    contributions: list[Contribution]
    created_at: Time
    expires_at: Time
    revoked_at: Time | None
    silenced: int = Field(description="How many alarms it has kept silent.")


class FalsePatternPage(Answer):
    """One page of patterns, newest first."""

    items: list[FalsePattern]
    next_cursor: str | None


class PlannedStop(Answer):
    """A stop that somebody has planned; `ends_at` null: until somebody ends it."""

    id: UUID
    machine: MachineRef
    starts_at: Time
    ends_at: Time | None
    reason: str
    by_id: UUID
    created_at: Time
    ended_by: UUID | None


class PlannedStopPage(Answer):
    """One page of stops, last begun first."""

    items: list[PlannedStop]
    next_cursor: str | None


class NewPlannedStop(Body):
    """A stop to plan. `id` is a UUID of your own: sent twice, it is planned once."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": "0198c3f2-5b1e-7c44-9a53-6f1f0e8d2b12",
                    "machine_id": "0198c3f2-5b1e-7c44-9a53-6f1f0e8d2b13",
                    "starts_at": "2026-12-01T06:00:00Z",
                    "ends_at": "2026-12-01T14:00:00Z",
                    "reason": "belt and filters",
                }
            ]
        }
    )

    id: Id
    machine_id: Id
    starts_at: Instant
    ends_at: Instant | None = None
    reason: Line


class Dependency(Answer):
    """A machine needs another; when that one stops, what follows here is explained by it."""

    id: UUID
    machine: MachineRef
    parent: MachineRef
    within_s: float
    causes: list[str] | None = Field(description="Alarms of the parent that explain; null: any that asks for work.")
    note: str


class DependencyList(Answer):
    """All of them, by machine."""

    items: list[Dependency]


class NewDependency(Body):
    """A machine needs another: its air, power, coolant or parts."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "machine_id": "0198c3f2-5b1e-7c44-9a53-6f1f0e8d2b12",
                    "parent_id": "0198c3f2-5b1e-7c44-9a53-6f1f0e8d2b13",
                    "within_s": 300,
                    "causes": ["stopped"],
                    "note": "compressed air",
                }
            ]
        }
    )

    machine_id: Id
    parent_id: Id
    within_s: Annotated[float, Field(gt=0, le=86400, strict=False)] = 300.0
    causes: Annotated[list[Line], Field(min_length=1, max_length=50)] | None = None
    note: Note = ""
