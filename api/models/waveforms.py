"""Bursts of fast sensors."""

from typing import Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from api.models.base import LIMIT_DEFAULT, LIMIT_MOST, Answer, Time


class WaveformQuery(BaseModel):
    """Which tags, which period, which page."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    tags: str | None = Field(None, max_length=1500, description="Slugs with commas between; without: all tags.")
    since: AwareDatetime = Field(alias="from")
    until: AwareDatetime = Field(alias="to")
    cursor: str | None = Field(None, max_length=500, description="`next_cursor` of the page before.")
    limit: int = Field(LIMIT_DEFAULT, ge=1, le=LIMIT_MOST)


class Waveform(Answer):
    """A whole burst. Value i of its file, times `scale`, was measured at `start_ns + i / rate_hz`, in `unit`."""

    id: UUID
    tag: str
    unit: str
    start: Time
    start_ns: int = Field(description="The same to the ns, since 1970 UTC; larger than JavaScript's numbers are exact.")
    rate_hz: float
    scale: float
    dtype: str = Field(description="Type of a value in the file, as numpy writes it.", examples=["<i2"])
    n: int = Field(description="Values.")
    size_bytes: int
    sha256: str = Field(description="Of the values without the file's header.")
    clock: Literal["unknown", "synced", "unsynced"] = Field(description="The clock that stamped it.")
    received_at: Time


class WaveformPage(Answer):
    """One page of bursts, newest first."""

    items: list[Waveform]
    next_cursor: str | None
