"""The maintenance process: turns alarms into orders.

audit.outbox ──consume "maintenance"──► HANDLERS[topic] ──► orders and notes, in the transaction of the event
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

import structlog
from prometheus_client import Counter

from database import DatabaseUnavailable, outbox
from database.pool import Connection, Pool, open_pool, transaction
from maintenance import MaintenanceError, rules, store
from maintenance.records import State
from maintenance.settings import MaintenanceSettings
from runtime.health import check, serve_health
from runtime.logs import Outage
from runtime.process import supervise, tell_systemd
from runtime.retry import backoff_s

log = structlog.get_logger()

CONSUMER = "maintenance"

EVENTS = Counter("linewright_maintenance_events", "Events taken from the outbox.", ["topic"])
ORDERS = Counter("linewright_orders_from_alarms", "What became of raised alarms.", ["outcome"])
RESTARTS = Counter("linewright_maintenance_restarts", "Times the consumer failed and was started again.")


async def run_maintenance(settings: MaintenanceSettings) -> None:
    """Turn alarms into orders until cancelled; a database that is away is waited for."""
    outage = Outage(log, "database")
    async with contextlib.AsyncExitStack() as stack:
        if settings.health_port:
            checks = {
                "database": check(
                    lambda: outage.lasting_s == 0, "the database does not answer", "check [database] and that it runs"
                )
            }
            await stack.enter_async_context(serve_health(settings.health_port, checks))
        pool = await stack.enter_async_context(open_pool(settings.database))
        tell_systemd("READY=1")
        log.info("ready")
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(supervise("outbox", lambda: _consume(pool, outage), RESTARTS.inc), name="outbox")


async def handle(conn: Connection, event: outbox.Event) -> None:
    """Do what one event asks for; doing it twice does it once."""
    handler = HANDLERS.get(event.topic)
    if handler is None:
        raise MaintenanceError(f"nobody here handles {event.topic!r}")
    await handler(conn, event.payload)
    EVENTS.labels(event.topic).inc()


async def _consume(pool: Pool, outage: Outage) -> None:
    pause = backoff_s()
    while True:
        try:
            async with transaction(pool):
                outage.up()
            await outbox.consume(pool, CONSUMER, handle)
        except DatabaseUnavailable as error:
            outage.down(error, "orders are made as soon as it is back")
        await asyncio.sleep(next(pause))


async def _raised(conn: Connection, payload: dict[str, Any]) -> None:
    alarm = rules.read_alarm(payload)
    new = rules.order_for(alarm)
    if new is None:
        ORDERS.labels("triage").inc()
        return
    order, created = await store.create_order(conn, new)
    ORDERS.labels("created" if created else "joined").inc()
    if rules.more_urgent(alarm, order.priority) and order.state not in (State.CLOSED, State.CANCELLED):
        told = {"alarm_id": str(alarm.alarm_id), "priority": alarm.priority}
        await store.note(conn, order.id, rules.urgency_note(alarm), told, priority=alarm.priority)
    log.info(
        "order for alarm", order=order.no, machine=order.machine_slug, cause=alarm.cause, priority=alarm.priority,
        created=created,
    )  # fmt: skip


async def _cleared(conn: Connection, payload: dict[str, Any]) -> None:
    """An alarm that returns to normal never closes an order; the order is told."""
    alarm_id = UUID(payload["alarm_id"])
    for order_id in (await store.orders_of_alarms(conn, [alarm_id])).values():
        told = {"alarm_id": str(alarm_id), "alarm": "cleared"}
        await store.note(conn, order_id, rules.cleared_note(alarm_id), told)


HANDLERS: dict[str, Callable[[Connection, dict[str, Any]], Awaitable[None]]] = {
    "alarm.raised": _raised,
    "alarm.cleared": _cleared,
}
