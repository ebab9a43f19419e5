"""Which series an alias means in one configuration revision of one gateway, as one array. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

UNKNOWN = -1


@dataclass(frozen=True, slots=True)
class SeriesMap:
    """`table[alias]` is the series, UNKNOWN where the catalog leaves a hole. Aliases are small: see CatalogTag."""

    table: NDArray[np.int32]

    @classmethod
    def of(cls, mapping: Mapping[int, int]) -> Self:
        """From alias → series id."""
        table = np.full(max(mapping, default=0) + 1, UNKNOWN, np.int32)
        table[list(mapping)] = list(mapping.values())
        return cls(table)

    @property
    def aliases(self) -> set[int]:
        return set(np.flatnonzero(self.table != UNKNOWN).tolist())

    def find(self, wanted: NDArray[np.uint32]) -> NDArray[Any]:
        """The series of every alias, UNKNOWN where the catalog does not name it."""
        inside = wanted < len(self.table)
        if inside.all():
            return self.table[wanted]
        return np.where(inside, self.table[np.where(inside, wanted, 0)], UNKNOWN)
