"""The live stream over HTTP: server-sent events of values, alarms and orders of the caller's tenant.

    GET /api/v1/live ──► viewer in the hub ──► event: value | alarm | order, a comment at least every 15 s

What is missed (slow line, lost connection) is not sent again: a client that connects reads the lists first.
"""

from collections.abc import AsyncIterator
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, ConfigDict
from starlette.responses import StreamingResponse

from api import NoSuchThing, TooMany
from api.access import SignedIn, Tx
from api.state import state_of
from api.stream.hub import Hub, Tenant, Viewer
from device_registry import store as registry

router = APIRouter(tags=["live"])

_EXAMPLE = (
    'event: value\ndata: {"tag_id": "3f0c…", "slug": "vibration_rms", "time": "2026-03-01T08:00:00Z", '
    '"value": 2.4, "quality": "good", "reason": "none"}\n\n'
    'event: order\ndata: {"id": "0198…", "state": "ASSIGNED"}\n\n: still here\n\n'
)
_DESCRIBED = {"text/event-stream": {"schema": {"type": "string"}, "example": _EXAMPLE}}


class LiveQuery(BaseModel):
    """What to follow."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    machine_id: UUID | None = None


@router.get("/live", response_class=StreamingResponse, responses={200: {"content": _DESCRIBED}})
async def follow_live(
    query: Annotated[LiveQuery, Query()], tx: Tx, caller: SignedIn, request: Request
) -> StreamingResponse:
    """Follow one machine, or the whole plant. Ends within 5 s of the session's end."""
    tenant = await registry.current_tenant(tx)
    if tenant is None or (query.machine_id and await registry.find_machine(tx, query.machine_id) is None):
        raise NoSuchThing("there is no such machine")
    hub = state_of(request).hub
    if not hub.has_room(caller.token):
        raise TooMany("open streams", 10)
    place, sees_orders = Tenant(tenant.id, tenant.slug), caller.may("list_orders")
    viewer = Viewer(place, caller.token, query.machine_id, sees_orders=sees_orders)
    return StreamingResponse(
        _frames(hub, viewer),
        media_type="text/event-stream",
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )


async def _frames(hub: Hub, viewer: Viewer) -> AsyncIterator[bytes]:
    hub.join(viewer)
    try:
        async for frame in viewer.frames():
            yield frame
    finally:
        hub.leave(viewer)
