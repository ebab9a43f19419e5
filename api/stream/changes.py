"""Changed alarms and orders: NOTIFY of the database → the hub.

    trigger on alarm.alarm, work.work_order ──NOTIFY live──► LISTEN ──► row, read as its tenant ──► hub

LISTEN, not a poll of changed rows: it costs nothing while nothing happens, arrives with the commit, and the trigger
sees every writer. The notice carries ids only; what a viewer may see is read under row-level security. Notices sent
while the connection was away are lost, so when it is back all streams end: a viewer that comes again reads anew.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import psycopg
import structlog

from api.stream.hub import Event, Hub
from database import DatabaseUnavailable
from runtime.logs import Outage
from runtime.retry import backoff_s

log = structlog.get_logger()

CHANNEL = "live"

AlarmOf = Callable[[UUID, UUID], Awaitable[dict[str, Any]]]  # tenant, alarm


@dataclass(frozen=True, slots=True)
class Notice:
    """What the trigger says."""

    tenant_id: UUID
    machine_id: UUID
    kind: str
    id: UUID
    state: str | None


def read_notice(payload: str) -> Notice:
    """The inverse of `audit.tell_live`."""
    told = json.loads(payload)
    return Notice(UUID(told["tenant"]), UUID(told["machine"]), told["kind"], UUID(told["id"]), told.get("state"))


class LiveChanges:
    """Listens on one connection of its own."""

    def __init__(self, dsn: str, hub: Hub, alarm_of: AlarmOf) -> None:
        self._dsn = dsn
        self._hub = hub
        self._alarm_of = alarm_of

    async def run(self) -> None:
        """Listen, reconnect; ends only by cancellation."""
        outage = Outage(log, "notices of the database")
        pause = backoff_s()
        while True:
            try:
                async with await psycopg.AsyncConnection.connect(
                    self._dsn, autocommit=True, application_name="linewright api live", connect_timeout=5
                ) as connection:
                    await connection.execute(f"LISTEN {CHANNEL}")
                    self._hub.end_all()
                    outage.up()
                    pause = backoff_s()
                    async for notify in connection.notifies():
                        await self._tell(read_notice(notify.payload))
            except (psycopg.OperationalError, DatabaseUnavailable) as error:
                outage.down(error, "screens reload when it is back")
            await asyncio.sleep(next(pause))

    async def _tell(self, notice: Notice) -> None:
        if notice.tenant_id not in {tenant.id for tenant in self._hub.tenants()}:
            return
        data: dict[str, Any] = {"id": str(notice.id), "state": notice.state}
        if notice.kind == "alarm":
            data = await self._alarm_of(notice.tenant_id, notice.id)
        self._hub.publish(Event(notice.tenant_id, notice.machine_id, notice.kind, data))
