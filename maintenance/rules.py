"""From an alarm to an order: which alarms become work, and what the order says. Pure.

alarm.raised ──order_for──► NewOrder | None (advisory and suppressed alarms wait in triage)
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid5

from anomaly.records import PRIORITIES
from maintenance.records import NewOrder, Source


@dataclass(frozen=True, slots=True)
class RaisedAlarm:
    """The payload of `alarm.raised`."""

    alarm_id: UUID
    machine_id: UUID
    cause: str
    priority: str
    suppression: str
    onset_at: datetime


def read_alarm(payload: dict[str, Any]) -> RaisedAlarm:
    """The event of the outbox as a value."""
    return RaisedAlarm(
        alarm_id=UUID(payload["alarm_id"]),
        machine_id=UUID(payload["machine_id"]),
        cause=payload["cause"],
        priority=payload["priority"],
        suppression=payload["suppression"],
        onset_at=datetime.fromisoformat(payload["onset_at"]),
    )


def order_for(alarm: RaisedAlarm) -> NewOrder | None:
    """The order that this alarm asks for.

    The id follows from the alarm, so that an event that is delivered twice asks for the same order.
    """
    if alarm.priority == "advisory" or alarm.suppression != "none":
        return None
    return NewOrder(
        id=uuid5(alarm.alarm_id, "order"), machine_id=alarm.machine_id, title=f"alarm:{alarm.cause}",
        priority=alarm.priority, source=Source.ALARM, source_id=alarm.alarm_id, cause=alarm.cause,
        detected_at=alarm.onset_at, data={"alarm_id": str(alarm.alarm_id)},
    )  # fmt: skip


def more_urgent(alarm: RaisedAlarm, priority: str) -> bool:
    """Whether the alarm is more urgent by now than the order that answers it."""
    return PRIORITIES.index(alarm.priority) < PRIORITIES.index(priority)


def urgency_note(alarm: RaisedAlarm) -> UUID:
    """The request id under which an order becomes as urgent as its alarm, once."""
    return uuid5(alarm.alarm_id, f"priority {alarm.priority}")


def cleared_note(alarm_id: UUID) -> UUID:
    """The request id under which an order is told, once, that its alarm has cleared."""
    return uuid5(alarm_id, "cleared")
