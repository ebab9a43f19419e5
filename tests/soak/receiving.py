"""The far end of a long test: takes every batch of a real broker, has it judged, and receipts it."""

import asyncio
import socket
from collections.abc import Callable
from uuid import UUID

import aiomqtt

from benchmarks.modbus_plant import ADDRESS
from ingest_service.ledger import Ranges
from protocols.broker import BrokerSettings
from protocols.sample import Columns
from protocols.topics import Down, Up
from protocols.wire import columnar, receipt

_CREDIT = 256
_COMMIT_S = 0.05
_WITHOUT_DELAY = (socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

Judge = Callable[[UUID, Columns], None]


class Receiver:
    """`committed` tells which numbers of each run have come; one that comes again is receipted and not judged again."""

    def __init__(self, judge: Judge) -> None:
        self._judge = judge
        self.committed: dict[UUID, Ranges] = {}
        self.repeated = 0
        self._told: set[UUID] = set()

    async def run(self, broker: BrokerSettings) -> None:
        """Until cancelled."""
        line = aiomqtt.Client(
            broker.host, broker.port, socket_options=[_WITHOUT_DELAY], max_queued_incoming_messages=None
        )
        async with line as client, asyncio.TaskGroup() as tasks:
            client.pending_calls_threshold = 1000
            await client.subscribe(ADDRESS.up(Up.DATA), qos=1)
            tasks.create_task(self._tell(client))
            async for message in client.messages:
                self._take(bytes(message.payload))

    def _take(self, payload: bytes) -> None:
        batch = columnar.decode(payload)
        run, seq = batch.header.run_id, batch.header.seq
        known = self.committed.get(run, Ranges())
        self._told.discard(run)
        if seq in known:
            self.repeated += 1
        else:
            self._judge(run, batch.columns)
            self.committed[run] = known.adding([seq])

    async def _tell(self, client: aiomqtt.Client) -> None:
        """A receipt for each run of which something came, as often as ingest commits."""
        while True:
            await asyncio.sleep(_COMMIT_S)
            for run in self.committed.keys() - self._told:
                self._told.add(run)
                body = receipt.Receipt(run=run, committed=list(self.committed[run].items), credit=_CREDIT)
                await client.publish(ADDRESS.down(Down.RECEIPT), receipt.encode(body), qos=1)

    def holes(self) -> int:
        """Numbers that did not come although a later one did."""
        ranges = [each.items for each in self.committed.values()]
        return sum(items[-1][1] - sum(high - low + 1 for low, high in items) for items in ranges)
