"""Puts the edge node together and tells the recorder of it.

[sparkplug], what the spool holds, what was sent ──build──► Northbound.run (for ever)
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from edge_gateway.catalog import Numbering
from edge_gateway.clock.kernel import clock_state
from edge_gateway.recorder import by_run
from edge_gateway.settings import GatewaySettings
from edge_gateway.sparkplug.backlog import Backlog, Sent
from edge_gateway.sparkplug.line import Line
from edge_gateway.sparkplug.memory import Memory
from edge_gateway.sparkplug.node import Node
from edge_gateway.sparkplug.outlet import Outlet, Sure, figures
from edge_gateway.sparkplug.session import Manner
from edge_gateway.sparkplug.settings import SparkplugSettings
from edge_gateway.spool.rows import HeldRun
from edge_gateway.uplink.delivery import BatchKey, Change
from edge_gateway.uplink.ranges import Ranges
from edge_gateway.uplink.session import Outbox
from protocols.sparkplug.topics import EdgeNode

_HOST_WAIT_S = 30.0


@dataclass(frozen=True, slots=True)
class Northbound:
    """An edge node that is ready to run."""

    outlet: Outlet
    line: Line

    async def run(self) -> None:
        """For ever."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self.outlet.run(), name="outlet")
            tasks.create_task(self.line.run(), name="line")


def build(wanted: SparkplugSettings, settings: GatewaySettings, numbering: Numbering, out: Outbox) -> Northbound:
    """Reads the memory file; connects nowhere yet. `out`: what our own uplink sends from."""
    name = EdgeNode(wanted.group or settings.tenant, wanted.edge_node or settings.gateway)
    memory = Memory(settings.spool.path)
    backlog = _backlog(wanted, memory, out.spool.opened.runs)
    node = Node(name, numbering, figures(clock_state(), backlog.lost), out.clock)
    sure = _receipt(out) if wanted.only else _nobody_minds
    outlet = Outlet(node, backlog, memory, out.spool, out.catalog, out.clock, sure)
    out.recorder.tell(outlet)
    servers = wanted.servers(settings.broker)
    wait_s = _HOST_WAIT_S if len(servers) > 1 else None
    return Northbound(
        outlet, Line(servers, outlet, Manner(name, wanted.host, wait_s, 1 / wanted.history_batches_per_s))
    )


def _backlog(wanted: SparkplugSettings, memory: Memory, runs: Sequence[HeldRun]) -> Backlog:
    """Where no earlier process has sent anything, what it has left is not for this host. Instead of our own uplink,
    the spool itself knows what was sent.
    """
    held = {run.run: _together(run.open, run.receipted) for run in runs}
    remembered = memory.load()
    sent: Sent = remembered.ranges() if remembered else held
    if wanted.only:
        sent = {run.run: run.receipted for run in runs}
    return Backlog(held, sent, wanted.again_s)


def _together(one: Ranges, other: Ranges) -> Ranges:
    both = Ranges(one)
    both.add_all(other)
    return both


def _receipt(out: Outbox) -> Sure:
    """What was sent counts as delivered: the spool may delete it when its time is up."""

    def sure(keys: Sequence[BatchKey]) -> None:
        for run, ranges in by_run(keys):
            out.delivery.gone(run, ranges)
            out.recorder.change(Change(run, ranges, Ranges()))

    return sure


def _nobody_minds(keys: Sequence[BatchKey]) -> None:
    """Only a receipt of our own cloud counts."""
