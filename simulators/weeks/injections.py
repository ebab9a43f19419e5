"""What goes wrong with a machine over the weeks: planned from the seed, told as truth, drawn as levels.

slots of 3.5 days ──one trouble each, in production──► Injection ──► levels of faults, or a gauge that lies
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from simulators.weeks.design import Design, FaultMode
from simulators.weeks.world import DAY_MIN, Floats

SensorKind = Literal["stuck", "range", "rate", "noise", "unit_switch", "gap"]
SENSOR_KINDS: tuple[SensorKind, ...] = ("stuck", "range", "rate", "noise", "unit_switch", "gap")
SLOT_MIN = 7 * DAY_MIN // 2
_DRIFT_RUN_MIN = 48 * 60  # of work from nothing to the trip limit
_SHORT_MIN = DAY_MIN
_SENSOR_MIN = 240
_FULL = 0.98  # of the way to the trip limit a drift is repaired


@dataclass(frozen=True, slots=True)
class Injection:
    """One trouble. Rows are minutes; `half_way` is where a drift has gone half the way to `trip`."""

    machine: str
    name: str
    kind: str
    subject: Literal["machine", "sensor"]
    root: str
    onset: int
    end: int
    half_way: int | None = None
    trip: float | None = None


def plan(
    machine: str, design: Design, running: NDArray[np.bool_], first: int, rng: np.random.Generator
) -> list[Injection]:
    """Troubles from minute `first` on: every fault of the machine in turn, with sensor faults and a rest between."""
    troubles: list[FaultMode | SensorKind | None] = [*design.faults, *rng.permutation(SENSOR_KINDS)[:2].tolist(), None]
    order = [troubles[at] for at in rng.permutation(len(troubles))]
    planned: list[Injection] = []
    for number, slot in enumerate(range(first, len(running) - SLOT_MIN + 1, SLOT_MIN)):
        trouble = order[number % len(order)]
        earliest = slot + int(rng.uniform(0, DAY_MIN / 2))
        if planned:
            earliest = max(earliest, planned[-1].end + DAY_MIN // 2)
        onset = _in_production(running, earliest)
        if trouble is None or onset is None:
            continue
        if isinstance(trouble, FaultMode):
            planned += _of_machine(machine, trouble, onset, running)
        else:
            analogue = [gauge.name for gauge in design.gauges if gauge.noise]
            root = analogue[int(rng.integers(len(analogue)))]
            planned.append(Injection(machine, trouble, trouble, "sensor", root, onset, onset + _SENSOR_MIN))
    return planned


def levels(planned: list[Injection], running: NDArray[np.bool_]) -> dict[str, Floats]:
    """How much of each fault there is, minute by minute. A drift goes on while the machine works."""
    found: dict[str, Floats] = {}
    for one in planned:
        if one.subject == "machine":
            level = found.setdefault(one.name, np.zeros(len(running)))
            span = slice(one.onset, one.end)
            level[span] = np.cumsum(running[span]) / _DRIFT_RUN_MIN if one.kind == "drift" else 1.0
    return found


def _of_machine(machine: str, fault: FaultMode, onset: int, running: NDArray[np.bool_]) -> list[Injection]:
    """Empty when there is no time left for a drift."""
    name, kind, root = fault.name, fault.kind, fault.root
    if kind != "drift":
        return [Injection(machine, name, kind, "machine", root, onset, onset + _SHORT_MIN)]
    worked = np.cumsum(running[onset:])
    half_way, end = (onset + int(np.searchsorted(worked, share * _DRIFT_RUN_MIN)) for share in (0.5, _FULL))
    if end >= len(running):
        return []
    return [Injection(machine, name, kind, "machine", root, onset, end, half_way, fault.trip)]


def _in_production(running: NDArray[np.bool_], after: int) -> int | None:
    """The first minute that has been running for an hour and goes on for five."""
    for minute in range(after, min(after + 2 * DAY_MIN, len(running) - 300)):
        if running[minute - 60 : minute + 300].all():
            return minute
    return None
