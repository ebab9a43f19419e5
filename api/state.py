"""What one running API holds: opened by `open_state`, reached from a request by `state_of`."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass

from fastapi import Request

from api.files import Pages, find_root, read_pages
from api.limits import Limits, usual_limits
from api.passwords import Passwords
from api.settings import ApiSettings
from api.stream.hub import Hub
from database.pool import Pool, open_pool, refuse_privileged, transaction
from runtime.clock import SystemClock

# Each reads as fast as the database can; more of them would starve the screens.
EXPORTS_MOST = 2


@dataclass(frozen=True, slots=True)
class ApiState:
    """Everything a handler may need."""

    settings: ApiSettings
    pool: Pool
    hub: Hub
    limits: Limits
    passwords: Passwords
    pages: Pages
    exporting: asyncio.Semaphore


@contextlib.asynccontextmanager
async def open_state(settings: ApiSettings) -> AsyncIterator[ApiState]:
    """Wait for the database, make sure of our role, read the app's files.

    Raises:
        PrivilegedRole: row-level security would not bind us.
    """
    async with open_pool(settings.database) as pool:
        async with transaction(pool) as connection:
            await refuse_privileged(connection)
        pages = read_pages(find_root(settings.web_root))
        exporting = asyncio.Semaphore(EXPORTS_MOST)
        yield ApiState(settings, pool, Hub(), usual_limits(SystemClock()), Passwords(), pages, exporting)


def state_of(request: Request) -> ApiState:
    """The state of the application that serves this request."""
    state = request.app.state.api
    assert isinstance(state, ApiState)
    return state
