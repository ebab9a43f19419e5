"""The fleet: one machine of each kind over weeks of minutes, with what was done to it."""

import zlib
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from simulators.weeks.design import Design, Health
from simulators.weeks.gauges import kept_rows, shown
from simulators.weeks.injections import Injection, levels, plan
from simulators.weeks.rotating import FAN, GEARBOX, MOTOR, PUMP
from simulators.weeks.working import COMPRESSOR, PRESS, SPINDLE
from simulators.weeks.world import MINUTE_NS, START_NS, WEEK_MIN, Floats, World

DESIGNS = (COMPRESSOR, PUMP, FAN, MOTOR, GEARBOX, PRESS, SPINDLE)
_IDLE_SHARE = 0.2  # of its highest first gauge: below it a machine stands


@dataclass(frozen=True, slots=True)
class MachineWeeks:
    """The table of one machine: `train_rows` rows without trouble, then `weeks` weeks.

    Onset, half-way and end of the injections are rows of this table.
    """

    machine: str
    kind: str
    names: tuple[str, ...]
    units: tuple[str, ...]
    time_ns: NDArray[np.int64]
    values: Floats
    train_rows: int
    weeks: int
    injections: tuple[Injection, ...]


def fleet(seed: int, *, weeks: int = 4, train_weeks: int = 1, troubled: bool = True) -> list[MachineWeeks]:
    """Seven machines over `weeks` weeks behind `train_weeks` of learning; not `troubled` it is the same plant, healthy.

    The same seed gives the same tables to the last bit.
    """
    return [machine_weeks(seed, design, weeks, train_weeks, troubled=troubled) for design in DESIGNS]


def machine_weeks(seed: int, design: Design, weeks: int, train_weeks: int, *, troubled: bool) -> MachineWeeks:
    """One machine of the fleet."""
    minutes = (weeks + train_weeks) * WEEK_MIN
    key = zlib.crc32(design.kind.encode())
    machine = f"{design.kind}-1"
    healthy = design.physics(_world(seed, key, minutes), Health(_world(seed, key, minutes), {}))
    running = _running(healthy)
    rng = np.random.default_rng([seed, key, 1])
    planned = plan(machine, design, running, train_weeks * WEEK_MIN, rng) if troubled else []
    world = _world(seed, key, minutes)
    truth = design.physics(world, Health(world, levels(planned, running)))
    values = shown(world, design.gauges, truth, [one for one in planned if one.subject == "sensor"])
    kept = kept_rows(world)
    row: NDArray[np.int64] = np.cumsum(kept) - kept
    return MachineWeeks(
        machine, design.kind,
        tuple(gauge.name for gauge in design.gauges), tuple(gauge.unit for gauge in design.gauges),
        START_NS + np.flatnonzero(kept) * MINUTE_NS, values[kept], int(row[train_weeks * WEEK_MIN]), weeks,
        tuple(_in_rows(one, row) for one in planned),
    )  # fmt: skip


def _world(seed: int, key: int, minutes: int) -> World:
    return World(minutes, np.random.default_rng([seed, key]))


def _running(truth: dict[str, Floats]) -> NDArray[np.bool_]:
    power = truth["power"]
    running: NDArray[np.bool_] = power > _IDLE_SHARE * float(np.quantile(power, 0.95))
    return running


def _in_rows(one: Injection, row: NDArray[np.int64]) -> Injection:
    half_way = None if one.half_way is None else int(row[one.half_way])
    onset, end = int(row[one.onset]), int(row[min(one.end, len(row) - 1)])
    return replace(one, onset=onset, end=end, half_way=half_way)
