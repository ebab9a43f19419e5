"""Machines over HTTP: list, page, latest values, history. Each answer holds all that its screen needs."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Annotated, Any
from uuid import UUID

import numpy as np
from fastapi import APIRouter, Query

from anomaly import store as alarm_store
from api import Invalid, NoSuchThing, alarms, cursors, orders
from api.access import SignedIn, Tx
from api.models import machines as models
from api.models.base import PageQuery
from database.pool import Connection
from device_registry import store as registry
from device_registry.records import Machine, MachineSummary, Tag
from ingest_service import history as telemetry
from maintenance import store as work
from maintenance.records import Order
from protocols.sample import quality_of, reason_of

router = APIRouter(tags=["machines"])

RECENT_ORDERS = 10
ACTIVE_ALARMS_MOST = 50
TAGS_MOST = 20
SPAN_MOST = timedelta(days=400)


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
    machine = await _machine(tx, machine_id)
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


@router.get("/machines/{machine_id}/values")
async def read_values(machine_id: UUID, tx: Tx) -> models.Values:
    """The newest sample of each tag, of the last day."""
    await _machine(tx, machine_id)
    tags = await registry.list_tags(tx, [machine_id])
    newest = await telemetry.latest(tx, [tag.series_id for tag in tags])
    return models.Values(items=[_value(tag, newest[tag.series_id]) for tag in tags if tag.series_id in newest])


@router.get("/machines/{machine_id}/history")
async def read_history(
    machine_id: UUID, query: Annotated[models.HistoryQuery, Query()], tx: Tx
) -> models.History:
    """A period of some tags, cut into steps that people read off an axis."""
    _check_span(query.since, query.until)
    await _machine(tx, machine_id)
    tags = _wanted(query.tags, await registry.list_tags(tx, [machine_id]))
    found = await telemetry.history(tx, [tag.series_id for tag in tags], query.since, query.until, query.points)
    return models.History(
        since=query.since,
        until=query.until,
        resolution_s=found.resolution_s,
        series=[_series(tag, found.series[tag.series_id]) for tag in tags],
    )


async def _machine(tx: Connection, machine_id: UUID) -> Machine:
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


def _value(tag: Tag, newest: telemetry.Latest) -> models.TagValue:
    quality: Any = quality_of(newest.code).name.lower()
    return models.TagValue(
        tag_id=tag.id, slug=tag.slug, time=newest.time, value=newest.value, quality=quality,
        reason=reason_of(newest.code),
    )  # fmt: skip


def _check_span(since: datetime, until: datetime) -> None:
    if not timedelta(0) < until - since <= SPAN_MOST:
        raise Invalid({"query.to": f"lies after `from`, at most {SPAN_MOST.days} days"})


def _wanted(slugs: str, tags: Sequence[Tag]) -> list[Tag]:
    by_slug = {tag.slug: tag for tag in tags}
    wanted = list(dict.fromkeys(slug.strip() for slug in slugs.split(",")))
    unknown = [slug for slug in wanted if slug not in by_slug]
    if unknown or len(wanted) > TAGS_MOST:
        told = f"this machine has no tag {unknown[0]!r}" if unknown else f"at most {TAGS_MOST} at once"
        raise Invalid({"query.tags": told})
    return [by_slug[slug] for slug in wanted]


def _series(tag: Tag, found: telemetry.SeriesHistory) -> models.Series:
    table = np.column_stack([found.mean, found.low, found.high]).tolist()
    return models.Series(
        slug=tag.slug,
        unit=tag.unit,
        points=[(at, *row) for at, row in zip(found.time_ms.astype(np.int64).tolist(), table, strict=True)],
        bad=[(round(stretch.from_ms), round(stretch.to_ms), stretch.reason) for stretch in found.bad],
    )
