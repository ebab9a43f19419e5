"""A whole fleet, from the first connection to the last receipt.

plan ──► gateways ──divided──► crews, one connection each ──► Played: what was made, how often it was sent
"""

import asyncio
import math
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import uuid4

import numpy as np
from numpy.typing import NDArray

from protocols.broker import BrokerSettings
from simulators.fleet.crew import Crew, Fleet
from simulators.fleet.gateway import RESEND_S, WINDOW, Gateway
from simulators.fleet.pace import Pace
from simulators.fleet.plan import FleetPlan

_LOOK_S = 1.0


@dataclass(frozen=True, slots=True)
class Drive:
    """How a plan is played: `seconds` of making at `speed`; given up when nothing is heard for `patience_s`.

    `resend_s`: how long a gateway waits for a receipt, at first; `in_flight_most`: batches that each of them sends
    ahead of its receipts. Thousands that use their whole window flood a broker, which drops, and that takes time.
    """

    speed: float = 1.0
    seconds: float = math.inf
    connections: int = 4
    patience_s: float = 60.0
    resend_s: float = RESEND_S
    in_flight_most: int = WINDOW


@dataclass(frozen=True, slots=True)
class Played:
    """What a fleet has done: gateway g made batches begun[g] … made[g] - 1."""

    plan: FleetPlan
    begun: NDArray[np.int64]
    made: NDArray[np.int64]
    sent: int
    resent: int
    restarts: int
    rejected: int
    open: int
    connections: int
    took_s: float

    @property
    def samples(self) -> int:
        """Samples made this time, those of damaged batches too."""
        return int((self.made - self.begun).sum()) * self.plan.samples_in_batch


async def play(
    plan: FleetPlan, broker: BrokerSettings, drive: Drive, before: NDArray[np.int64] | None = None
) -> Played:
    """Play until every batch has its receipt, or patience ends: then `open` says how many have none.

    `before`: how many batches each gateway has made already; it goes on behind them.
    """
    begun = np.zeros(plan.gateways, np.int64) if before is None else before
    gateways = [
        Gateway(index, int(begun[index]), resend_s=drive.resend_s, in_flight_most=drive.in_flight_most)
        for index in range(plan.gateways)
    ]
    fleet = Fleet(plan, broker, Pace(plan, drive.speed, drive.seconds))
    name = f"fleet-{uuid4().hex[:8]}"
    parts = min(drive.connections, plan.gateways)
    crews = [Crew(fleet, f"{name}-{part}", gateways[part::parts]) for part in range(parts)]
    async with asyncio.TaskGroup() as tasks:
        working = {tasks.create_task(crew.run()) for crew in crews}
        while working and fleet.silent_s < drive.patience_s:
            _, working = await asyncio.wait(working, timeout=_LOOK_S)
        for task in working:
            task.cancel()
    return _played(fleet, gateways, crews, begun)


def _played(fleet: Fleet, gateways: Sequence[Gateway], crews: Sequence[Crew], begun: NDArray[np.int64]) -> Played:
    counted = [gateway.counted for gateway in gateways]
    return Played(
        plan=fleet.plan,
        begun=begun,
        made=np.array([one.made for one in counted], np.int64),
        sent=sum(one.sent for one in counted) - int(begun.sum()),
        resent=sum(one.resent for one in counted),
        restarts=sum(one.restarts for one in counted),
        rejected=sum(one.rejected for one in counted),
        open=sum(gateway.open for gateway in gateways),
        connections=sum(crew.connections for crew in crews),
        took_s=fleet.now_s(),
    )
