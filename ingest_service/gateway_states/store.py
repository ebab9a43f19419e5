"""Keeps the newest words of each gateway, and writes them once a second: a fleet that comes back says much at once."""

import asyncio
from collections.abc import Mapping
from functools import partial
from uuid import UUID

from database.pool import Connection
from database.queries import load_queries
from ingest_service.copy_format import storable
from ingest_service.gateway_states.words import Dropped, State
from ingest_service.transactions import Transactions

queries = load_queries(__file__)

_PAUSE_S = 1.0


class States:
    """What was heard and is not written yet, one entry a gateway."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions
        self._heard: dict[UUID, State] = {}
        self._news = asyncio.Event()

    def hear(self, gateway_id: UUID, state: State) -> None:
        """Take in what a gateway says; that it is gone does not undo what it said before."""
        before = self._heard.get(gateway_id)
        if before and not state.online:
            state = before.model_copy(update={"online": False})
        self._heard[gateway_id] = state
        self._news.set()

    async def run(self) -> None:
        """Write what is heard until cancelled."""
        while True:
            await self._news.wait()
            self._news.clear()
            heard, self._heard = self._heard, {}
            await self._transactions.until_committed(partial(put, heard=heard))
            await asyncio.sleep(_PAUSE_S)


async def put(connection: Connection, heard: Mapping[UUID, State]) -> None:
    """Write the words of these gateways, in one order, so that two workers never wait for each other in a circle."""
    states = sorted(heard.items())
    await connection.execute(
        queries.put_states,
        {
            "gateways": [gateway for gateway, _ in states],
            "online": [state.online for _, state in states],
            "runs": ["{" + ",".join(map(str, state.runs)) + "}" for _, state in states],
            "revisions": [state.revision for _, state in states],
            "open_batches": [state.open_batches for _, state in states],
            "set_aside": [storable(state.set_aside) if state.set_aside else None for _, state in states],
        },
    )
    dropped = {(gateway, gap.run, gap.first_seq): gap for gateway, state in states for gap in state.dropped}
    if dropped:
        await _put_dropped(connection, dict(sorted(dropped.items())))


async def _put_dropped(connection: Connection, dropped: Mapping[tuple[UUID, UUID, int], Dropped]) -> None:
    await connection.execute(
        queries.put_dropped,
        {
            "gateways": [gateway for gateway, _, _ in dropped],
            "runs": [run for _, run, _ in dropped],
            "first": [first for _, _, first in dropped],
            "last": [gap.last_seq for gap in dropped.values()],
            "samples": [gap.samples for gap in dropped.values()],
            "first_ns": [gap.first_ns for gap in dropped.values()],
            "last_ns": [gap.last_ns for gap in dropped.values()],
            "reasons": [storable(gap.reason) for gap in dropped.values()],
        },
    )
