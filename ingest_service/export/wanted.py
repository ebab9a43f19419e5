"""What shall leave: which tags, which period, single samples or steps. Pure."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

SAMPLE_COLUMNS = ("machine", "tag", "unit", "time", "time_ms", "value", "text", "quality", "reason")
STEP_COLUMNS = ("machine", "tag", "unit", "time", "time_ms", "n", "bad", "mean", "min", "max", "last")


class Resolution(StrEnum):
    """Every sample as it is, or what the rollups hold."""

    RAW = "raw"
    MINUTE = "minute"
    HOUR = "hour"
    DAY = "day"

    @property
    def step_s(self) -> int:
        """Length of a step; 0 for samples."""
        return {"raw": 0, "minute": 60, "hour": 3600, "day": 86400}[self]


class Source(NamedTuple):
    """One tag, and how its rows name it."""

    series_id: int
    machine: str
    tag: str
    unit: str
    kind: str


@dataclass(frozen=True, slots=True)
class Wanted:
    """The rows of an export: those of one source after the other, each in the order of time."""

    sources: tuple[Source, ...]
    since: datetime
    until: datetime
    resolution: Resolution = Resolution.RAW
