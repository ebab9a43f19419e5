"""Which series an alias means in one configuration revision of one gateway, as two arrays. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

UNKNOWN = -1


@dataclass(frozen=True, slots=True)
class SeriesMap:
    """`series[i]` is the series of `aliases[i]`; the aliases are sorted."""

    aliases: NDArray[np.uint32]
    series: NDArray[np.int32]

    @classmethod
    def of(cls, mapping: Mapping[int, int]) -> Self:
        """From alias → series id."""
        aliases = np.array(sorted(mapping), np.uint32)
        return cls(aliases, np.array([mapping[alias] for alias in aliases.tolist()], np.int32))

    def find(self, wanted: NDArray[np.uint32]) -> NDArray[Any]:
        """The series of every alias, UNKNOWN where the catalog does not name it."""
        if not len(self.aliases):
            return np.full(len(wanted), UNKNOWN, np.int32)
        at = np.searchsorted(self.aliases, wanted)
        at[at == len(self.aliases)] = 0
        return np.where(self.aliases[at] == wanted, self.series[at], UNKNOWN)
