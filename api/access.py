"""Who may call what: one table for all routes, denied by default, checked before any handler runs.

    request ──► its line in ACCESS ──► PUBLIC: goes on
                                  └──► cookie or bearer token ──► session ──► role in the line? ──► Caller

A foreign id is not this file's business: every query runs inside the caller's tenant, so a foreign row is not there.
"""

from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated
from urllib.parse import urlsplit
from uuid import UUID

from fastapi import Depends, Request

from api import AccessTableIncomplete, ForeignOrigin, NotAllowed, SignInNeeded
from api.state import state_of
from database.pool import Connection, tenant_transaction, transaction
from device_registry import store as registry
from maintenance.records import Actor

COOKIE = "lw_session"
_SAFE = {"GET", "HEAD", "OPTIONS"}

PUBLIC = frozenset({"*"})
READERS = frozenset({"operator", "technician", "planner", "admin", "vendor"})
STAFF = READERS - {"vendor"}
WORKERS = frozenset({"technician", "planner", "admin"})
PLANNERS = frozenset({"planner", "admin"})

ACCESS: dict[str, frozenset[str]] = {
    "create_session": PUBLIC,
    "read_session": READERS,
    "change_session": READERS,
    "end_session": READERS,
    "list_machines": READERS,
    "read_machine": READERS,
    "read_values": READERS,
    "read_history": READERS,
    "export_history": READERS,
    "list_waveforms": READERS,
    "read_waveform": READERS,
    "download_waveform": READERS,
    "list_gateways": STAFF,
    "read_completeness": STAFF,
    "read_label": STAFF,
    "find_labelled_machine": STAFF,
    "create_label": PLANNERS,
    "revoke_label": PLANNERS,
    "list_orders": STAFF,
    "read_order": STAFF,
    "create_order": WORKERS,
    "act_on_order": STAFF,  # which step is whose: maintenance/orders.py
    "read_attachment": STAFF,
    "read_effect": STAFF,
    "list_alarms": READERS,
    "read_evidence": READERS,
    "read_picture": READERS,
    "read_cost": PLANNERS,
    "acknowledge_alarm": STAFF,
    "shelve_alarm": STAFF,
    "unshelve_alarm": STAFF,
    "judge_alarm": WORKERS,
    "take_out_alarm": WORKERS,
    "return_alarm": WORKERS,
    "read_alarm_report": PLANNERS,
    "read_precision": PLANNERS,
    "list_evaluations": PLANNERS,
    "read_standing": PLANNERS,
    "settle_standing": PLANNERS,
    "list_detector_models": PLANNERS,
    "read_detector_model": PLANNERS,
    "act_on_detector_model": PLANNERS,
    "list_false_patterns": STAFF,
    "revoke_false_pattern": PLANNERS,
    "list_planned_stops": STAFF,
    "plan_stop": WORKERS,
    "end_planned_stop": WORKERS,
    "list_dependencies": STAFF,
    "add_dependency": PLANNERS,
    "remove_dependency": PLANNERS,
    "list_people": STAFF,
    "follow_live": READERS,
    "read_public_label": PUBLIC,
    "send_report": PUBLIC,
    "read_public_report": PUBLIC,
}


@dataclass(frozen=True, slots=True)
class Caller:
    """The person behind a request."""

    person_id: UUID
    tenant_id: UUID
    login: str
    name: str
    roles: frozenset[str]
    language: str
    expires_at: datetime
    token: str

    def may(self, operation: str) -> bool:
        """Whether an answer may hold what another operation would give."""
        return bool(self.roles & ACCESS[operation])

    def actor(self) -> Actor:
        """The same as the maintenance room sees them."""
        return Actor(self.person_id, self.name, self.roles)


async def authorize(request: Request) -> Caller | None:
    """The caller, None on a public route.

    Raises:
        SignInNeeded, NotAllowed, ForeignOrigin.
    """
    allowed = ACCESS[request.scope["route"].name]
    if allowed is PUBLIC:
        return None
    caller = await _caller(request)
    if not caller.roles & allowed:
        raise NotAllowed(f"this is for: {', '.join(sorted(allowed))}")
    return caller


async def _signed_in(caller: Annotated[Caller | None, Depends(authorize)]) -> Caller:
    if caller is None:
        raise SignInNeeded("sign in first")
    return caller


SignedIn = Annotated[Caller, Depends(_signed_in)]


async def _tenant_transaction(request: Request, caller: SignedIn) -> AsyncIterator[Connection]:
    async with tenant_transaction(state_of(request).pool, caller.tenant_id) as connection:
        yield connection


# Committed when the handler returns and before anything is sent: who reads 200 can rely on it.
Tx = Annotated[Connection, Depends(_tenant_transaction, scope="function")]


async def _caller(request: Request) -> Caller:
    scheme, _, bearer = request.headers.get("authorization", "").partition(" ")
    token = bearer.strip() if scheme.lower() == "bearer" else request.cookies.get(COOKIE, "")
    if not token:
        raise SignInNeeded("sign in first")
    if scheme.lower() != "bearer" and request.method not in _SAFE:
        refuse_foreign_origin(request)
    async with transaction(state_of(request).pool) as connection:
        session = await registry.find_session(connection, token)
    if session is None:
        raise SignInNeeded("the session is over or was never there; sign in again")
    person = session.person
    return Caller(
        person.id, person.tenant_id, person.login, person.name, frozenset(person.roles), person.language,
        session.expires_at, token,
    )  # fmt: skip


def refuse_foreign_origin(request: Request) -> None:
    """A browser sends our cookie with requests that other sites start; those are not the person's wish.

    Browsers say where a request comes from in Sec-Fetch-Site, older ones in Origin; nothing at all is no browser
    of ours. SameSite=Lax on the cookie is the second wall.

    Raises:
        ForeignOrigin: it was started elsewhere, or nobody says where.
    """
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        if site != "same-origin":
            raise ForeignOrigin(f"the request was started by a {site} page")
        return
    origin = urlsplit(request.headers.get("origin", "")).netloc
    ours = {request.headers.get("host"), urlsplit(state_of(request).settings.base_url).netloc}
    if not origin or origin not in ours:
        raise ForeignOrigin(f"the request was started by {origin or 'nobody knows whom'}")


def check_table(names: Iterable[str]) -> None:
    """Every route stands in the table and every line has a route.

    Raises:
        AccessTableIncomplete.
    """
    routes = set(names)
    if routes != ACCESS.keys():
        missing, left = routes - ACCESS.keys(), ACCESS.keys() - routes
        raise AccessTableIncomplete(f"routes without a line: {sorted(missing)}; lines without a route: {sorted(left)}")
