"""What is said of rows, and how states become numbered cases: one case a machine and cause. Pure.

machine active, limits beyond, sensors in fault ──► kind, priority, tags ──► case number; a relapse is the same case
"""

from dataclasses import astuple, dataclass
from dataclasses import fields as fields_of

import numpy as np
from numpy.typing import NDArray

from anomaly.records import PRIORITIES
from anomaly.rows import Float64s, Int64s
from anomaly.scoring.columns import Tags, no_tags, tag_row
from anomaly.scoring.judges import Opinion
from anomaly.scoring.limits import Beyond

KINDS = ("", "machine", "sensor", "process")
_MACHINE, _SENSOR, _PROCESS = 1, 2, 3
_LEARNED, _SENSORS = PRIORITIES.index("medium") + 1, PRIORITIES.index("low") + 1
_NEVER = -(2**40)
_TURNS_OUT_ROWS = 60  # validity makes up its mind in less; later, a sensor fault is another matter


@dataclass(frozen=True, slots=True)
class Verdicts:
    """What is said of n rows.

    score: 1 at the threshold of an alarm; 0 while learning. case: its number, 0 where none is active.
    kind: an index of KINDS. priority: an index of PRIORITIES and 1, 0 for none.
    tags: [n, TOP], the tags of the case, root first, then -1. expected: [n, k], NaN where nothing is known.
    """

    score: Float64s
    case: Int64s
    kind: NDArray[np.uint8]
    priority: NDArray[np.uint8]
    tags: Tags
    expected: Float64s

    def __len__(self) -> int:
        return len(self.score)

    @property
    def alarm(self) -> NDArray[np.bool_]:
        """[n]: whether a case is active."""
        return self.case > 0


def nothing_said(rows: int, tags: int) -> Verdicts:
    """Rows of which nothing is said."""
    codes = np.zeros(rows, np.uint8)
    return Verdicts(
        np.zeros(rows), np.zeros(rows, np.int64), codes, codes.copy(), no_tags(rows), np.full((rows, tags), np.nan)
    )


@dataclass(slots=True)
class Thread:
    """The last case of the machine, or of its sensors: its number, the last row in which it was active, the first."""

    number: int = 0
    seen: int = _NEVER
    begun: int = _NEVER

    def goes_on(self, row: int, tags: Tags, before: Tags, relapse_rows: int) -> bool:
        """Whether what is active in this row is still, or again, that case."""
        relapse = row - self.seen <= relapse_rows and tags[0] >= 0 and bool((before == tags[0]).any())
        return row - self.seen <= 1 or relapse


class CaseBook:
    """The cases of one machine."""

    def __init__(self, kinds: tuple[str, ...]) -> None:
        self._process = np.array([kind == "process" for kind in kinds], bool)
        self._count, self._row, self._relapse_rows = 0, 0, 0
        self._threads = {_MACHINE: Thread(), _SENSOR: Thread()}
        self._tags = {_MACHINE: tag_row(()), _SENSOR: tag_row(())}

    def verdicts(self, opinion: Opinion, beyond: Beyond, relapse_rows: int) -> Verdicts:
        """Cases for the rows that follow; what comes back on the same tags within `relapse_rows` is the same case."""
        self._relapse_rows = relapse_rows
        said = nothing_said(len(opinion.score), opinion.expected.shape[1])
        said.score[:], said.expected[:] = opinion.score, opinion.expected
        machine = opinion.machine | beyond.active
        for row in np.flatnonzero(machine | opinion.sensor).tolist():
            self._fill(said, row, opinion, beyond)
        self._row += len(opinion.score)
        return said

    def _fill(self, said: Verdicts, row: int, opinion: Opinion, beyond: Beyond) -> None:
        if opinion.machine[row] or beyond.active[row]:
            both = dict.fromkeys([*beyond.tags[row].tolist(), *opinion.machine_tags[row].tolist()])
            tags = tag_row([tag for tag in both if tag >= 0])
            thread = _MACHINE
            said.priority[row] = beyond.priority[row] or _LEARNED
            said.kind[row] = _PROCESS if tags[0] >= 0 and self._process[tags[0]] else _MACHINE
        else:
            thread, tags = _SENSOR, opinion.sensor_tags[row]
            said.priority[row], said.kind[row] = _SENSORS, _SENSOR
        said.tags[row] = tags
        said.case[row] = self._number(thread, self._row + row, tags)

    def _number(self, of: int, row: int, tags: Tags) -> int:
        thread = self._threads[of]
        if of == _SENSOR and self._turns_out(row, tags):
            self._threads[_SENSOR] = thread = self._threads[_MACHINE]
            self._threads[_MACHINE] = Thread()
        elif not thread.goes_on(row, tags, self._tags[of], self._relapse_rows):
            self._count += 1
            thread.number, thread.begun = self._count, row
        thread.seen, self._tags[of] = row, tags.copy()
        return thread.number

    def _turns_out(self, row: int, failed: Tags) -> bool:
        """Whether the case of the machine that has just begun stands on one of the sensors that are now in fault."""
        root = self._tags[_MACHINE][0]
        return row - self._threads[_MACHINE].begun <= _TURNS_OUT_ROWS and root >= 0 and bool((failed == root).any())

    def arrays(self) -> dict[str, NDArray[np.int64]]:
        threads = [number for thread in self._threads.values() for number in astuple(thread)]
        tags = np.concatenate(list(self._tags.values())).astype(np.int64)
        return {"numbers": np.array([self._count, self._row, *threads], np.int64), "tags": tags}

    def take(self, arrays: dict[str, NDArray[np.int64]]) -> None:
        """Go on where `arrays` was taken."""
        numbers = arrays["numbers"].tolist()
        self._count, self._row = numbers[:2]
        width = len(fields_of(Thread))
        for at, of in enumerate(self._threads):
            self._threads[of] = Thread(*numbers[2 + width * at : 2 + width * (at + 1)])
        first, second = np.split(arrays["tags"].astype(np.int16), 2)
        self._tags = {_MACHINE: first, _SENSOR: second}
