"""Seen from outside: `/healthz` for load balancers, `/metrics` for a Prometheus on this machine only."""

import ipaddress

from fastapi import APIRouter, Request
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, generate_latest
from starlette.responses import JSONResponse, Response

from api import NoSuchThing
from api.state import state_of
from database import DatabaseError
from database.pool import transaction

router = APIRouter(include_in_schema=False)


@router.get("/healthz")
async def healthz(request: Request) -> Response:
    """200 while the database answers."""
    try:
        async with transaction(state_of(request).pool) as connection:
            await connection.execute("SELECT 1")
    except DatabaseError:
        return JSONResponse({"status": "failing", "failing": ["database"]}, status_code=503)
    return JSONResponse({"status": "ok", "failing": []})


@router.get("/metrics")
async def metrics(request: Request) -> Response:
    """Counts tell how much a plant does; strangers, and who comes through a proxy, are told nothing."""
    host = request.client.host if request.client else ""
    if "x-forwarded-for" in request.headers or not _is_loopback(host):
        raise NoSuchThing("metrics are served to this machine only; see health_port")
    return Response(generate_latest(REGISTRY), media_type=CONTENT_TYPE_LATEST)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
