"""What every simulated machine is: a seeded body of physics that is stepped, switched and read.

    faults, dt ──step──► state ──values──► what its instruments show

A step is cut into equal parts no longer than `SUBSTEP_S`, and every part draws the same number of random numbers
whatever the state: two machines of one seed differ only where a fault makes them differ.
"""

import math
from abc import ABC, abstractmethod
from typing import ClassVar

import numpy as np

from protocols.sample import Value
from simulators.faults import NO_FAULTS, Fault, Levels

SUBSTEP_S = 0.5
AMBIENT_C = 25.0


def approach(value: float, target: float, dt_s: float, tau_s: float) -> float:
    """First-order lag: `value` after `dt_s` on its way to `target` with time constant `tau_s`."""
    return target + (value - target) * math.exp(-dt_s / tau_s)


class Wander:
    """A slow random disturbance around 0 with deviation 1 (Ornstein-Uhlenbeck process)."""

    def __init__(self, tau_s: float) -> None:
        self._tau_s = tau_s
        self.value = 0.0

    def step(self, dt_s: float, normal: float) -> float:
        kept = math.exp(-dt_s / self._tau_s)
        self.value = self.value * kept + normal * math.sqrt(1 - kept * kept)
        return self.value


class Machine(ABC):
    """One machine. `kind` names its tags, `faults` what its physics knows to suffer from."""

    kind: ClassVar[str]
    faults: ClassVar[frozenset[Fault]]
    noises: ClassVar[int] = 0

    def __init__(self, rng: np.random.Generator) -> None:
        self.rng = rng
        self.powered = True
        self.run_hours = 0.0
        self.energy_kwh = 0.0
        self._noise = [0.0] * self.noises

    def step(self, dt_s: float, faults: Levels = NO_FAULTS) -> None:
        """Let `dt_s` seconds of plant time pass under these faults."""
        parts = max(1, math.ceil(dt_s / SUBSTEP_S - 1e-9))
        for _ in range(parts):
            self._advance(dt_s / parts, faults)
        self._noise = self.rng.standard_normal(self.noises).tolist()

    def switch(self, *, on: bool) -> None:
        """Cut or restore the supply; what real machines keep (hours, energy, counters) is kept."""
        self.powered = on

    def count(self, dt_s: float, power_kw: float, *, running: bool) -> None:
        """Advance the energy meter and the hour meter."""
        self.energy_kwh += power_kw * dt_s / 3600
        self.run_hours += dt_s / 3600 if running else 0.0

    @abstractmethod
    def _advance(self, dt_s: float, faults: Levels) -> None:
        """One part of a step, at most `SUBSTEP_S` long."""

    @abstractmethod
    def values(self) -> dict[str, Value]:
        """What the instruments show now, unrounded; the same until the next step."""
