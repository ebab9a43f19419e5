"""Values of simulated machines, each a pure function of (gateway, tag, scan): what plants really send. Pure.

    of ten tags   four sensors in steps of 0.1 with noise     one float32 sensor, every bit of it noise
                  two setpoints, changed about once an hour    one counter    one state    one running bit

`exact` values are whole numbers instead, different for every sample of the fleet, at a tenth of the cost.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from protocols.sample import GOOD, Column, Columns, Reason, ValueKind, bad
from protocols.wire.catalog import CatalogTag
from simulators.fleet.noise import even, mixed
from simulators.fleet.plan import FleetPlan

_TIMEOUT = bad(Reason.TIMEOUT)
_SETPOINT_HOLDS_S = 3600.0
_STATE_HOLDS_S = 300.0
_STATES = 6
_EXACT_SCANS = 10**7

Grid = NDArray[np.float64]
"""A value for every scan (row) and tag (column)."""


class _Tags(NamedTuple):
    """Some tags of one kind: the machine's chance for each, and what follows from it."""

    chance: NDArray[np.uint64]
    level: NDArray[np.float64]
    period_s: NDArray[np.float64]
    phase: NDArray[np.float64]


def _tags(chance: NDArray[np.uint64]) -> _Tags:
    return _Tags(
        chance,
        level=20 + 180 * even(chance, 1),
        period_s=60 * np.exp2(6 * even(chance, 2)),
        phase=2 * np.pi * even(chance, 3),
    )


def _noise(tags: _Tags, scans: NDArray[np.int64]) -> Grid:
    """Two even numbers make a triangle: within ±1, mostly near 0."""
    bits = mixed(tags.chance, scans[:, None])
    low, high = bits & np.uint64(0xFFFFFFFF), bits >> np.uint64(32)
    noise: Grid = (low.astype(np.float64) - high.astype(np.float64)) * 2.0**-32
    return noise


def _wave(tags: _Tags, at_s: NDArray[np.float64]) -> Grid:
    swing: Grid = np.sin(2 * np.pi / tags.period_s * at_s[:, None] + tags.phase)
    level: Grid = tags.level * (1 + 0.1 * swing)
    return level


def _sensor(tags: _Tags, scans: NDArray[np.int64], at_s: NDArray[np.float64]) -> Grid:
    return np.rint((_wave(tags, at_s) + 0.3 * _noise(tags, scans)) * 10) / 10


def _fine_sensor(tags: _Tags, scans: NDArray[np.int64], at_s: NDArray[np.float64]) -> Grid:
    return (_wave(tags, at_s) * (1 + 0.01 * _noise(tags, scans))).astype(np.float32).astype(np.float64)


def _held(tags: _Tags, at_s: NDArray[np.float64], hold_s: float) -> NDArray[np.uint64]:
    """One draw for every stretch between two changes; each tag changes at its own times."""
    stretch = np.floor(at_s[:, None] / hold_s + tags.phase).astype(np.int64)
    return mixed(tags.chance, stretch)


def _setpoint(tags: _Tags, _scans: NDArray[np.int64], at_s: NDArray[np.float64]) -> Grid:
    return np.rint(tags.level) + (_held(tags, at_s, _SETPOINT_HOLDS_S) % np.uint64(21)).astype(np.float64) / 2 - 5


def _counter(tags: _Tags, _scans: NDArray[np.int64], at_s: NDArray[np.float64]) -> Grid:
    return np.floor(1e6 + tags.level / 100 * at_s[:, None])


def _state(tags: _Tags, _scans: NDArray[np.int64], at_s: NDArray[np.float64]) -> Grid:
    return (_held(tags, at_s, _STATE_HOLDS_S) % np.uint64(_STATES)).astype(np.float64)


def _running(tags: _Tags, _scans: NDArray[np.int64], at_s: NDArray[np.float64]) -> Grid:
    running: Grid = (_held(tags, at_s, _STATE_HOLDS_S) % np.uint64(4) != 0).astype(np.float64)
    return running


class _Kind(NamedTuple):
    name: str
    kind: ValueKind
    unit: str
    values: Callable[[_Tags, NDArray[np.int64], NDArray[np.float64]], Grid]


_KINDS = (
    *[_Kind("sensor", ValueKind.FLOAT, "bar", _sensor)] * 4,
    _Kind("power", ValueKind.FLOAT, "kW", _fine_sensor),
    *[_Kind("setpoint", ValueKind.FLOAT, "bar", _setpoint)] * 2,
    _Kind("count", ValueKind.INT, "", _counter),
    _Kind("state", ValueKind.INT, "", _state),
    _Kind("running", ValueKind.BOOL, "", _running),
)
_EXACT = _Kind("exact", ValueKind.FLOAT, "", _sensor)


@dataclass(frozen=True)
class MachineData:
    """All values of a fleet."""

    plan: FleetPlan

    def catalog_tags(self, gateway: int) -> list[CatalogTag]:
        """Alias a is tag a."""
        machine = self.plan.machine(gateway)
        return [
            CatalogTag(
                alias=alias, machine=machine, tag=f"{kind.name}-{alias:05}", kind=kind.kind.name.lower(), unit=kind.unit
            )
            for alias, kind in enumerate(map(self._kind, range(self.plan.tags)))
        ]

    def values(self, gateway: int, scans: NDArray[np.int64]) -> Grid:
        """What each tag showed at each scan."""
        if self.plan.exact:
            return self._exact(gateway, scans)
        grid = np.empty((len(scans), self.plan.tags))
        at_s = scans.astype(np.float64) * (self.plan.scan_ms / 1000)
        machine = mixed(self.plan.seed, gateway)
        for first, kind in enumerate(_KINDS):
            chance = mixed(machine, np.arange(first, self.plan.tags, len(_KINDS)))
            grid[:, first :: len(_KINDS)] = kind.values(_tags(chance), scans, at_s)
        return grid

    def codes(self, gateway: int, scans: NDArray[np.int64]) -> NDArray[np.uint16]:
        """The quality of each scan, the same for all tags: a machine answers or does not."""
        return np.where(self.plan.failed(gateway, scans), np.uint16(_TIMEOUT), np.uint16(GOOD))

    def columns(self, gateway: int, scans: NDArray[np.int64]) -> Columns:
        """The same as a gateway puts it into a batch."""
        values, codes = self.values(gateway, scans), self.codes(gateway, scans)
        values[codes != GOOD] = 0
        times_ns = self.plan.times_ns(gateway, scans)
        return tuple(
            Column(
                kind,
                np.tile(aliases, len(scans)),
                np.repeat(times_ns, len(aliases)),
                values[:, aliases].ravel(),
                np.repeat(codes, len(aliases)),
            )
            for kind, aliases in self._aliases.items()
        )

    @cached_property
    def _aliases(self) -> dict[ValueKind, NDArray[np.uint32]]:
        kinds = [self._kind(alias).kind for alias in range(self.plan.tags)]
        return {
            kind: np.array([alias for alias, one in enumerate(kinds) if one is kind], np.uint32)
            for kind in dict.fromkeys(kinds)
        }

    def _kind(self, alias: int) -> _Kind:
        return _EXACT if self.plan.exact else _KINDS[alias % len(_KINDS)]

    def _exact(self, gateway: int, scans: NDArray[np.int64]) -> Grid:
        numbers = (gateway * _EXACT_SCANS + scans)[:, None] * self.plan.tags + np.arange(self.plan.tags)
        return numbers.astype(np.float64)
