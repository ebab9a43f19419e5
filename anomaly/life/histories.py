"""What one unit lived through: its times and measured values. Many of them teach a model, one of them is judged.

table (unit, time, …) ──split, sort──► History(unit, time, value) …
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from anomaly.life import BadHistory

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class History:
    """`time` [n] rises strictly, in the unit of its file; `value` [n, k], NaN where nothing was measured."""

    unit: str
    time: Floats
    value: Floats

    def __len__(self) -> int:
        return len(self.time)

    def until(self, rows: int) -> "History":
        """Its first `rows` rows."""
        return History(self.unit, self.time[:rows], self.value[:rows])

    @property
    def life(self) -> float:
        """Time from its first row to its last."""
        return float(self.time[-1] - self.time[0])


def histories(units: Sequence[str], time: Floats, value: Floats) -> list[History]:
    """Rows [n] of all units, in any order, as one history a unit, in the order in which the units first appear.

    Of two rows of a unit at one time the later in the file counts.

    Raises:
        BadHistory: no rows.
    """
    if not len(units):
        raise BadHistory("no rows: wanted is a line for every unit and time")
    names, first, member = np.unique(np.asarray(units, dtype=str), return_index=True, return_inverse=True)
    found = []
    for group in np.argsort(first):
        rows = np.flatnonzero(member == group)
        rows = rows[np.argsort(time[rows], kind="stable")]
        last_of_time = np.append(np.diff(time[rows]) > 0, True)
        rows = rows[last_of_time]
        found.append(History(str(names[group]), time[rows], value[rows]))
    return found


def typical_step(all_histories: Sequence[History]) -> float:
    """The median time between two rows. Raises BadHistory where every unit has one row only."""
    steps = [np.diff(history.time) for history in all_histories if len(history) > 1]
    if not steps:
        raise BadHistory("every unit has one row only: remaining life is learned from rows over time")
    return float(np.median(np.concatenate(steps)))
