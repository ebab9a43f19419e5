"""The application: routes, who may call them, what is around them. Nothing is opened before the first request is near.

create_app(settings) ──► FastAPI; its lifespan opens database, live stream and pages and closes them in reverse
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from functools import partial
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Depends, FastAPI
from fastapi.routing import APIRoute
from prometheus_client import Counter
from starlette.middleware.gzip import GZipMiddleware
from starlette.types import ASGIApp

from anomaly.store import load_alarm
from api import (
    access,
    alarms,
    detector_models,
    gateways,
    history,
    interface,
    labels,
    live,
    machines,
    orders,
    pages,
    people,
    precision,
    probes,
    problems,
    public,
    sessions,
    silence,
    waveforms,
)
from api.bodies import BodyLimit
from api.headers import Envelope
from api.settings import ApiSettings
from api.state import ApiState, open_state
from api.stream.changes import LiveChanges
from api.stream.sessions import watch_sessions
from api.stream.tags import tags_of
from api.stream.values import LiveValues
from database.pool import tenant_transaction
from runtime.process import supervise

_JSON_BYTES_MOST = 64 << 10
_ROOMS = (
    sessions, machines, history, waveforms, gateways, labels, orders, alarms, precision, silence, detector_models,
    people, live, public,
)  # fmt: skip

RESTARTS = Counter("lw_api_task_restarts_total", "Side tasks that ended and were started again.", ["task"])


class LinewrightApi(FastAPI):
    """FastAPI inside the envelope: also what fails outside every handler gets headers and is counted."""

    def __init__(self, settings: ApiSettings) -> None:
        super().__init__(
            title="Linewright",
            version="1",
            summary="Machines, values, alarms, work orders and labels of one tenant.",
            openapi_url="/api/v1/openapi.json",
            docs_url=None,  # its page would load scripts from another host
            redoc_url=None,
            generate_unique_id_function=lambda route: route.name,
            lifespan=lifespan,
        )
        self.settings = settings

    def openapi(self) -> dict[str, Any]:
        if self.openapi_schema is None:
            self.openapi_schema = interface.complete(super().openapi())
        return self.openapi_schema

    def build_middleware_stack(self) -> ASGIApp:
        return Envelope(super().build_middleware_stack(), https=self.settings.base_url.startswith("https"))


def create_app(settings: ApiSettings) -> LinewrightApi:
    """The application, not yet opened."""
    app = LinewrightApi(settings)
    routes = APIRouter(prefix="/api/v1", dependencies=[Depends(access.authorize)])
    for room in _ROOMS:
        routes.include_router(room.router)
    access.check_table(route.name for route in api_routes())
    app.include_router(routes)
    app.include_router(probes.router)
    app.include_router(pages.router)
    app.add_middleware(BodyLimit, most=_body_bytes_most)
    app.add_middleware(GZipMiddleware, minimum_size=1024, compresslevel=5)
    problems.install(app)
    return app


def _body_bytes_most(path: str) -> int:
    return public.BODY_BYTES_MOST if path.endswith("/reports") else _JSON_BYTES_MOST


def api_routes() -> Iterator[APIRoute]:
    """Every route of the API."""
    for room in _ROOMS:
        yield from (route for route in room.router.routes if isinstance(route, APIRoute))


@contextlib.asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Open what the handlers need, run the live stream beside them."""
    assert isinstance(app, LinewrightApi)
    async with open_state(app.settings) as state, asyncio.TaskGroup() as tasks:
        app.state.api = state
        running = [
            tasks.create_task(supervise(name, work, RESTARTS.labels(name).inc), name=name)
            for name, work in _side_tasks(state).items()
        ]
        yield
        state.hub.close()
        for task in running:
            task.cancel()


def _side_tasks(state: ApiState) -> dict[str, Callable[[], Awaitable[None]]]:
    settings, hub = state.settings, state.hub
    dsn = settings.database.dsn.get_secret_value()
    return {
        "live values": LiveValues(settings.broker, hub, partial(tags_of, state.pool)).run,
        "live changes": LiveChanges(dsn, hub, partial(_alarm_of, state)).run,
        "live sessions": partial(watch_sessions, hub, state.pool),
    }


async def _alarm_of(state: ApiState, tenant_id: UUID, alarm_id: UUID) -> dict[str, Any]:
    async with tenant_transaction(state.pool, tenant_id) as connection:
        (alarm,) = await alarms.shown(connection, [await load_alarm(connection, alarm_id)])
    return alarm.model_dump(mode="json", by_alias=True)
