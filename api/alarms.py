"""Alarms over HTTP: list, acknowledge, shelve, and the evidence as it was frozen."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import timedelta
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query

from anomaly import store
from anomaly.records import Alarm
from api import cursors
from api.access import SignedIn, Tx
from api.models import alarms as models
from api.models.base import MachineRef
from database.pool import Connection
from maintenance import store as work

router = APIRouter(tags=["alarms"])


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


@router.get("/alarms/{alarm_id}/evidence")
async def read_evidence(alarm_id: UUID, tx: Tx) -> models.Evidence:
    """What the detector saw, frozen when the alarm was raised; readable after the samples are gone."""
    frozen = await store.load_evidence(tx, alarm_id)
    return models.Evidence(
        alarm_id=alarm_id, sha256=frozen.sha256.hex(), frozen_at=frozen.frozen_at, snapshot=json.loads(frozen.snapshot)
    )


async def shown(tx: Connection, alarms: Sequence[Alarm]) -> list[models.Alarm]:
    """Alarms as screens see them, each with the order that answers it."""
    order_of = await work.orders_of_alarms(tx, [alarm.id for alarm in alarms])
    return [_shown(alarm, order_of.get(alarm.id)) for alarm in alarms]


async def _one(tx: Connection, alarm: Alarm) -> models.Alarm:
    return (await shown(tx, [alarm]))[0]


def _shown(alarm: Alarm, order_id: UUID | None) -> models.Alarm:
    machine = MachineRef(id=alarm.machine_id, slug=alarm.machine_slug, name=alarm.machine_name)
    return models.Alarm.model_validate({**asdict(alarm), "machine": machine, "order_id": order_id})
