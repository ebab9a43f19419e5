"""Ends what silences alarms: shelvings, times out of service, and reasons by design that are gone.

every `reload_s` ─► run out, over, grown into something else ─► told now, when still active
"""

import contextlib
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from uuid import UUID

from anomaly import NotPossible, store
from anomaly.records import Alarm
from anomaly.suppression import reasons
from database.pool import Connection, set_tenant

_ENDS: dict[str, Callable[[Connection, UUID, UUID | None], Awaitable[Alarm]]] = {
    "shelved": store.unshelve,
    "out_of_service": store.return_to_service,
}


async def end_silences(conn: Connection) -> None:
    """In one transaction, tenant by tenant; whoever was faster has done it."""
    for tenant_id, alarm_id, suppression in await (await conn.execute(store.queries.run_out)).fetchall():
        await set_tenant(conn, tenant_id)
        with contextlib.suppress(NotPossible):
            await _ENDS[suppression](conn, alarm_id, None)
    for tenant_id, alarm_id in await reasons.over(conn):
        await set_tenant(conn, tenant_id)
        with contextlib.suppress(NotPossible):
            await store.unsuppress(conn, alarm_id, "what silenced it is over")
    for tenant_id, alarm_id in await reasons.grown_up(conn):
        await set_tenant(conn, tenant_id)
        await _compare(conn, alarm_id)


async def _compare(conn: Connection, alarm_id: UUID) -> None:
    alarm = await store.load_alarm(conn, alarm_id)
    age = datetime.now(UTC) - alarm.raised_at
    if not await reasons.still(conn, alarm.machine_id, store.case_of(alarm), "pattern", age):
        with contextlib.suppress(NotPossible):
            await store.unsuppress(conn, alarm_id, "it has not become what was called false")
