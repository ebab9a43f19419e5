"""What a kind of machine is made of: its gauges, the ways it fails, and its physics as one function."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from simulators.weeks.world import Floats, World

FaultKind = Literal["step", "drift", "oscillation", "lost_correlation", "efficiency"]


@dataclass(frozen=True, slots=True)
class Gauge:
    """One tag: `noise` is its deviation, `digits` its resolution, in its unit. Without noise it is a state."""

    name: str
    unit: str
    noise: float
    digits: int


@dataclass(frozen=True, slots=True)
class FaultMode:
    """A way to fail. `root` is the tag nearest to it; `trip` the limit that level 1 of a slow drift brings it to."""

    name: str
    kind: FaultKind
    root: str
    trip: float | None = None


class Health:
    """How much of each fault there is, minute by minute: 0 is none."""

    def __init__(self, world: World, levels: Mapping[str, Floats]) -> None:
        self._world = world
        self._levels = levels

    def of(self, name: str) -> Floats:
        return self._levels.get(name, np.zeros(self._world.minutes))


Physics = Callable[[World, Health], dict[str, Floats]]


@dataclass(frozen=True, slots=True)
class Design:
    """A kind of machine."""

    kind: str
    gauges: tuple[Gauge, ...]
    faults: tuple[FaultMode, ...]
    physics: Physics
