"""Machines over HTTP: list and page. Each answer holds all that its screen needs; values and history: history.py."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query

from anomaly import store as alarm_store
from api import NoSuchThing, alarms, cursors, orders
from api.access import SignedIn, Tx
from api.models import machines as models
from api.models.base import PageQuery
from database.pool import Connection
from device_registry import store as registry
from device_registry.records import Machine, MachineSummary
from maintenance import store as work
from maintenance.records import Order

router = APIRouter(tags=["machines"])

RECENT_ORDERS = 10
ACTIVE_ALARMS_MOST = 50


@router.get("/machines")
async def list_machines(query: Annotated[PageQuery, Query()], tx: Tx) -> models.MachinePage:
    """Machines by slug, with how much is wrong and how much is being done about it."""
    found = await registry.list_machines(tx, cursors.text(query.cursor) or "", query.limit + 1)
    page = found[: query.limit]
    following = cursors.encode(page[-1].slug) if len(found) > query.limit else None
    return models.MachinePage(items=await _summaries(tx, page), next_cursor=following)


@router.get("/machines/{machine_id}")
async def read_machine(machine_id: UUID, tx: Tx, caller: SignedIn) -> models.Machine:
    """A machine with its tags, limits, active alarms and, for those who may see orders, its last orders."""
    machine = await machine_of(tx, machine_id)
    (summary,) = await _summaries(tx, [machine])
    tags = await registry.list_tags(tx, [machine_id])
    limits = await alarm_store.limits_of_tags(tx, [tag.id for tag in tags])
    recent: list[Order] = []
    if caller.may("list_orders"):
        recent = await work.list_orders(tx, work.OrderFilter(machine_id=machine_id), limit=RECENT_ORDERS)
    active = await alarm_store.list_alarms(tx, active=True, machine_id=machine_id, limit=ACTIVE_ALARMS_MOST)
    return models.Machine(
        **summary.model_dump(),
        serial=machine.serial,
        tags=[models.Tag.model_validate({**asdict(tag), "limits": limits.get(tag.id, {})}) for tag in tags],
        recent_orders=[orders.summary(order) for order in recent],
        active=await alarms.shown(tx, active),
    )


async def machine_of(tx: Connection, machine_id: UUID) -> Machine:
    """Raises NoSuchThing when this tenant has none of that id."""
    machine = await registry.find_machine(tx, machine_id)
    if machine is None:
        raise NoSuchThing("there is no such machine")
    return machine


async def _summaries(tx: Connection, machines: Sequence[MachineSummary]) -> list[models.MachineSummary]:
    ids = [machine.id for machine in machines]
    active, open_ = await alarm_store.active_counts(tx, ids), await work.open_counts(tx, ids)
    counted = ({"active_alarms": active.get(key, 0), "open_orders": open_.get(key, 0)} for key in ids)
    return [
        models.MachineSummary.model_validate({**asdict(machine), **counts})
        for machine, counts in zip(machines, counted, strict=True)
    ]
