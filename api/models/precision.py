"""How often each rule was right, what followed from it, and the evaluation of every night."""

from datetime import date
from typing import Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from api.models.base import Answer, Body, Line, Time

StandingName = Literal["trusted", "advisory"]


class PrecisionQuery(BaseModel):
    """Over how long."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    days: int = Field(90, ge=1, le=3650)


class Figures(Answer):
    """Verdicts, and the share of the right ones with its 95 % interval (Wilson)."""

    right: int
    counted: int = Field(description="Verdicts without those that nobody inspected.")
    not_inspected: int
    precision: float | None = Field(description="Null: nothing was counted.")
    lower: float
    upper: float


class RulePrecision(Figures):
    """One hypothesis of one detector about one class of machines."""

    source: str
    model_version: str
    cause: str
    machine_class: str
    standing: StandingName = Field(description="`advisory`: its alarms wait in triage and make no order.")
    standing_id: UUID | None = Field(description="Null: nothing was ever decided about it.")


class ModelPrecision(Figures):
    """All rules of one detector and version."""

    source: str
    model_version: str


class ClassPrecision(Figures):
    """All rules about one class of machines."""

    machine_class: str


class Precision(Answer):
    """The record since a moment: by rule, by model, by class of machines."""

    since: Time
    rules: list[RulePrecision]
    models: list[ModelPrecision]
    classes: list[ClassPrecision]


class EvaluatedRule(Figures):
    """One rule in the evaluation of a night."""

    source: str
    model_version: str
    cause: str
    machine_class: str
    standing: StandingName


class Evaluation(Figures):
    """The evaluation of one night, over the 90 days before it."""

    day: date
    at: Time
    worker: str
    rules: list[EvaluatedRule]


class EvaluationPage(Answer):
    """One page of nights, newest first."""

    items: list[Evaluation]
    next_cursor: str | None


class StandingEvent(Answer):
    """A decision; `actor_id` null: its record decided."""

    at: Time
    actor_id: UUID | None
    standing: StandingName
    reason: str


class Standing(Answer):
    """How loudly a rule may speak, and every decision that led there, newest first."""

    id: UUID
    source: str
    model_version: str
    cause: str
    machine_class: str
    standing: StandingName
    since: Time
    events: list[StandingEvent]


class Settlement(Body):
    """A person decides; from now on only later verdicts count."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"standing": "trusted", "reason": "the sensor was loose, it is fixed"}]}
    )

    standing: StandingName
    reason: Line
