"""What goes through this room: rules and tags as the database has them, signals of detectors, cases, alarms."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from anomaly.detectors.limits import LimitRule

# Most urgent first. `advisory` goes to triage and makes no work by itself.
PRIORITIES = ("critical", "high", "medium", "low", "advisory")


@dataclass(frozen=True, slots=True)
class MachineRef:
    """A machine and whose it is."""

    tenant_id: UUID
    id: UUID
    slug: str


@dataclass(frozen=True, slots=True)
class Tag:
    """A series of a machine."""

    series: int
    slug: str
    name: str
    unit: str
    kind: str


@dataclass(frozen=True, slots=True)
class CauseRule:
    """A limit and what it would mean if it were crossed."""

    limit: LimitRule
    cause: str
    priority: str


@dataclass(frozen=True, slots=True)
class Signal:
    """A detector says that a tag became active or returned to normal, and what that would mean."""

    key: str
    tag: str
    cause: str
    source: str  # limit, statistical
    priority: str
    active: bool
    onset_ns: int
    time_ns: int
    score: float


@dataclass(frozen=True, slots=True)
class Shown:
    """A tag as its evidence shows it.

    values: None where the sample is bad; expected: by the baseline, if any; band: what it takes for ordinary.
    """

    tag: Tag
    limits: dict[str, float]
    expected: float | None
    times_ms: list[int]
    values: list[float | None]
    band: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class Curve:
    """A series of the evidence over something other than time, such as a spectrum over Hz.

    marks: (place on the x axis, what is there), such as the passing frequency of a bearing's outer race.
    """

    kind: str  # spectrum, envelope_spectrum, …
    x_name: str
    x_unit: str
    x: tuple[float, ...]
    y_name: str
    y_unit: str
    y: tuple[float, ...]
    marks: tuple[tuple[float, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Case:
    """Everything that speaks for one cause on one machine. contributions: (tag, share of the score), root first."""

    cause: str
    source: str
    priority: str
    onset_ns: int
    score: float
    contributions: tuple[tuple[str, float], ...]
    mode: int | None = None  # operating mode of the machine; None: nobody tells
    kind: str = "machine"  # what is ill: machine, sensor, process


@dataclass(frozen=True, slots=True)
class CaseChange:
    """A case was raised, was joined by another tag or became more urgent (`grow`), or has cleared."""

    action: str  # raise, grow, clear
    case: Case
    time_ns: int


@dataclass(frozen=True, slots=True)
class ActiveAlarm:
    """An alarm that the database holds to be active."""

    cause: str
    source: str
    priority: str
    onset_ns: int
    score: float
    tags: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Alarm:
    """An alarm as screens see it."""

    id: UUID
    tenant_id: UUID
    machine_id: UUID
    machine_slug: str
    machine_name: str
    cause: str
    class_: str
    source: str
    model_version: str
    priority: str
    asked: str  # the priority that the detector asked for; what it has is what its record has earned
    state: str
    onset_at: datetime
    raised_at: datetime
    cleared_at: datetime | None
    active: bool
    acked: bool
    latched: bool
    suppression: str
    suppressed_until: datetime | None
    suppressed_by: str | None  # planned_stop, parent, pattern: why it is suppressed by design
    suppressed_by_id: UUID | None
    mode: int | None
    score: float
    contributions: list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the detector saw, frozen when the alarm was raised: exactly the text that was hashed."""

    alarm_id: UUID
    frozen_at: datetime
    snapshot: str
    sha256: bytes
