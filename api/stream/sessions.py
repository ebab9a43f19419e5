"""Lets go of streams whose session has ended, was revoked, or whose person was disabled: within 5 s."""

import asyncio

from api.stream.hub import Hub
from database import DatabaseUnavailable
from database.pool import Pool, transaction
from device_registry import store as registry

CHECK_S = 3.0


async def watch_sessions(hub: Hub, pool: Pool) -> None:
    """Ask for all open streams, again and again; ends only by cancellation."""
    while True:
        await asyncio.sleep(CHECK_S)
        try:
            hub.keep_only(await _alive(pool, hub.sessions()))
        except DatabaseUnavailable:
            hub.end_all()  # nobody can say who may still look


async def _alive(pool: Pool, tokens: set[str]) -> set[str]:
    if not tokens:
        return set()
    async with transaction(pool) as connection:
        return {token for token in tokens if await registry.find_session(connection, token)}
