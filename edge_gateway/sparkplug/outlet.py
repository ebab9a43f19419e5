"""Between the spool and the edge node: told of every batch on disk, loads it, and keeps count of what was sent.

    recorder ──add, gone──► Outlet ──no session: follow──► the node takes note, the batch waits
                                   ──session: speak ─────► the node's messages go out, the batch is sent

A session holds `turn` while it speaks, so that nothing else moves the node. What waited goes out as history.
"""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from edge_gateway import metrics
from edge_gateway.catalog import whole
from edge_gateway.clock.kernel import clock_state
from edge_gateway.restart_gap import moved
from edge_gateway.sparkplug.backlog import Backlog
from edge_gateway.sparkplug.memory import Memory
from edge_gateway.sparkplug.node import Figures, Node
from edge_gateway.spool.spool import Spool
from edge_gateway.uplink.delivery import BatchKey
from protocols import UndecodablePayload
from protocols.sample import Column, Columns
from protocols.wire import columnar
from protocols.wire.catalog import Catalog
from runtime.clock import Clock, ClockState, monotonic_s

_KEEP_S = 10.0

Sure = Callable[[Sequence[BatchKey]], None]


@dataclass(frozen=True, slots=True)
class Outlet:
    """Outlives every session. `sure` is told of batches that were sent and will not be asked for again."""

    node: Node
    backlog: Backlog
    memory: Memory
    spool: Spool
    catalog: Catalog
    clock: Clock
    sure: Sure
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    news: asyncio.Event = field(default_factory=asyncio.Event)
    heard_all: asyncio.Event = field(default_factory=asyncio.Event)

    # What the recorder tells

    def add(self, key: BatchKey) -> None:
        """A batch is on disk."""
        self.backlog.add(key)
        self.news.set()

    def gone(self, run: UUID, ranges: Iterable[tuple[int, int]]) -> None:
        """The spool no longer holds these."""
        before = self.backlog.lost
        self.backlog.gone(run, ranges)
        metrics.SPARKPLUG_LOST.inc(self.backlog.lost - before)

    # For ever

    async def run(self) -> None:
        """Take note of what comes while no session speaks, and remember what was sent."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._follow(), name="follow")
            tasks.create_task(self._keep(), name="keep")

    async def _follow(self) -> None:
        while True:
            async with self.turn:
                while key := self.backlog.fresh:
                    self.node.take(await self.load(key))
                    self.backlog.looked_at(key)
                if self.node.heard_all:
                    self.heard_all.set()
                self.news.clear()
            await self.news.wait()

    async def _keep(self) -> None:
        known = self.backlog.all_sent
        try:
            while True:
                await self.clock.sleep(_KEEP_S)
                metrics.SPARKPLUG_WAITING.set(len(self.backlog))
                self.sure(self.backlog.sure(self.now_s()))
                if (sent := self.backlog.all_sent) != known:
                    await asyncio.to_thread(self.memory.save, sent)
                    known = sent
        finally:
            self.sure(self.backlog.sure(float("inf")))
            self.memory.save(self.backlog.all_sent)

    # What a session asks

    def now_s(self) -> float:
        return monotonic_s(self.clock)

    async def load(self, key: BatchKey) -> Columns:
        """The samples of a batch under the aliases of today; none when it is gone or damaged."""
        (payload,) = await self.spool.load([key])
        columns = self._understood(payload) if payload else None
        if columns is None:
            self.gone(key.run, [(key.seq, key.seq)])
        return columns or ()

    def _understood(self, payload: bytes) -> Columns | None:
        try:
            batch = columnar.decode(payload)
        except UndecodablePayload:
            return None
        revision = batch.header.revision if batch.header else None
        if revision == self.catalog.revision:
            return batch.columns
        catalog = whole(self.spool.opened.catalogs).get(revision) if revision is not None else None
        return _renumbered(batch.columns, catalog, self.catalog) if catalog else None

    def figures(self) -> Figures:
        """What the node says of itself."""
        return figures(clock_state(), self.backlog.lost)


def figures(clock: ClockState, lost: int) -> Figures:
    """The gateway's own metrics: what a host should know before it trusts a history to be whole."""
    return {"Properties/Software": "Linewright", "Node Info/Clock": clock.name.lower(), "Node Info/Lost Batches": lost}


def _renumbered(columns: Columns, old: Catalog, new: Catalog) -> Columns:
    """Without the tags that there are no longer."""
    alias_of = moved(old, new)
    found = []
    for column in columns:
        alias = alias_of[column.alias]
        here = alias >= 0
        arrays = (column.time_ns[here], column.value[here], column.code[here])
        found.append(Column(column.kind, alias[here].astype("u4"), *arrays))
    return tuple(found)
