"""Machines, their tags and values."""

from typing import Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from api.models.alarms import Alarm
from api.models.base import Answer, Time
from api.models.orders import OrderSummary

Quality = Literal["good", "uncertain", "bad"]
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
    kind: Literal["float", "int", "bool", "text"]
    limits: dict[LimitKind, float] = Field(description="Alarm limits that are switched on.")


class Machine(MachineSummary):
    """A machine with everything its page needs at once."""

    serial: str
    tags: list[Tag]
    recent_orders: list[OrderSummary]
    active: list[Alarm]


class TagValue(Answer):
    """The latest known value of a tag; null where it is bad."""

    tag_id: UUID
    slug: str
    time: Time
    value: float | str | None
    quality: Quality
    reason: str


class Values(Answer):
    """Latest values of a machine; a tag that never sent has no line."""

    items: list[TagValue]


class HistoryQuery(BaseModel):
    """Which tags, which period, how fine."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    tags: str = Field(max_length=1500, description="Slugs with commas between; at most 20.", examples=["flow,head"])
    since: AwareDatetime = Field(alias="from")
    until: AwareDatetime = Field(alias="to")
    points: int = Field(400, ge=10, le=2000, description="At most so many a tag.")


class Series(Answer):
    """One tag in a period: buckets with mean, least and most, so that a spike is never averaged away."""

    slug: str
    unit: str
    points: list[tuple[int, float | None, float | None, float | None]] = Field(
        description="[bucket start in ms since 1970 UTC, mean, min, max]"
    )
    bad: list[tuple[int, int, str]] = Field(description="[from_ms, to_ms, reason]")


class History(Answer):
    """Tags of a machine in a period."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "from": "2026-03-01T08:00:00Z",
                    "to": "2026-03-01T09:00:00Z",
                    "resolution_s": 9.0,
                    "series": [
                        {
                            "slug": "oil_temperature",
                            "unit": "°C",
                            "points": [[1772352000000, 61.2, 60.9, 61.8]],
                            "bad": [[1772352600000, 1772352630000, "timeout"]],
                        }
                    ],
                }
            ]
        },
        populate_by_name=True,
    )

    since: Time = Field(alias="from")
    until: Time = Field(alias="to")
    resolution_s: float
    series: list[Series]
