"""Alarms, what may be done to them, and the evidence frozen with them."""

from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from api.models.base import Answer, Body, Line, MachineRef, PageQuery, Priority, Time
from api.models.orders import Verdict

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
    asked: Priority = Field(description="What the detector asked for; `priority` is what its record has earned.")
    state: AlarmState
    onset_at: Time
    raised_at: Time
    cleared_at: Time | None
    acked: bool
    suppressed_until: Time | None
    suppressed_by: Literal["pattern", "parent", "planned_stop"] | None = Field(
        description="Why it is `suppressed`: called false before, a machine above has stopped, or a stop is planned."
    )
    suppressed_by_id: UUID | None = Field(description="The pattern, the alarm above, or the planned stop.")
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


class OutOfService(Body):
    """Take an alarm out of service, with an end and a reason."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"hours": 72, "reason": "overhaul, order 17"}]})

    hours: Annotated[int, Field(ge=1, le=2160)]
    reason: Line


class Judgement(Body):
    """What was found where an alarm had pointed."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"verdict": "false_alarm"}]})

    verdict: Verdict


class ReportQuery(BaseModel):
    """Of which period and site."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    since: AwareDatetime = Field(alias="from")
    until: AwareDatetime = Field(alias="to")
    site_id: UUID | None = None


class Flood(Answer):
    """More than 10 alarms in 10 minutes, until fewer than 5 came in 10."""

    since: Time
    until: Time
    alarms: int
    most: int = Field(description="In any 10 minutes.")


class Actor(Answer):
    """One cause on one machine, by its slug."""

    machine: str
    cause: str
    alarms: int
    share: float


class StaleAlarm(Answer):
    """An alarm that stood for more than a day."""

    machine: str
    cause: str
    priority: Priority
    raised_at: Time
    cleared_at: Time | None


class AlarmReport(Answer):
    """What alarms asked of people; advice, and what was silent by design, asked nobody and is not counted."""

    alarms: int
    per_day: float = Field(description="ISA-18.2: 144 are manageable, 300 the most.")
    most_in_10_min: int
    floods: list[Flood]
    in_flood: float = Field(description="Share of the time; ISA-18.2: below 0.01.")
    top: list[Actor] = Field(description="The ten most frequent; together at most 0.05 of all.")
    chattering: list[Actor] = Field(description="Three times within a minute; ISA-18.2: none.")
    stale: list[StaleAlarm]
    priorities: dict[str, float]


class Evidence(Answer):
    """The snapshot exactly as it was frozen: sha256 is over its canonical JSON."""

    alarm_id: UUID
    sha256: str
    frozen_at: Time
    snapshot: dict[str, Any]


class PictureQuery(BaseModel):
    """As what."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: Literal["png", "svg"] = "png"


class Cost(Answer):
    """What a case costs in energy: power above what the week before lets expect, for the share of time it works."""

    result: Literal["estimated", "unknown"]
    reason: str
    excess_kw: float | None
    lower_kw: float | None = Field(description="95 % interval; when it holds 0, nothing is proven.")
    upper_kw: float | None
    kwh_per_week: float | None
    per_week: float | None = Field(description="Null without `energy_price` in the settings.")
    currency: str | None
