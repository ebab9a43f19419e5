"""What goes through this room: rules, what was found of them, their standing, the nightly evaluation."""

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Rule:
    """What has a record: one hypothesis (`cause`) of one detector about one class of machines."""

    source: str  # limit, statistical
    model_version: str
    cause: str
    machine_class: str


@dataclass(frozen=True, slots=True)
class Tally:
    """How often one verdict was given on alarms of one rule and alarm class."""

    rule: Rule
    alarm_class: str
    verdict: str
    n: int


@dataclass(frozen=True, slots=True)
class Standing:
    """How loudly a rule may speak. counts_from: a person has decided, only later verdicts count."""

    id: UUID
    rule: Rule
    standing: str  # trusted, advisory
    priority: str  # of a trusted rule whose detector asks for nothing itself
    counts_from: datetime | None
    since: datetime


@dataclass(frozen=True, slots=True)
class StandingEvent:
    """A decision about a standing; `actor_id` is None when the record itself decided."""

    at: datetime
    actor_id: UUID | None
    standing: str
    reason: str


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What a night found, over the verdicts of the days before it."""

    day: date
    at: datetime
    worker: str
    counted: int
    right_ones: int
    not_inspected: int


@dataclass(frozen=True, slots=True)
class EvaluatedRule:
    """One rule in the evaluation of a night."""

    rule: Rule
    counted: int
    right_ones: int
    not_inspected: int
    standing: str
