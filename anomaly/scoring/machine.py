"""The machine as a whole: a Joint a mode, one alarm state, and which tags it stands on. Pure.

believed values, mode ──Joint of the mode──► surprise ──AlarmState──► active ──► held: nothing is learned as normal
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from anomaly.detectors.joint import Joint
from anomaly.detectors.joint.reference import scale_of
from anomaly.detectors.state import Arrays
from anomaly.rows import Float64s, Int64s
from anomaly.scoring.alarm import AlarmState
from anomaly.scoring.attribution import Attribution
from anomaly.scoring.budget import Budget
from anomaly.scoring.columns import Tags, no_tags, tag_row
from anomaly.scoring.saved import named, part

_ARRIVAL_ROWS = 2  # of a machine that has modes: until a change is seen to be one, and to settle behind it
_ABSENT_ROWS = 2  # so long a tag that is missing is taken to be where it was


@dataclass(frozen=True, slots=True)
class Judged:
    """Of some rows: surprise [n], NaN where nothing is said; active [n]; roots [n, TOP]; expected [n, k]."""

    surprise: Float64s
    active: NDArray[np.bool_]
    roots: Tags
    expected: Float64s


class Machine:
    """The statistical half of one machine."""

    def __init__(self, tags: int) -> None:
        self._tags = tags
        self._joints: dict[int, Joint] = {}
        self._mode, self._stay = -1, 0  # of the last row, and for how many rows the machine has been in it
        self._state = AlarmState()
        self._attribution = Attribution(tags)
        self._broken = np.zeros(tags, bool)
        self._absent = np.zeros(tags, np.int64)

    @property
    def ready(self) -> bool:
        """Whether at least one mode has been learned."""
        return any(joint.ready for joint in self._joints.values())

    def learn(self, values: Float64s, modes: Int64s) -> None:
        """Learn each mode from its rows of [n, k]."""
        scale = scale_of(values)
        for mode in np.unique(modes[modes >= 0]).tolist():
            joint = Joint(self._tags)
            joint.learn(values[modes == mode], scale)
            if joint.ready:
                self._joints[mode] = joint

    def update(self, values: Float64s, broken: NDArray[np.bool_], modes: Int64s, budget: Budget) -> Judged:
        """Judge the rows that follow, [n, k]; `broken` [n, k] says which sensors are in fault or doubt."""
        n = len(values)
        surprise, active = np.full(n, np.nan), np.zeros(n, bool)
        expected = np.full(values.shape, np.nan)
        roots = no_tags(n)
        for row, mode in enumerate(modes.tolist()):
            joint = self._enter(mode)
            if joint is not None:
                if (broken[row] & ~self._broken).any():
                    self._doubt(joint, broken[row] & ~self._broken)
                self._broken = broken[row].copy()
                self._absent = np.where(np.isnan(values[row]), self._absent + 1, 0)
                expected[row] = joint.expected()
                surprise[row] = self._step(joint, values[row], budget)
            elif not self._state.active:
                self._state.evidence = 0.0  # what came before was the change to another mode
            active[row] = self._state.active
            if self._state.active:
                roots[row] = tag_row(self._attribution.top())
        return Judged(surprise, active, roots, expected)

    def _enter(self, mode: int) -> Joint | None:
        joint = self._joints.get(mode)
        if joint is not None and mode != self._mode:
            joint.rejoin()
        self._stay = self._stay + 1 if mode == self._mode else 1
        self._mode = mode
        return joint

    def _doubt(self, joint: Joint, tags: NDArray[np.bool_]) -> None:
        joint.doubt(tags)
        top = self._attribution.top()
        self._attribution.forget(tags)
        if top and tags[top[0]]:  # what stood on a broken sensor is no case of the machine
            self._state = AlarmState()
            self._attribution.begin()

    def _step(self, joint: Joint, values: Float64s, budget: Budget) -> float:
        surprise = joint.look(values, self._broken | (self._absent > _ABSENT_ROWS))
        fresh = self._state.evidence == 0.0
        self._take(surprise, budget)
        if self._state.evidence > 0.0:
            if fresh:
                self._attribution.begin()
            self._attribution.add(joint.shares())
        joint.settle(surprise, held=self._state.active)
        return surprise

    def _take(self, surprise: float, budget: Budget) -> None:
        if len(self._joints) <= 1:
            self._state.step(surprise, budget)
        elif self._stay > _ARRIVAL_ROWS:
            self._state.step(surprise, budget, _ARRIVAL_ROWS + 1)

    def arrays(self) -> Arrays:
        state = self._state
        numbers = [self._mode, self._stay, state.active, state.evidence, state.calm_rows]
        arrays: Arrays = {
            "numbers": np.array(numbers, np.float64),
            "weight": self._attribution.weight,
            "rows": self._attribution.rows,
            "broken": self._broken,
            "absent": self._absent,
            "modes": np.array(sorted(self._joints), np.int64),
        }
        for mode, joint in self._joints.items():
            arrays |= named(f"joint{mode}", joint.arrays())
        return arrays

    def take(self, arrays: Arrays) -> None:
        """Go on where `arrays` was taken. Raises UnreadableState."""
        mode, stay, active, evidence, calm = arrays["numbers"].tolist()
        self._mode, self._stay, self._state = int(mode), int(stay), AlarmState(bool(active), evidence, int(calm))
        self._attribution.weight, self._attribution.rows = arrays["weight"].copy(), arrays["rows"].copy()
        self._broken, self._absent = arrays["broken"].copy(), arrays["absent"].copy()
        self._joints = {}
        for number in arrays["modes"].tolist():
            joint = Joint(self._tags)
            joint.take(part(arrays, f"joint{number}"))
            self._joints[number] = joint
