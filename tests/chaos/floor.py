"""The gateway without its pollers: clock, recorder, spool, delivery and uplink are the product's, the samples are ours.

plant.column(1, 2, 3) ──measure──► intake ──► recorder ──► spool ──► uplink ──► broker
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path

from edge_gateway.catalog import Numbering, number
from edge_gateway.clock.gateway_clock import GatewayClock
from edge_gateway.daemon import _filled
from edge_gateway.intake import Intake
from edge_gateway.recorder import Recorder
from edge_gateway.settings import SpoolSettings
from edge_gateway.spool.spool import Spool, open_spool
from edge_gateway.uplink.delivery import Delivery, Pace
from edge_gateway.uplink.session import Outbox
from edge_gateway.uplink.uplink import Uplink
from protocols.broker import BrokerSettings
from protocols.sample import Column
from protocols.topics import GatewayAddress
from runtime.clock import Clock, ClockState
from tests.chaos.plant import TAGS
from tests.edge_gateway.gateway_parts import modbus_device, until

# As the usual one, for people who have no minutes to wait.
HASTE = Pace(resend_s=0.5, resend_most_s=4.0, settle_s=1.0)


def numbering(tags: int = TAGS) -> Numbering:
    """tag-0 … tag-9 of pump-1, which is how a plant's columns number them."""
    return number([modbus_device("pump-1", 502, {f"tag-{tag}": 1.0 for tag in range(tags)})])


@dataclass
class FloorBox:
    """A running one."""

    intake: Intake
    spool: Spool
    delivery: Delivery
    clock: GatewayClock
    recorder: Recorder

    async def measure(self, column: Column) -> None:
        """As a poller does; commits within a second."""
        await self.intake.put((column,))

    async def settled(self, within_s: float = 60.0) -> None:
        """Wait until everything measured so far is on disk and has its receipt."""
        await until(lambda: not (self.intake._batcher.due_s() < float("inf") or self.recorder._pending), within_s)
        await until(lambda: not (self.recorder._job or self.delivery.open), within_s)


@dataclass(frozen=True)
class Machine:
    """What a box is made of. Clock and kernel are those of the operating system, unless the part plays with them."""

    address: GatewayAddress
    spool: Path
    pace: Pace = HASTE
    keep_s: float = 86_400.0
    tags: int = TAGS
    clock: Clock | None = None
    kernel: Callable[[], ClockState] = lambda: ClockState.SYNCED


@contextlib.asynccontextmanager
async def floor_box(machine: Machine, broker: BrokerSettings) -> AsyncIterator[FloorBox]:
    """A process of its own as far as spool and broker can tell: leaving it stops it in order."""
    clock = GatewayClock(machine.clock, machine.kernel)
    numbers = numbering(machine.tags)
    wanted = SpoolSettings(path=machine.spool, max_bytes=256 << 20, keep_receipted_s=machine.keep_s)
    async with open_spool(wanted, numbers.catalog, clock) as spool:
        if spool.opened.runs:
            clock.learn(max(run.started_ns for run in spool.opened.runs), was_synced=True)
        delivery = _filled(Delivery(machine.pace), spool, clock)
        intake = Intake(clock)
        recorder = Recorder(spool, delivery, intake, numbers, clock)
        uplink = Uplink(broker, Outbox(machine.address, numbers.catalog, spool, delivery, recorder, clock))
        async with recorder, asyncio.TaskGroup() as tasks:
            running = [tasks.create_task(work) for work in (recorder.run(), uplink.run())]
            try:
                yield FloorBox(intake, spool, delivery, clock, recorder)
            finally:
                for task in running:
                    task.cancel()
