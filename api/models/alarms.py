"""Alarms, what may be done to them, and the evidence frozen with them."""

from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import ConfigDict, Field

from api.models.base import Answer, Body, Line, MachineRef, PageQuery, Priority, Time

AlarmState = Literal[
    "norm", "unack_active", "ack_active", "rtn_unack", "latched_unack", "latched_ack",
    "shelved", "suppressed", "out_of_service",
]  # fmt: skip


class AlarmQuery(PageQuery):
    """Which alarms."""

    active: bool = Field(False, description="Only those whose condition holds now.")  # noqa: FBT003
    machine_id: UUID | None = None


class Contribution(Answer):
    """How much of the score one tag explains."""

    tag: str
    share: float


class Alarm(Answer):
    """One case of one cause on one machine; `class` tells a machine fault from a sensor fault."""

    model_config = ConfigDict(populate_by_name=True)

    id: UUID
    machine: MachineRef
    cause: str
    class_: Literal["machine", "sensor", "process"] = Field(alias="class")
    source: Literal["limit", "statistical"]
    priority: Priority
    state: AlarmState
    onset_at: Time
    raised_at: Time
    cleared_at: Time | None
    acked: bool
    score: float
    contributions: list[Contribution]
    order_id: UUID | None


class AlarmPage(Answer):
    """One page of alarms, newest first."""

    items: list[Alarm]
    next_cursor: str | None


class Shelving(Body):
    """Put an alarm aside for a while, with a reason."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"minutes": 60, "reason": "belt is being changed"}]})

    minutes: Annotated[int, Field(ge=1, le=480)]
    reason: Line


class Evidence(Answer):
    """The snapshot exactly as it was frozen: sha256 is over its canonical JSON."""

    alarm_id: UUID
    sha256: str
    frozen_at: Time
    snapshot: dict[str, Any]
