"""Trained detectors as things: their cards, their states, what was done to them."""

from typing import Literal
from uuid import UUID

from pydantic import ConfigDict, Field

from api.models.base import Answer, Body, Line, PageQuery, Time

ModelState = Literal["trained", "staged", "released", "retired", "rejected"]


class ModelQuery(PageQuery):
    """Which models."""

    name: str | None = Field(None, max_length=128, description="All versions of one name.")


class Figure(Answer):
    """How good it is at something."""

    value: float
    better: Literal["higher", "lower"]


class Card(Answer):
    """What it is and what it was made from."""

    kind: str
    machine: str
    columns: tuple[str, ...]
    rows: int
    from_ns: int
    to_ns: int
    figures: dict[str, Figure]
    note: str


class DetectorModel(Answer):
    """One version; of a name at most one is staged and one released."""

    id: UUID
    name: str
    version: int
    state: ModelState
    card: Card
    sha256: str = Field(description="Of the whole file.")
    created_at: Time


class DetectorModelPage(Answer):
    """One page of models, newest first."""

    items: list[DetectorModel]
    next_cursor: str | None


class ModelEvent(Answer):
    """What was done to it; `actor_id` null: the house itself."""

    at: Time
    actor_id: UUID | None
    action: str
    reason: str


class Difference(Answer):
    """A figure of the released version and of this one; verdict: what this one is."""

    name: str
    one: float
    other: float
    verdict: Literal["better", "worse", "same"]


class WholeDetectorModel(DetectorModel):
    """One version with its history, and how it compares with the released one of its name."""

    events: list[ModelEvent]
    against_released: list[Difference]


class ModelAction(Body):
    """One step: stage runs it beside the released one, release puts it in its place, roll_back takes the one before."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"action": "stage", "reason": "fewer false alarms"}]})

    action: Literal["stage", "release", "reject", "roll_back"]
    reason: Line
