"""The state of an alarm from orthogonal facts, after ISA-18.2 / IEC 62682 and the flags of OPC UA Part 9. Pure.

active, acked, latched, suppression ──state──► one of nine names        facts + event ──after──► facts

  norm ─onset─► unack_active ─ack─► ack_active ─rtn─► norm
                    └─rtn─► rtn_unack ─ack─► norm
a latching alarm returns to latched_unack or latched_ack and needs a reset
shelved, suppressed and out_of_service lie above: evaluation goes on underneath, and its result shows when they end
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from anomaly import NotPossible

SHELVE_MOST = timedelta(hours=8)
OUT_OF_SERVICE_MOST = timedelta(days=90)
_WITH_END = ("shelved", "out_of_service")


@dataclass(frozen=True, slots=True)
class Facts:
    """What is stored; the state is never stored."""

    active: bool = False
    acked: bool = True
    latched: bool = False
    suppression: str = "none"  # none, shelved, by_design, out_of_service
    suppressed_until: datetime | None = None


_ABOVE = {"shelved": "shelved", "by_design": "suppressed", "out_of_service": "out_of_service"}
_BELOW = {  # active, acked, latched
    (False, True, False): "norm",
    (True, False, False): "unack_active",
    (True, True, False): "ack_active",
    (False, False, False): "rtn_unack",
    (False, False, True): "latched_unack",
    (False, True, True): "latched_ack",
}


def state(facts: Facts, now: datetime) -> str:
    """One of the nine names; a shelving or a time out of service that has run out no longer counts."""
    if facts.suppression in _ABOVE and not _has_run_out(facts, now):
        return _ABOVE[facts.suppression]
    return _BELOW[facts.active, facts.acked, facts.latched]


def after(facts: Facts, event: str, *, latching: bool = False, until: datetime | None = None) -> Facts:
    """The facts after an event.

    latching: whether the alarm holds its return until somebody resets it; until: end of a shelving or of the time
    out of service.

    Raises:
        NotPossible: the event means nothing in this state.
    """
    changed = _AFTER[event](facts)
    if changed is None:
        raise NotPossible(f"`{event}` means nothing for an alarm with {facts}")
    if event == "rtn" and latching:
        return replace(changed, latched=True)
    return replace(changed, suppressed_until=until) if event in ("shelve", "take_out") else changed


def _has_run_out(facts: Facts, now: datetime) -> bool:
    return facts.suppression in _WITH_END and facts.suppressed_until is not None and facts.suppressed_until <= now


def _onset(facts: Facts) -> Facts | None:
    return None if facts.active else replace(facts, active=True, acked=False, latched=False)


def _rtn(facts: Facts) -> Facts | None:
    return replace(facts, active=False) if facts.active else None


def _ack(facts: Facts) -> Facts | None:
    return None if facts.acked else replace(facts, acked=True)


def _reset(facts: Facts) -> Facts | None:
    return replace(facts, latched=False) if facts.latched and facts.acked else None


def _suppressed(by: str) -> Callable[[Facts], Facts | None]:
    def change(facts: Facts) -> Facts | None:
        return replace(facts, suppression=by, suppressed_until=None)

    return change


def _released(by: str) -> Callable[[Facts], Facts | None]:
    def change(facts: Facts) -> Facts | None:
        return replace(facts, suppression="none", suppressed_until=None) if facts.suppression == by else None

    return change


_AFTER: dict[str, Callable[[Facts], Facts | None]] = {
    "onset": _onset,
    "rtn": _rtn,
    "ack": _ack,
    "reset": _reset,
    "shelve": _suppressed("shelved"),
    "unshelve": _released("shelved"),
    "suppress": _suppressed("by_design"),
    "unsuppress": _released("by_design"),
    "take_out": _suppressed("out_of_service"),
    "return_to_service": _released("out_of_service"),
}
EVENTS = tuple(_AFTER)
