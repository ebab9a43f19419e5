"""Gateways: whether they are there, and whether all that they measured is."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query

from api import NoSuchThing, cursors
from api.access import Tx
from api.models import gateways as models
from api.models.base import PageQuery
from ingest_service import completeness

router = APIRouter(tags=["gateways"])


@router.get("/gateways")
async def list_gateways(query: Annotated[PageQuery, Query()], tx: Tx) -> models.GatewayPage:
    """Gateways by slug, with what they last said of themselves."""
    found = await completeness.own_gateways(tx, cursors.text(query.cursor) or "", query.limit + 1)
    page = found[: query.limit]
    following = cursors.encode(page[-1].slug) if len(found) > query.limit else None
    return models.GatewayPage(items=[models.Gateway.model_validate(one) for one in page], next_cursor=following)


@router.get("/gateways/{gateway_id}/completeness")
async def read_completeness(gateway_id: UUID, tx: Tx) -> models.Completeness:
    """Which batches of a gateway are missing: given up by it, still on their way, or nobody knows."""
    gateway = await completeness.own_gateway(tx, gateway_id)
    if gateway is None:
        raise NoSuchThing("there is no such gateway")
    gaps = await completeness.own_gaps(tx, gateway_id)
    return models.Completeness(
        gateway=models.Gateway.model_validate(gateway),
        complete=not gaps,
        gaps=[models.Gap.model_validate(gap) for gap in gaps],
    )
