"""When a gateway makes its batches: at the machines' speed, at another one, or as fast as receipts allow. Pure."""

import math
from dataclasses import dataclass

from simulators.fleet.gateway import Gateway
from simulators.fleet.noise import even
from simulators.fleet.plan import FleetPlan

_AHEAD = 32


@dataclass(frozen=True, slots=True)
class Pace:
    """`speed`: seconds of data in a second; infinite: a gateway makes what it can send. All times from the start."""

    plan: FleetPlan
    speed: float
    seconds: float

    def wanted(self, gateway: Gateway, now_s: float) -> int:
        """How many batches the gateway has to have made by now."""
        if now_s >= self.seconds:
            return gateway.counted.made
        if math.isinf(self.speed):
            return min(self.plan.batches, gateway.counted.sent + min(_AHEAD, gateway.in_flight_most))
        return min(self.plan.batches, math.floor((now_s - self._phase_s(gateway)) / self._period_s) + 1)

    def next_s(self, gateway: Gateway) -> float:
        """When it makes the next one."""
        if math.isinf(self.speed) or self.is_over(gateway, 0):
            return math.inf
        return self._phase_s(gateway) + gateway.counted.made * self._period_s

    def is_over(self, gateway: Gateway, now_s: float) -> bool:
        """Whether it makes no more."""
        return now_s >= self.seconds or gateway.counted.made >= self.plan.batches

    @property
    def _period_s(self) -> float:
        return self.plan.scans_in_batch * self.plan.scan_ms / 1000 / self.speed

    def _phase_s(self, gateway: Gateway) -> float:
        """Gateways that do not know of each other are not in step."""
        return float(even(self.plan.seed, gateway.index)[0]) * self._period_s
