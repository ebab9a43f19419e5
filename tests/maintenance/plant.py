"""Orders, people and requests as the tests of this room need them."""

from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID, uuid4

from maintenance.records import Actor, Candidate, Facts, Order, Request, Source, State

NOW = datetime(2026, 3, 1, 8, 0, tzinfo=UTC)


def person(name: str, *roles: str) -> Actor:
    return Actor(UUID(int=sum(name.encode()) + len(name)), name, frozenset(roles))


OPERATOR = person("operator", "operator")
TECHNICIAN = person("technician", "technician")
ASSIGNEE = person("assignee", "technician")
PLANNER = person("planner", "planner")
ADMIN = person("admin", "admin")
VENDOR = person("vendor", "vendor")
ACTORS = {actor.name: actor for actor in (OPERATOR, TECHNICIAN, ASSIGNEE, PLANNER, ADMIN, VENDOR)}


def candidate(actor: Actor, open_orders: int = 0) -> Candidate:
    assert actor.id
    return Candidate(actor.id, actor.name, actor.roles, open_orders)


def order(state: State = State.NEW, **fields: object) -> Order:
    """An order as it stands in `state`; from ASSIGNED on, ASSIGNEE has it."""
    made = Order(
        id=UUID(int=7), tenant_id=UUID(int=6), no=1, machine_id=UUID(int=8), machine_slug="pump-1",
        machine_name="Pump 1", criticality="B", type="corrective", priority="high", state=state,
        title="alarm:bearing_wear", source=Source.ALARM,
        source_id=UUID(int=9), reported_at=NOW, updated_at=NOW, cause="bearing_wear", version=1,
    )  # fmt: skip
    if state not in (State.NEW, State.WAIT_APPROVAL):
        made = replace(made, assignee_id=ASSIGNEE.id, assignee_name=ASSIGNEE.name)
    if state is State.CLOSED:
        made = replace(made, closed_at=NOW)
    return replace(made, **fields)  # type: ignore[arg-type]


def request(action: str, **fields: object) -> Request:
    """A request with everything that any action could need."""
    asked = Request(uuid4(), action, reason="because", verdict="confirmed_incipient")
    return replace(asked, **fields)  # type: ignore[arg-type]


def facts(**fields: object) -> Facts:
    return replace(Facts(NOW, scan_matches=True, assignee=candidate(ASSIGNEE)), **fields)  # type: ignore[arg-type]
