"""Orders in the database: made once, changed by one guarded action at a time, listed by index.

    create_order, act ──► lock ──► orders.py (pure) ──► order row + sealed event + outbox       the caller commits

Every function works inside the caller's transaction, whose tenant is already set.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from psycopg.errors import UniqueViolation
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from database import outbox
from database.pool import Connection
from database.queries import load_queries
from maintenance import NotAllowed, RequestReused, StaleVersion, UnknownMachine, UnknownOrder, journal, orders
from maintenance.dispatch import pick
from maintenance.records import (
    HOUSE,
    OPEN_STATES,
    Actor,
    Candidate,
    Event,
    Facts,
    NewOrder,
    Order,
    Request,
    Source,
    State,
)

queries = load_queries(__file__)

_END_OF_TIME = datetime.max.replace(tzinfo=UTC)
_NO_ID = UUID(int=0)


@dataclass(frozen=True, slots=True)
class OrderFilter:
    """Which orders to list; None: whatever."""

    states: Sequence[State] = tuple(State)
    machine_id: UUID | None = None
    assignee_id: UUID | None = None


STATE_FILTERS: dict[str, tuple[State, ...]] = {
    "open": OPEN_STATES,
    "done": (State.DONE,),
    "closed": (State.CLOSED, State.CANCELLED),
    "all": tuple(State),
}


async def list_orders(
    conn: Connection, wanted: OrderFilter, after: tuple[datetime, UUID] | None = None, limit: int = 50
) -> list[Order]:
    """At most `limit` orders, last reported first; `after` is (reported_at, id) of the last one seen."""
    after_time, after_id = after or (_END_OF_TIME, _NO_ID)
    page = queries.page_by_state
    if wanted.machine_id:
        page = queries.page_by_machine
    elif wanted.assignee_id:
        page = queries.page_by_assignee
    found = await conn.execute(
        page,
        {
            "states": [str(state) for state in wanted.states], "machine_id": wanted.machine_id,
            "assignee_id": wanted.assignee_id, "after_time": after_time, "after_id": after_id, "limit": limit,
        },
    )  # fmt: skip
    return await _load(conn, [row[0] for row in await found.fetchall()])


async def load_order(conn: Connection, order_id: UUID) -> Order:
    """Raises UnknownOrder."""
    found = await _load(conn, [order_id])
    if not found:
        raise UnknownOrder(str(order_id))
    return found[0]


async def load_events(conn: Connection, order_id: UUID) -> list[journal.Sealed]:
    """The journal of an order, first things first."""
    async with conn.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(queries.events_of_order, {"order_id": order_id})
        rows = await cursor.fetchall()
    return [journal.Sealed(hash_prev=row.pop("hash_prev"), hash=row.pop("hash"), event=Event(**row)) for row in rows]


async def create_order(conn: Connection, new: NewOrder, actor: Actor = HOUSE) -> tuple[Order, bool]:
    """Make an order, or find the one that is already there; the flag tells which.

    Already there: made from the same source, or unfinished for the same machine and cause (which is then told of it).

    Raises:
        UnknownMachine: it has no such machine. RequestReused: `new.id` belongs to another order.
    """
    await conn.execute(queries.lock_machine, {"machine_id": new.machine_id})
    if not await (await conn.execute(queries.machine, {"id": new.machine_id})).fetchone():
        raise UnknownMachine(str(new.machine_id))
    same = await _one(conn, queries.order_of_source, {"source": new.source, "source_id": new.source_id})
    if same:
        return await load_order(conn, same), False
    same = new.cause and await _one(
        conn, queries.lock_order_of_cause, {"machine_id": new.machine_id, "cause": new.cause}
    )
    if same:
        data = {"source": new.source, "source_id": str(new.source_id)}
        return await note(conn, same, new.source_id, data, actor), False
    return await _insert(conn, new, actor), True


async def act(
    conn: Connection, order_id: UUID, request: Request, actor: Actor, expected_version: int | None = None
) -> Order:
    """Take one action; a request id that was already taken changes nothing and shows the order as it is.

    Raises:
        UnknownOrder, StaleVersion, RequestReused, NotAllowed, Forbidden, Missing.
    """
    order = await _lock(conn, order_id)
    taken = await _one(conn, queries.order_of_request, {"request_id": request.request_id})
    if taken == order_id:
        return order
    if taken:
        raise RequestReused(f"request {request.request_id} has changed another order")
    if expected_version is not None and expected_version != order.version:
        raise StaleVersion(order.version)
    facts = Facts(datetime.now(UTC), await _scan_matches(conn, order, request), await _assignee(conn, request))
    after, event = orders.apply(order, request, actor, facts)
    if after.state is State.ASSIGNED and order.state is State.CLOSED:
        await _no_other_open(conn, order)
    await _record(conn, after, event)
    if order.alarm_id and event.data.get("verdict"):
        await _teach(conn, after, actor)
    return await load_order(conn, order_id)


async def note(
    conn: Connection,
    order_id: UUID,
    request_id: UUID,
    data: dict[str, Any],
    actor: Actor = HOUSE,
    priority: str | None = None,
) -> Order:
    """Write into the journal what concerns the order and leaves its state; the same `request_id` writes once.

    priority: the order's from now on; None leaves it.
    """
    order = await _lock(conn, order_id)
    if await _one(conn, queries.order_of_request, {"request_id": request_id}):
        return order
    now = datetime.now(UTC)
    after = replace(order, version=order.version + 1, updated_at=now, priority=priority or order.priority)
    event = Event(
        order.id, after.version, request_id, "note", order.state, order.state, actor.id, actor.name, now, data=data
    )
    await _record(conn, after, event)
    return after


async def open_counts(conn: Connection, machine_ids: Sequence[UUID]) -> dict[UUID, int]:
    """How many open orders each of these machines has; machines without one are left out."""
    found = await conn.execute(
        queries.open_counts, {"machine_ids": list(machine_ids), "open_states": list(map(str, OPEN_STATES))}
    )
    return dict(await found.fetchall())


async def orders_of_alarms(conn: Connection, alarm_ids: Sequence[UUID]) -> dict[UUID, UUID]:
    """The order that answers each of these alarms."""
    found = await conn.execute(queries.orders_of_alarms, {"alarm_ids": list(alarm_ids)})
    return dict(await found.fetchall())


async def _load(conn: Connection, ids: list[UUID]) -> list[Order]:
    async with conn.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(queries.orders_by_ids, {"ids": ids})
        rows = await cursor.fetchall()
    return [Order(**row | {"state": State(row["state"]), "source": Source(row["source"])}) for row in rows]


async def _one(conn: Connection, query: str, values: dict[str, Any]) -> Any:
    row = await (await conn.execute(query, values)).fetchone()
    return row[0] if row else None


async def _lock(conn: Connection, order_id: UUID) -> Order:
    await conn.execute(queries.lock_order, {"id": order_id})
    return await load_order(conn, order_id)


async def _insert(conn: Connection, new: NewOrder, actor: Actor) -> Order:
    no = await _one(conn, queries.next_no, {})
    values = asdict(new) | {"no": no, "reported_at": datetime.now(UTC)}
    try:
        inserted = await _one(conn, queries.insert_order, values)
    except UniqueViolation as error:
        raise RequestReused(f"order {new.id}: {error}") from error
    if not inserted:
        raise RequestReused(f"order {new.id} is there already and was made from something else")
    order = await load_order(conn, new.id)
    choice = pick(await _candidates(conn))
    data = new.data | {"proposal": {"id": choice.person and str(choice.person.id), "why": choice.why}}
    event = Event(
        order.id, 1, order.id, "create", None, order.state, actor.id, actor.name, order.reported_at, data=data
    )
    await _append(conn, order, event, journal.GENESIS)
    return order


async def _record(conn: Connection, order: Order, event: Event) -> None:
    await conn.execute(queries.update_order, asdict(order))
    await _append(conn, order, event, await _one(conn, queries.last_hash, {"order_id": order.id}))


async def _append(conn: Connection, order: Order, event: Event, before: bytes) -> None:
    sealed = journal.seal(event, before)
    try:
        await conn.execute(
            queries.insert_event,
            asdict(event) | {"data": Jsonb(event.data), "hash_prev": sealed.hash_prev, "hash": sealed.hash},
        )
    except UniqueViolation as error:
        raise RequestReused(f"request {event.request_id} is being used for another order") from error
    changed = {
        "order_id": str(order.id), "machine_id": str(order.machine_id), "no": order.no, "seq": event.seq,
        "action": event.action, "state": order.state,
    }  # fmt: skip
    await outbox.write(conn, order.tenant_id, "order.changed", f"order.changed:{order.id}:{event.seq}", changed)


async def _candidates(conn: Connection) -> list[Candidate]:
    found = await conn.execute(queries.candidates, {"open_states": list(map(str, OPEN_STATES))})
    return [Candidate(row[0], row[1], frozenset(row[2]), row[3]) for row in await found.fetchall()]


async def _assignee(conn: Connection, request: Request) -> Candidate | None:
    if request.assignee_id is None:
        return None
    row = await (await conn.execute(queries.candidate, {"id": request.assignee_id})).fetchone()
    return Candidate(row[0], row[1], frozenset(row[2])) if row else None


async def _scan_matches(conn: Connection, order: Order, request: Request) -> bool:
    """A label is read as its token, its short code, or the whole address printed on it."""
    scanned = (request.scanned or "").strip().rstrip("/").rpartition("/")[2]
    values = {"machine_id": order.machine_id, "scanned": scanned}
    return bool(scanned) and await _one(conn, queries.label_of_machine, values) is not None


async def _no_other_open(conn: Connection, order: Order) -> None:
    if order.cause is None:
        return
    await conn.execute(queries.lock_machine, {"machine_id": order.machine_id})
    other = await _one(conn, queries.lock_order_of_cause, {"machine_id": order.machine_id, "cause": order.cause})
    if other:
        raise NotAllowed(f"order {other} is already open for the same machine and cause", [])


async def _teach(conn: Connection, order: Order, actor: Actor) -> None:
    """Hand the verdict to the detector that raised the alarm."""
    label = {"alarm_id": order.alarm_id, "order_id": order.id, "verdict": order.verdict, "by_id": actor.id}
    await conn.execute(queries.insert_label, label)
    given = {"alarm_id": str(order.alarm_id), "order_id": str(order.id), "machine_id": str(order.machine_id)}
    given |= {"cause": order.cause or "", "verdict": order.verdict or ""}
    await outbox.write(conn, order.tenant_id, "verdict.given", f"verdict.given:{order.id}:{order.version}", given)
