"""A table as it was read: rows in the order of the file, nothing sorted, nothing dropped."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from anomaly import AnomalyError


class BadTable(AnomalyError):
    """The file cannot be read as a table; the message names file, line, column and the way out."""


@dataclass(frozen=True, slots=True)
class Table:
    """n rows: times, k columns of numbers, and the columns that hold texts.

    time_ns: [n]; ISO times are UTC where they name no zone; plain numbers count seconds, milliseconds, … by their size.
    time_text: the times as they stand in the file.
    names: of the k columns of numbers, in the order of the file.
    values: [n, k], NaN where the cell is empty or says that nothing was measured.
    texts: the other columns by name, n texts each.
    lines: [n], the line of the file where each row begins, for messages.
    """

    time_ns: NDArray[np.int64]
    time_text: list[str]
    names: tuple[str, ...]
    values: NDArray[np.float64]
    texts: dict[str, list[str]] = field(default_factory=dict)
    lines: list[int] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.time_text)

    def column(self, name: str) -> NDArray[np.float64]:
        """The numbers of one column. Raises KeyError."""
        if name not in self.names:
            raise KeyError(name)
        return self.values[:, self.names.index(name)]
