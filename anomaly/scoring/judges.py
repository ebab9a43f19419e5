"""Who judges the rows of a machine: one tag by its own baseline, several by what they do together. Pure.

Rows ──Many: Conditions, Machine, Sensors──► Opinion        Rows ──Single: Baseline──► Opinion
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from anomaly.baseline import Baseline
from anomaly.detectors.state import Arrays
from anomaly.rows import Float64s, Rows
from anomaly.scoring.budget import Budget, budget_for
from anomaly.scoring.columns import Tags, no_tags
from anomaly.scoring.conditions import Conditions
from anomaly.scoring.machine import Machine
from anomaly.scoring.machine_map import MachineMap
from anomaly.scoring.saved import bytes_of, named, part, state_in
from anomaly.scoring.sensors import Sensors
from anomaly.validity import SensorFault


@dataclass(frozen=True, slots=True)
class Opinion:
    """Of n rows: score [n], 1 at the threshold; whether the machine or a sensor is in alarm [n], on which tags."""

    score: Float64s
    machine: NDArray[np.bool_]
    machine_tags: Tags
    sensor: NDArray[np.bool_]
    sensor_tags: Tags
    expected: Float64s


def no_opinion(rows: int, tags: int) -> Opinion:
    """Rows of which nothing is said yet."""
    calm = np.zeros(rows, bool)
    return Opinion(np.zeros(rows), calm, no_tags(rows), calm.copy(), no_tags(rows), np.full((rows, tags), np.nan))


class Judge(Protocol):
    """Learns once, then says of every row what it thinks."""

    @property
    def ready(self) -> bool: ...
    @property
    def relapse_rows(self) -> int: ...
    def learn(self, rows: Rows) -> None: ...
    def update(self, rows: Rows) -> Opinion: ...
    def arrays(self) -> Arrays: ...
    def take(self, arrays: Arrays) -> None: ...


def judge_for(known: MachineMap) -> Judge:
    """One tag has no others to be compared with."""
    return Single() if len(known.kinds) == 1 else Many(known)


class Many:
    """Several tags: validity, modes, the machine as a whole."""

    def __init__(self, known: MachineMap) -> None:
        tags = len(known.kinds)
        self._conditions = Conditions(known)
        self._machine = Machine(tags)
        self._sensors = Sensors(tags)
        self._budget = Budget()

    @property
    def ready(self) -> bool:
        return self._machine.ready

    @property
    def relapse_rows(self) -> int:
        return self._budget.relapse_rows

    def learn(self, rows: Rows) -> None:
        self._budget = budget_for(rows.time_ns)
        self._sensors.learn(rows.value)
        self._machine.learn(rows.value, self._conditions.learn(rows))

    def update(self, rows: Rows) -> Opinion:
        values, fault, modes = self._conditions.update(rows)
        broken = (fault > 0) & (fault != SensorFault.GAP) & (fault != SensorFault.CLOCK)  # those are of the line
        broken |= np.isnan(values) & ~np.isnan(rows.value)  # in doubt, nothing named yet
        judged = self._machine.update(values, broken, modes, self._budget)
        sensor, failed = self._sensors.update(fault)
        score = np.nan_to_num(judged.surprise) / self._budget.threshold
        return Opinion(score, judged.active, judged.roots, sensor, failed, judged.expected)

    def arrays(self) -> Arrays:
        budget = self._budget
        numbers = np.array([budget.threshold, budget.on_rows, budget.relapse_rows], np.float64)
        return (
            {"budget": numbers} | named("conditions", self._conditions.arrays())
            | named("machine", self._machine.arrays()) | named("sensors", self._sensors.arrays())
        )  # fmt: skip

    def take(self, arrays: Arrays) -> None:
        threshold, on_rows, relapse = arrays["budget"].tolist()
        self._budget = Budget(threshold, on_rows, relapse_rows=int(relapse))
        self._conditions.take(part(arrays, "conditions"))
        self._machine.take(part(arrays, "machine"))
        self._sensors.take(part(arrays, "sensors"))


class Single:
    """One tag: its baseline says how rare a value is and when that is an alarm."""

    def __init__(self) -> None:
        self._baseline = Baseline(1)
        self._learned = np.zeros(1, bool)

    @property
    def ready(self) -> bool:
        return bool(self._learned[0])

    @property
    def relapse_rows(self) -> int:
        return Budget().relapse_rows

    def learn(self, rows: Rows) -> None:
        self._baseline.learn(rows)
        self._learned[:] = True

    def update(self, rows: Rows) -> Opinion:
        judged = self._baseline.judge(rows)
        active = judged.alarm[:, 0]
        said = no_opinion(len(rows), 1)
        said.score[:], said.machine[:] = np.nan_to_num(judged.rarity[:, 0]), active
        said.machine_tags[active, 0] = 0
        return said

    def arrays(self) -> Arrays:
        return {"learned": self._learned, "baseline": bytes_of(self._baseline.snapshot())}

    def take(self, arrays: Arrays) -> None:
        self._learned = arrays["learned"].copy()
        self._baseline.restore(state_in(arrays["baseline"]))
