"""Trained detectors over HTTP: list, compare with the released one, stage, release, roll back."""

from dataclasses import asdict
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query

from anomaly.models import store
from anomaly.models.file import compare
from api import cursors
from api.access import SignedIn, Tx
from api.models import detector_models as models
from database.pool import Connection

router = APIRouter(tags=["detector models"])


@router.get("/detector-models")
async def list_detector_models(query: Annotated[models.ModelQuery, Query()], tx: Tx) -> models.DetectorModelPage:
    """Models, last trained first."""
    found = await store.list_models(tx, query.name, cursors.time_and_id(query.cursor), query.limit + 1)
    page = found[: query.limit]
    following = cursors.encode(page[-1].created_at, page[-1].id) if len(found) > query.limit else None
    return models.DetectorModelPage(items=[_shown(one) for one in page], next_cursor=following)


@router.get("/detector-models/{model_id}")
async def read_detector_model(model_id: UUID, tx: Tx) -> models.WholeDetectorModel:
    """One model with its card, its history, and what it is better and worse at than the released one."""
    return await _whole(tx, await store.load(tx, model_id))


@router.post("/detector-models/{model_id}/actions")
async def act_on_detector_model(
    model_id: UUID, wanted: models.ModelAction, tx: Tx, caller: SignedIn
) -> models.WholeDetectorModel:
    """Take one step; who took it and why stays in its history."""
    return await _whole(tx, await store.act(tx, model_id, wanted.action, wanted.reason, caller.person_id))


async def _whole(tx: Connection, model: store.Model) -> models.WholeDetectorModel:
    events = [models.ModelEvent.model_validate(event) for event in await store.events(tx, model.id)]
    now = await store.released_of(tx, model.name)
    differences = compare(now.card, model.card) if now and now.id != model.id else []
    against = [models.Difference.model_validate(one) for one in differences]
    return models.WholeDetectorModel(**_shown(model).model_dump(), events=events, against_released=against)


def _shown(model: store.Model) -> models.DetectorModel:
    return models.DetectorModel.model_validate({**asdict(model), "sha256": model.sha256.hex()})
