"""The order as a state machine: a table of transitions, what an actor may do now, and doing it. Pure.

order + request + actor + facts ──apply──► (order after, event)      or NotAllowed, Forbidden, Missing

  NEW ◄──► WAIT_APPROVAL            ┌── hold ──► ON_HOLD
   │ ▲ decline                      │◄─ resume ─┘
assign └── ASSIGNED ──► ACCEPTED ──► IN_PROGRESS ──► DONE ──► CLOSED
              ▲                          └◄─ reject ──┘         │
              └──────────────────── reopen ◄────────────────────┘      CANCELLED: before the work or on hold
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from maintenance import Forbidden, Missing, NotAllowed
from maintenance.records import (
    HOLD_REASONS,
    VERDICTS,
    Actor,
    Allowed,
    Event,
    Facts,
    Order,
    Request,
    Source,
    State,
)

REOPEN_WITHIN = timedelta(days=30)

DISPATCHER = frozenset({"planner", "admin"})
APPROVER = frozenset({"admin"})
VERIFIER = frozenset({"operator", "planner", "admin"})  # who asked for the work, or answers for the machine
TECHNICIAN = frozenset({"technician"})
ASSIGNEE = frozenset({"assignee"})


@dataclass(frozen=True, slots=True)
class Transition:
    """One line of the table. who: roles, or `assignee` for the person the order is assigned to."""

    action: str
    source: State
    to: State
    who: frozenset[str]
    needs: tuple[str, ...] = ()
    stamps: tuple[str, ...] = ()


# `verdict` is needed when an alarm made the order, the reason of `close` while that alarm is still active.
TRANSITIONS = (
    Transition("request_approval", State.NEW, State.WAIT_APPROVAL, DISPATCHER),
    Transition("approve", State.WAIT_APPROVAL, State.NEW, APPROVER),
    Transition("assign", State.NEW, State.ASSIGNED, DISPATCHER | TECHNICIAN, ("assignee_id",), ("assigned_at",)),
    Transition("accept", State.ASSIGNED, State.ACCEPTED, ASSIGNEE, (), ("accepted_at",)),
    Transition("decline", State.ASSIGNED, State.NEW, ASSIGNEE, ("reason",)),
    Transition("start", State.ACCEPTED, State.IN_PROGRESS, ASSIGNEE, ("scan",), ("arrived_at",)),
    Transition("hold", State.IN_PROGRESS, State.ON_HOLD, ASSIGNEE, ("reason",)),
    Transition("resume", State.ON_HOLD, State.IN_PROGRESS, ASSIGNEE),
    Transition("complete", State.IN_PROGRESS, State.DONE, ASSIGNEE, ("verdict",), ("completed_at",)),
    Transition("close", State.DONE, State.CLOSED, VERIFIER, ("reason",), ("verified_at", "closed_at")),
    Transition("reject", State.DONE, State.IN_PROGRESS, VERIFIER, ("reason",)),
    Transition("reopen", State.CLOSED, State.ASSIGNED, DISPATCHER, ("reason",)),
    Transition("cancel", State.NEW, State.CANCELLED, DISPATCHER, ("reason",), ("cancelled_at",)),
    Transition("cancel", State.ASSIGNED, State.CANCELLED, DISPATCHER, ("reason",), ("cancelled_at",)),
    Transition("cancel", State.ACCEPTED, State.CANCELLED, DISPATCHER, ("reason",), ("cancelled_at",)),
    Transition("cancel", State.ON_HOLD, State.CANCELLED, DISPATCHER, ("reason",), ("cancelled_at",)),
)

ACTIONS = tuple(dict.fromkeys(step.action for step in TRANSITIONS))
_STEP = {(step.source, step.action): step for step in TRANSITIONS}


def allowed(order: Order, actor: Actor, now: datetime) -> list[Allowed]:
    """The actions that `actor` may take now, in the order of the table."""
    return [
        Allowed(step.action, step.to, needs(step, order, actor))
        for step in TRANSITIONS
        if step.source is order.state and not _too_late(step, order, now) and not _hindrance(step, order, actor)
    ]


def apply(order: Order, request: Request, actor: Actor, facts: Facts) -> tuple[Order, Event]:
    """Take one action.

    Raises:
        NotAllowed: not from this state. Forbidden: not by this person. Missing: something was not given.
    """
    names = [choice.action for choice in allowed(order, actor, facts.now)]
    step = _STEP.get((order.state, request.action))
    if step is None:
        raise NotAllowed(f"`{request.action}` is not possible in {order.state}", names)
    if _too_late(step, order, facts.now):
        raise NotAllowed(f"closed more than {REOPEN_WITHIN.days} days ago", names)
    hindrance = _hindrance(step, order, actor)
    if hindrance:
        raise Forbidden(hindrance, names)
    absent = [need for need in needs(step, order, actor) if not _GIVEN[need](request, facts)]
    if absent:
        raise Missing(absent, "; ".join(_WHY[need] for need in absent))
    changes, data = _EFFECTS.get(step.action, _no_effect)(order, request, actor, facts)
    replaced = {name: getattr(order, name).isoformat() for name in step.stamps if getattr(order, name)}
    if replaced:  # the column shows the last time, the journal keeps every one
        data["replaced"] = replaced
    changes |= dict.fromkeys(step.stamps, facts.now)
    after = replace(order, **changes, state=step.to, version=order.version + 1, updated_at=facts.now)
    return after, _event(order, after, request, actor, data)


def needs(step: Transition, order: Order, actor: Actor) -> tuple[str, ...]:
    """What this step of this order needs from this actor."""
    if step.action == "assign" and not actor.roles & DISPATCHER:
        return ()  # a technician takes the order, which names the assignee
    if step.action == "complete" and order.source is not Source.ALARM:
        return ()
    if step.action == "close" and not order.alarm_active:
        return ()
    return step.needs


def hold_reason(reason: str) -> str:
    """The code at the front of a reason such as `PART: bearing 6205`; OTHER when there is none."""
    code = reason.partition(":")[0].strip().upper()
    return code if code in HOLD_REASONS else "OTHER"


def _too_late(step: Transition, order: Order, now: datetime) -> bool:
    return step.action == "reopen" and order.closed_at is not None and now - order.closed_at > REOPEN_WITHIN


def _hindrance(step: Transition, order: Order, actor: Actor) -> str:
    """Why this person may not take this step; empty when they may."""
    is_assignee = actor.id is not None and actor.id == order.assignee_id
    if not (actor.roles & step.who or ("assignee" in step.who and is_assignee)):
        return f"`{step.action}` is for: {', '.join(sorted(step.who))}"
    if step.action == "close" and order.criticality == "A" and is_assignee:
        return "a machine of criticality A is verified by another person than the one who did the work"
    return ""


_GIVEN: dict[str, Callable[[Request, Facts], bool]] = {
    "reason": lambda request, _: bool((request.reason or "").strip()),
    "verdict": lambda request, _: request.verdict in VERDICTS,
    "assignee_id": lambda _, facts: facts.assignee is not None and bool(facts.assignee.roles & TECHNICIAN),
    "scan": lambda request, facts: facts.scan_matches or bool((request.reason or "").strip()),
}
_WHY = {
    "reason": "give a reason",
    "verdict": f"an alarm made this order: say what you found ({', '.join(VERDICTS)})",
    "assignee_id": "name an active technician",
    "scan": "scan the label of this machine, or give a reason why that is not possible",
}

_Effect = tuple[dict[str, Any], dict[str, Any]]  # columns that change, what the event tells


def _no_effect(_order: Order, _request: Request, _actor: Actor, _facts: Facts) -> _Effect:
    return {}, {}


def _assign(_order: Order, request: Request, actor: Actor, facts: Facts) -> _Effect:
    person: tuple[UUID | None, str] = (actor.id, actor.name)
    if actor.roles & DISPATCHER and facts.assignee:
        person = (facts.assignee.id, facts.assignee.name)
    elif request.assignee_id not in (None, actor.id):
        raise Forbidden("a technician takes an order, a planner gives it to others", ["assign"])
    changes = {"assignee_id": person[0], "assignee_name": person[1]}
    return changes, {"assignee_id": str(person[0]), "assignee_name": person[1]}


def _decline(order: Order, _request: Request, _actor: Actor, _facts: Facts) -> _Effect:
    return {"assignee_id": None, "assignee_name": None, "reassign_count": order.reassign_count + 1}, {}


def _start(_order: Order, _request: Request, _actor: Actor, facts: Facts) -> _Effect:
    return {}, {"scanned": facts.scan_matches}


def _hold(_order: Order, request: Request, _actor: Actor, _facts: Facts) -> _Effect:
    return {}, {"hold": hold_reason(request.reason or "")}


def _complete(_order: Order, request: Request, _actor: Actor, _facts: Facts) -> _Effect:
    if request.verdict is not None and request.verdict not in VERDICTS:
        raise Missing(["verdict"], _WHY["verdict"])
    return ({"verdict": request.verdict}, {"verdict": request.verdict}) if request.verdict else ({}, {})


def _reject(order: Order, _request: Request, _actor: Actor, _facts: Facts) -> _Effect:
    return {"rework_count": order.rework_count + 1}, {}


def _reopen(order: Order, _request: Request, _actor: Actor, _facts: Facts) -> _Effect:
    return {"reopen_count": order.reopen_count + 1}, {}


_EFFECTS: dict[str, Callable[[Order, Request, Actor, Facts], _Effect]] = {
    "assign": _assign,
    "decline": _decline,
    "start": _start,
    "hold": _hold,
    "complete": _complete,
    "reject": _reject,
    "reopen": _reopen,
}


def _event(before: Order, after: Order, request: Request, actor: Actor, data: dict[str, Any]) -> Event:
    return Event(
        order_id=after.id, seq=after.version, request_id=request.request_id, action=request.action,
        from_state=before.state, to_state=after.state, actor_id=actor.id, actor_name=actor.name,
        server_time=after.updated_at, device_time=request.device_time, reason=request.reason, data=data,
    )  # fmt: skip
