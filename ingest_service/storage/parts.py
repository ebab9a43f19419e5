"""Numbers of many packs as one array, and what is asked of each pack, for all of them at once. Pure.

time, value, …   │ part 0 │ part 1        │ part 2 │      one loop in numpy over all samples,
                 ^starts  ^               ^             however many parts there are
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Bools = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Parts:
    """Part i is the elements from `starts[i]` on, `lengths[i]` of them and at least one; no gap between two parts."""

    starts: NDArray[np.intp]
    lengths: NDArray[np.intp]

    @classmethod
    def cut(cls, starts: NDArray[np.intp], total: int) -> "Parts":
        """Parts that begin at `starts` and end with `total` elements."""
        return cls(starts, np.diff(np.append(starts, total)))

    @classmethod
    def of_lengths(cls, lengths: NDArray[np.intp]) -> "Parts":
        return cls(np.cumsum(lengths) - lengths, lengths)

    def __len__(self) -> int:
        return len(self.starts)

    @property
    def total(self) -> int:
        return int(self.lengths.sum())

    def spread(self, each: NDArray[Any]) -> NDArray[Any]:
        """A number of each part for all of its elements."""
        return np.repeat(each, self.lengths)

    def place(self) -> NDArray[np.int64]:
        """Where each element stands in its part, from 0."""
        place: NDArray[np.int64] = np.arange(self.total) - self.spread(self.starts)
        return place

    def least(self, numbers: NDArray[Any]) -> NDArray[Any]:
        return np.minimum.reduceat(numbers, self.starts) if len(self) else numbers[:0]

    def most(self, numbers: NDArray[Any]) -> NDArray[Any]:
        return np.maximum.reduceat(numbers, self.starts) if len(self) else numbers[:0]

    def total_of(self, numbers: NDArray[Any], dtype: Any = None) -> NDArray[Any]:
        """Of numbers beyond all measure it is infinite, or none."""
        with np.errstate(over="ignore", invalid="ignore"):
            return np.add.reduceat(numbers, self.starts, dtype=dtype) if len(self) else numbers[:0]

    def every(self, told: Bools) -> Bools:
        """Whether all elements of a part are."""
        return np.logical_and.reduceat(told, self.starts) if len(self) else told[:0]

    def some(self, chosen: Bools) -> "Some":
        """Only the parts that are chosen."""
        if chosen.all():
            return Some(self, lambda numbers: numbers, slice(None))
        where = np.flatnonzero(self.spread(chosen))
        return Some(Parts.of_lengths(self.lengths[chosen]), lambda numbers: numbers[where], where)


class Some(NamedTuple):
    """`parts` of what is chosen, `take` its elements; `where` they stand among all."""

    parts: Parts
    take: Callable[[NDArray[Any]], NDArray[Any]]
    where: Any
