"""Alarms over HTTP: list, acknowledge, judge, put aside, how many there are, and the evidence as it was frozen."""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from anomaly import NotPossible, pictures, store
from anomaly.energy import NotEnoughData
from anomaly.energy.cost_store import case_excess
from anomaly.energy.money import Price, weekly_cost
from anomaly.flood import store as flood
from anomaly.flood.report import report
from anomaly.loop import labels
from anomaly.records import Alarm
from api import Invalid, cursors
from api.access import SignedIn, Tx
from api.history import check_span
from api.models import alarms as models
from api.models.base import MachineRef
from api.state import state_of
from database.pool import Connection
from maintenance import store as work

router = APIRouter(tags=["alarms"])

_REPORT_SPAN_MOST = timedelta(days=92)
_NO_COST: dict[str, Any] = {"result": "unknown"} | dict.fromkeys(
    ("excess_kw", "lower_kw", "upper_kw", "kwh_per_week", "per_week", "currency")
)
_MEDIA_TYPE = {"png": "image/png", "svg": "image/svg+xml"}
_PICTURE: dict[str, Any] = {
    "description": "The picture; it never changes, so it may be kept for ever.",
    "content": {name: {"schema": {"type": "string", "format": "binary"}} for name in _MEDIA_TYPE.values()},
}


@router.get("/alarms")
async def list_alarms(query: Annotated[models.AlarmQuery, Query()], tx: Tx) -> models.AlarmPage:
    """Alarms, last raised first."""
    found = await store.list_alarms(
        tx,
        active=query.active,
        machine_id=query.machine_id,
        after=cursors.time_and_id(query.cursor),
        limit=query.limit + 1,
    )
    page = found[: query.limit]
    following = cursors.encode(page[-1].raised_at, page[-1].id) if len(found) > query.limit else None
    return models.AlarmPage(items=await shown(tx, page), next_cursor=following)


@router.post("/alarms/{alarm_id}/ack")
async def acknowledge_alarm(alarm_id: UUID, tx: Tx, caller: SignedIn) -> models.Alarm:
    """Somebody has seen it; that is not yet work on it."""
    return await _one(tx, await store.acknowledge(tx, alarm_id, caller.person_id))


@router.post("/alarms/{alarm_id}/shelve")
async def shelve_alarm(alarm_id: UUID, wanted: models.Shelving, tx: Tx, caller: SignedIn) -> models.Alarm:
    """Put it aside for a while; it comes back by itself."""
    lasting = timedelta(minutes=wanted.minutes)
    return await _one(tx, await store.shelve(tx, alarm_id, caller.person_id, lasting, wanted.reason))


@router.post("/alarms/{alarm_id}/unshelve")
async def unshelve_alarm(alarm_id: UUID, tx: Tx, caller: SignedIn) -> models.Alarm:
    """Take it back from the shelf before its time."""
    return await _one(tx, await store.unshelve(tx, alarm_id, caller.person_id))


@router.post("/alarms/{alarm_id}/take-out")
async def take_out_alarm(alarm_id: UUID, wanted: models.OutOfService, tx: Tx, caller: SignedIn) -> models.Alarm:
    """Take it out of service for work on the machine; it comes back by itself at its end."""
    lasting = timedelta(hours=wanted.hours)
    return await _one(tx, await store.take_out(tx, alarm_id, caller.person_id, lasting, wanted.reason))


@router.post("/alarms/{alarm_id}/return")
async def return_alarm(alarm_id: UUID, tx: Tx, caller: SignedIn) -> models.Alarm:
    """Put it back into service before its end."""
    return await _one(tx, await store.return_to_service(tx, alarm_id, caller.person_id))


@router.post("/alarms/{alarm_id}/verdict")
async def judge_alarm(alarm_id: UUID, wanted: models.Judgement, tx: Tx, caller: SignedIn) -> models.Alarm:
    """Say what was found of an alarm that made no order; with an order, its completion says it."""
    if await work.orders_of_alarms(tx, [alarm_id]):
        raise NotPossible("an order answers this alarm: say there what was found")
    return await _one(tx, await labels.judge(tx, alarm_id, wanted.verdict, caller.person_id))


@router.get("/alarm-report")
async def read_alarm_report(query: Annotated[models.ReportQuery, Query()], tx: Tx) -> models.AlarmReport:
    """What alarms asked of people in a period: rate, floods, the ten most frequent, chattering, stale."""
    check_span(query.since, query.until, _REPORT_SPAN_MOST)
    told = await flood.load(tx, query.since, query.until, query.site_id)
    if len(told) >= flood.ALARMS_MOST:
        raise Invalid({"query.from": f"more than {flood.ALARMS_MOST} alarms; ask for a shorter period or one site"})
    return models.AlarmReport.model_validate(report(told, query.since, query.until))


@router.get("/alarms/{alarm_id}/evidence")
async def read_evidence(alarm_id: UUID, tx: Tx) -> models.Evidence:
    """What the detector saw, frozen when the alarm was raised; readable after the samples are gone."""
    frozen = await store.load_evidence(tx, alarm_id)
    return models.Evidence(
        alarm_id=alarm_id, sha256=frozen.sha256.hex(), frozen_at=frozen.frozen_at, snapshot=json.loads(frozen.snapshot)
    )


@router.get("/alarms/{alarm_id}/picture", response_class=Response, responses={200: _PICTURE})
async def read_picture(
    alarm_id: UUID, query: Annotated[models.PictureQuery, Query()], tx: Tx, request: Request
) -> Response:
    """The evidence as a picture, drawn from what was frozen and nothing else."""
    frozen = await store.load_evidence(tx, alarm_id)
    headers = {
        "ETag": f'"{frozen.sha256.hex()}-{pictures.VERSION}-{query.format}"',
        "Cache-Control": "private, max-age=31536000, immutable",
        "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; sandbox",
    }
    if request.headers.get("if-none-match") == headers["ETag"]:
        return Response(status_code=304, headers=headers)
    picture = await asyncio.to_thread(pictures.draw, frozen.snapshot, frozen.sha256, query.format)
    return Response(picture, media_type=_MEDIA_TYPE[query.format], headers=headers)


@router.get("/alarms/{alarm_id}/cost")
async def read_cost(alarm_id: UUID, tx: Tx, request: Request) -> models.Cost:
    """Energy and money a week that the machine takes more since the onset, for the same output."""
    alarm = await store.load_alarm(tx, alarm_id)
    try:
        found, explained = await case_excess(tx, alarm, datetime.now(UTC))
    except NotEnoughData as error:
        return models.Cost.model_validate(_NO_COST | {"reason": str(error)})
    settings = state_of(request).settings
    priced = weekly_cost(found.kw, found.share, Price(settings.energy_price or 0.0, settings.currency))
    told = "power for the same output" if explained else "power while running; no one tag of output explains it"
    return models.Cost(
        result="estimated", reason=told, excess_kw=found.kw, lower_kw=found.lower, upper_kw=found.upper,
        kwh_per_week=priced.kwh_per_week, per_week=priced.per_week if settings.energy_price else None,
        currency=settings.currency if settings.energy_price else None,
    )  # fmt: skip


async def shown(tx: Connection, alarms: Sequence[Alarm]) -> list[models.Alarm]:
    """Alarms as screens see them, each with the order that answers it."""
    order_of = await work.orders_of_alarms(tx, [alarm.id for alarm in alarms])
    return [_shown(alarm, order_of.get(alarm.id)) for alarm in alarms]


async def _one(tx: Connection, alarm: Alarm) -> models.Alarm:
    return (await shown(tx, [alarm]))[0]


def _shown(alarm: Alarm, order_id: UUID | None) -> models.Alarm:
    machine = MachineRef(id=alarm.machine_id, slug=alarm.machine_slug, name=alarm.machine_name)
    return models.Alarm.model_validate({**asdict(alarm), "machine": machine, "order_id": order_id})
