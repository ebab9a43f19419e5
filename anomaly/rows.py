"""Rows of one machine: the record that validity, modes, detectors and cases hand on. numpy only.

    table ──align──► Rows ──validity──► Rows with holes ──mode, detectors──► surprise per row and tag ──► cases

A surprise is -log10 of the probability of something at least as unusual, by the detector's own calibration: 0 is
ordinary, a calm tag is above 1 in about 10 % of its rows and above 2 in 1 %, 12 is the most, NaN says nothing.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol, Self

import numpy as np
from numpy.typing import NDArray

SURPRISE_MOST = 12.0

Int64s = NDArray[np.int64]
Float64s = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Rows:
    """`time_ns` [n] rises strictly, `value` [n, k] has a column a tag, NaN where nothing was measured."""

    time_ns: Int64s
    value: Float64s

    def __len__(self) -> int:
        return len(self.time_ns)

    @property
    def tags(self) -> int:
        return int(self.value.shape[1])

    def part(self, start: int, stop: int | None = None) -> Self:
        """The rows from `start` up to `stop`, without a copy."""
        return type(self)(self.time_ns[start:stop], self.value[start:stop])

    def holding(self, value: Float64s) -> Self:
        """The same times with other values."""
        return type(self)(self.time_ns, value)

    def chunks(self, most: int) -> Iterator[Self]:
        """The rows in pieces of at most `most`."""
        for start in range(0, len(self), most):
            yield self.part(start, start + most)


class Detector(Protocol):
    """What every detector of rows does; fed row by row, in chunks or after `restore` it says the same to 1e-9."""

    def learn(self, rows: Rows) -> None:
        """Learn from the training block, once."""

    def update(self, rows: Rows) -> Float64s:
        """The surprise [n, k] of the rows that follow; row i depends on rows up to i only."""

    def snapshot(self) -> bytes:
        """All that was learned and all that runs on, as bytes without pickle."""

    def restore(self, state: bytes) -> None:
        """Go on where `snapshot` was taken. Raises UnreadableState."""
