"""Columns cut up: by a mask, and so that each tag stands in each piece at most once. Pure."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from protocols.sample import Column, Columns

Mask = NDArray[np.bool_]


def part(column: Column, mask: Mask) -> Column:
    """The samples of a column that the mask marks."""
    return Column(column.kind, column.alias[mask], column.time_ns[mask], column.value[mask], column.code[mask])


class Rounds:
    """Deals out the samples of a read: first those that come first of each tag, then the second, and so on.

    A poll reads each tag once, which is one round; a subscription may bring many changes of one tag together.
    """

    def __init__(self, n: int) -> None:
        self._place = np.zeros(n, np.intp)

    def deal(self, columns: Columns) -> Iterator[Columns]:
        """Each round in its order. Within a round no alias stands twice."""
        if all(map(self._each_once, columns)):
            yield columns
            return
        ranks = [_ranks(column.alias) for column in columns]
        for rank in range(max(int(ranked.max()) for ranked in ranks if len(ranked)) + 1):
            parts = [part(column, ranked == rank) for column, ranked in zip(columns, ranks, strict=True)]
            yield tuple(piece for piece in parts if len(piece))

    def _each_once(self, column: Column) -> bool:
        places = np.arange(len(column))
        self._place[column.alias] = places  # of two with one alias the last one stays
        return bool((self._place[column.alias] == places).all())


def _ranks(alias: NDArray[np.uint32]) -> NDArray[np.intp]:
    """How often each alias has stood before."""
    order = np.argsort(alias, kind="stable")
    ordered = alias[order]
    starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])
    lengths = np.diff(np.r_[starts, len(alias)])
    ranks = np.empty(len(alias), np.intp)
    ranks[order] = np.arange(len(alias)) - np.repeat(starts, lengths)
    return ranks
