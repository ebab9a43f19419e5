"""Work orders: list, page, and the one door through which they change."""

from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import ConfigDict, Field

from api.models.base import (
    Answer,
    Body,
    Id,
    Instant,
    Line,
    MachineRef,
    Note,
    OrderState,
    PageQuery,
    PersonRef,
    Priority,
    Time,
)

OrderType = Literal["corrective", "preventive", "inspection", "improvement"]
Action = Literal[
    "assign", "accept", "decline", "start", "hold", "resume", "complete", "close", "reject", "reopen", "cancel",
    "request_approval", "approve",
]  # fmt: skip
Verdict = Literal[
    "confirmed_functional", "confirmed_incipient", "process_change", "sensor_fault", "false_alarm", "not_inspected"
]


class OrderQuery(PageQuery):
    """Which orders."""

    state: Literal["open", "done", "closed", "all"] = "open"
    machine_id: UUID | None = None
    mine: bool = Field(False, description="Only those assigned to the caller.")  # noqa: FBT003


class OrderSummary(Answer):
    """An order as a list shows it."""

    id: UUID
    no: int
    title: str
    machine: MachineRef
    state: OrderState
    priority: Priority
    type: OrderType
    source: Literal["alarm", "report", "person"]
    assignee: PersonRef | None
    reported_at: Time
    updated_at: Time


class OrderPage(Answer):
    """One page of orders, newest first."""

    items: list[OrderSummary]
    next_cursor: str | None


class AllowedAction(Answer):
    """What this caller may do now, and what must come with it."""

    action: Action
    to: OrderState
    needs: list[str]


class OrderEvent(Answer):
    """One line of an order's history."""

    seq: int
    action: str
    from_state: OrderState | None
    to_state: OrderState
    actor: str
    at: Time
    device_time: Time | None
    reason: str | None
    data: dict[str, Any]


class Stamps(Answer):
    """When the order reached what; a stamp once set is never taken back."""

    detected_at: Time | None
    reported_at: Time
    assigned_at: Time | None
    accepted_at: Time | None
    arrived_at: Time | None
    completed_at: Time | None
    verified_at: Time | None
    closed_at: Time | None
    cancelled_at: Time | None


class Request(Answer):
    """The report that the order came from."""

    id: UUID
    symptom: str
    text: str
    reporter: str
    reported_at: Time


class Attachment(Answer):
    """A photo or a recording."""

    id: UUID
    kind: Literal["photo", "voice"]
    content_type: str
    url: str


class Order(OrderSummary):
    """An order with everything its page needs at once."""

    cause: str | None
    verdict: Verdict | None
    version: int
    stamps: Stamps
    allowed_actions: list[AllowedAction]
    events: list[OrderEvent]
    alarm_id: UUID | None
    request: Request | None
    attachments: list[Attachment]


class NewOrder(Body):
    """An order that a person writes; `id` is made by the client, so sending twice makes one."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": "0198c3f2-5b1e-7c44-9a53-6f1f0e8d2b11",
                    "machine_id": "3f0c9a3e-2a57-4f5e-9a0e-1d2c3b4a5f60",
                    "title": "Change the oil filter",
                    "type": "preventive",
                    "priority": "medium",
                }
            ]
        }
    )

    id: Id
    machine_id: Id
    title: Line
    type: OrderType
    priority: Priority


class OrderAction(Body):
    """One step of an order; `request_id` is made by the client, so sending twice acts once."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "request_id": "0198c3f2-7d10-7e11-8f0a-2b9d1c0e4a55",
                    "action": "complete",
                    "verdict": "confirmed_functional",
                    "reason": "bearing replaced",
                }
            ]
        }
    )

    request_id: Id
    action: Action
    reason: Annotated[Note, Field(min_length=1)] | None = None
    assignee_id: Id | None = None
    scanned: Line | None = Field(None, description="Token or short code of the machine's label, or the whole link.")
    verdict: Verdict | None = None
    device_time: Instant | None = None


class Effect(Answer):
    """What a repair did; distances are in robust scales off what was ordinary the day before the onset."""

    result: Literal["improved", "same", "worse", "too_early", "not_checked"]
    reason: str
    before: float | None
    after: float | None
    shift: float | None = Field(description="Hodges-Lehmann shift of the distance; negative is better.")
    lower: float | None
    upper: float | None
