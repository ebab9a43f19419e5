"""Values of tags: newest, a period, a range to take away."""

from typing import Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from api.models.base import Answer, Time
from ingest_service.export import Resolution

Quality = Literal["good", "uncertain", "bad"]


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


class ExportQuery(BaseModel):
    """Which tags, which range, and how it shall be written down."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    tags: str | None = Field(
        None, max_length=20_000, description="Slugs with commas between; without: all tags.", examples=["flow,head"]
    )
    since: AwareDatetime = Field(alias="from")
    until: AwareDatetime = Field(alias="to")
    format: Literal["csv", "parquet"] = Field("csv", description="Parquet needs the extra `parquet` on the server.")
    resolution: Resolution = Field(
        Resolution.RAW, description="Every sample, or mean, min, max, last and counts of each step (numbers only)."
    )
    excel: bool = Field(
        default=False, description="For Excel: a byte order mark, and no text that would be run as a formula."
    )


class Series(Answer):
    """One tag in a period: buckets with mean, least and most, so that a spike is never averaged away."""

    slug: str
    unit: str
    points: list[tuple[int, float | None, float | None, float | None]] = Field(
        description="[bucket start in ms since 1970 UTC, mean, min, max]"
    )
    bad: list[tuple[int, int, str]] = Field(
        description="[from_ms, to_ms, reason]: nothing usable was measured. `untold` where only a count of it is read."
    )
    partly_bad: list[tuple[int, int, float]] = Field(
        description="[from_ms, to_ms, share]: buckets with a point although this share of their samples was bad. "
        "Only where there are too many to tell each in `bad`."
    )
    texts: list[tuple[int, str | None]] = Field(
        description="[since_ms, text]: changes of a text tag, null where it was not known. "
        "If there are more than 2,000, the last one of each bucket."
    )


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
                            "partly_bad": [],
                            "texts": [],
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
