"""What a fleet does, as plain data and arithmetic: which scans a batch holds, when they were, what goes wrong. Pure.

scan k of gateway g: at start + k · scan + jitter(g, k), all tags of g
batch n of gateway g: scans n·s … n·s + s - 1     restarts before some, damaged on the way: some
"""

import math
import time
from typing import Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from protocols.topics import GatewayAddress
from runtime.settings import Settings
from simulators.fleet.noise import mixed, seldom

_JITTER, _FAILED, _RESTART, _DAMAGED = range(1, 5)
_US = 1000
# Nothing here takes more than that; and what was measured before 2000 is no measurement.
_SAMPLES_PER_S_MOST = 5e6
_SPAN_S = 5 * 365 * 86_400


class FleetPlan(Settings):
    """One fleet: as much as it takes to say later what must be stored."""

    tenant: str = Field("fleet", pattern="^[a-z0-9-]{1,64}$", description="Tenant that owns the gateways.")
    gateways: int = Field(200, ge=1, le=100_000, description="How many.")
    tags: int = Field(50, ge=1, le=100_000, description="Tags of each gateway.")
    scans_in_batch: int = Field(10, ge=1, le=10_000, description="Scans that a gateway sends together.")
    batches: int = Field(30, ge=1, description="Batches that each gateway makes, at most.")
    scan_ms: int = Field(1000, ge=10, description="From one scan to the next, in the time of the data.")
    start_ns: int = Field(0, ge=0, description="Time of the first scan, ns since 1970; 0: the plan's own `starting`.")
    jitter_us: int = Field(4000, ge=0, description="How late a scan may be; less than scan_ms.")
    fail_every: int = Field(
        2000, ge=0, description="One scan in so many fails: samples with a reason, no value; 0: none."
    )
    restart_every: int = Field(0, ge=0, description="One batch in so many is the first of a new run; 0: never.")
    damage_every: int = Field(0, ge=0, description="One batch in so many arrives damaged and is refused; 0: none.")
    exact: bool = Field(False, description="Whole numbers, cheap and all different, in place of machine data.")  # noqa: FBT003
    compress: bool = Field(False, description="Batches as zstd frames.")  # noqa: FBT003
    seed: int = Field(1, ge=0, lt=1 << 32, description="Another seed makes other machines.")

    def starting(self, speed: float) -> Self:
        """The same, beginning so that at `speed` the last scan is made now or, slower, in the future it belongs to."""
        behind_ms = self.scans * self.scan_ms * (1 - 1 / speed)
        start_ms = round(time.time() * 1000 - max(behind_ms, 0)) - self.scan_ms
        return self.model_copy(update={"start_ns": start_ms * 1_000_000})

    def lasting(self, seconds: float, speed: float) -> Self:
        """The same with as many batches as can be made in `seconds`, beginning as `starting` says."""
        in_batch_s = self.scans_in_batch * self.scan_ms / 1000
        if math.isinf(speed):
            batches = min(seconds * _SAMPLES_PER_S_MOST / (self.gateways * self.samples_in_batch), _SPAN_S / in_batch_s)
        else:
            batches = seconds * speed / in_batch_s
        return self.model_copy(update={"batches": max(1, math.ceil(batches))}).starting(speed)

    @property
    def scans(self) -> int:
        """Scans of each gateway, at most."""
        return self.batches * self.scans_in_batch

    @property
    def scan_ns(self) -> int:
        return self.scan_ms * 1_000_000

    @property
    def samples_in_batch(self) -> int:
        return self.scans_in_batch * self.tags

    def address(self, gateway: int) -> GatewayAddress:
        return GatewayAddress(self.tenant, f"gw-{gateway:05}")

    def machine(self, gateway: int) -> str:
        """Every gateway reads one machine."""
        return f"machine-{gateway:05}"

    def scans_of(self, batch: int) -> NDArray[np.int64]:
        """The numbers of the scans that a batch holds."""
        return np.arange(batch * self.scans_in_batch, (batch + 1) * self.scans_in_batch)

    def times_ns(self, gateway: int, scans: NDArray[np.int64]) -> NDArray[np.int64]:
        """When these scans were made, in whole µs: the database keeps no more."""
        late_us = mixed(self._chance(gateway, _JITTER), scans) % np.uint64(self.jitter_us + 1)
        return self.start_ns + scans * self.scan_ns + late_us.astype(np.int64) * _US

    def scan_at(self, time_us: NDArray[np.int64]) -> NDArray[np.int64]:
        """Which scan was made at a time; of any other time, some number that is not."""
        return (time_us * _US - self.start_ns) // self.scan_ns

    def failed(self, gateway: int, scans: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Which scans brought nothing but a time-out."""
        return seldom(self._chance(gateway, _FAILED), scans, self.fail_every)

    def restarts(self, gateway: int, batch: int) -> bool:
        """Whether the gateway's process was started anew just before it made this batch."""
        return bool(seldom(self._chance(gateway, _RESTART), batch, self.restart_every)[0])

    def damaged(self, gateway: int, batches: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Which batches can only be refused: their header is whole, their body is not."""
        return seldom(self._chance(gateway, _DAMAGED), batches, self.damage_every)

    def _chance(self, gateway: int, what: int) -> NDArray[np.uint64]:
        return mixed(mixed(self.seed, gateway), what)
