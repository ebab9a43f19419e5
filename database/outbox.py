"""Events between services: written in the transaction of the change, handled once by each consumer.

    write ──rows, one a consumer──► audit.outbox ──NOTIFY──► consume ──► handler's changes + DELETE, one transaction

An event whose handler fails comes again with growing pauses, and others pass it meanwhile: no order is promised.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import psycopg
import structlog
from psycopg import sql
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from database import DatabaseError, DatabaseUnavailable
from database.pool import Connection, Pool, set_tenant, transaction
from database.queries import load_queries

log = structlog.get_logger()

queries = load_queries(__file__)

# Who wants to know what. A topic without a consumer costs nothing; an unknown one is a spelling mistake.
CONSUMERS: dict[str, tuple[str, ...]] = {
    "alarm.raised": ("maintenance",),
    "alarm.cleared": ("maintenance",),
    "verdict.given": ("anomaly",),
    "standing.changed": (),
    "order.changed": (),
    "report.received": (),
}
_WAIT_LEAST_S, _WAIT_MOST_S = 0.5, 30.0


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened in a tenant's plant and that this consumer must act on."""

    id: int
    tenant_id: UUID
    topic: str
    key: str
    payload: dict[str, Any]
    attempts: int
    created_at: datetime


Handler = Callable[[Connection, Event], Awaitable[None]]


async def write(connection: Connection, tenant_id: UUID, topic: str, key: str, payload: Mapping[str, Any]) -> None:
    """Tell the topic's consumers, if and when the caller's transaction (of this tenant) commits."""
    if topic not in CONSUMERS:
        raise DatabaseError(f"{topic!r} is no topic of the outbox; known: {', '.join(CONSUMERS)}")
    values = {"tenant_id": tenant_id, "topic": topic, "key": key, "payload": Jsonb(dict(payload))}
    await connection.execute(queries.write_event, values | {"consumers": list(CONSUMERS[topic])})


async def consume(pool: Pool, consumer: str, handler: Handler) -> None:
    """Hand every event of `consumer` to `handler`, for ever, inside a transaction of the event's tenant.

    What the handler raises is recorded with the event and then raised: run this under `runtime.process.supervise`.

    Raises:
        DatabaseUnavailable: nobody answers; try again later.
    """
    assert isinstance(pool.conninfo, str)
    try:
        async with await psycopg.AsyncConnection.connect(pool.conninfo, autocommit=True) as listener:
            await listener.execute(sql.SQL("LISTEN {}").format(sql.Identifier(f"outbox_{consumer}")))
            while True:
                while await handle_next(pool, consumer, handler):
                    pass
                wait_s = await _wait_s(pool, consumer)
                async for _ in listener.notifies(timeout=wait_s, stop_after=1):
                    pass
    except psycopg.OperationalError as error:
        raise DatabaseUnavailable(f"the database does not answer: {error}") from error


async def handle_next(pool: Pool, consumer: str, handler: Handler) -> bool:
    """Handle one due event; False when there is none. What the handler raises is recorded and raised."""
    event: Event | None = None
    try:
        async with transaction(pool) as connection:
            async with connection.cursor(row_factory=class_row(Event)) as cursor:
                event = await (await cursor.execute(queries.take_event, {"consumer": consumer})).fetchone()
            if event is None:
                return False
            await set_tenant(connection, event.tenant_id)
            await handler(connection, event)
            await connection.execute(queries.finish_event, {"id": event.id})
    except Exception:
        if event is not None:
            await _postpone(pool, consumer, event)
        raise
    return True


async def _postpone(pool: Pool, consumer: str, event: Event) -> None:
    log.warning("event failed", consumer=consumer, topic=event.topic, key=event.key, attempts=event.attempts + 1)
    async with transaction(pool) as connection:
        await set_tenant(connection, event.tenant_id)
        await connection.execute(queries.postpone_event, {"id": event.id})


async def _wait_s(pool: Pool, consumer: str) -> float:
    async with transaction(pool) as connection:
        row = await (await connection.execute(queries.next_due_s, {"consumer": consumer})).fetchone()
    due_s = row[0] if row and row[0] is not None else _WAIT_MOST_S
    return float(min(max(due_s, _WAIT_LEAST_S), _WAIT_MOST_S))
