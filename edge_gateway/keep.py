"""Which samples go first when the spool is full: tags are worth `low`, `normal` or `high`. Pure.

    [[devices.tags]] keep = "low" ──► Classes ──apart──► one Group of columns for each worth ──► a run of its own

Samples of different worth never share a batch, so that a batch can be given up as a whole. A configuration in which
all tags are worth the same, which is the usual one, has one class and pays nothing for the others.
"""

from collections.abc import Iterable
from enum import IntEnum
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from protocols.reported_tag import ReportedTag
from protocols.sample import Column, Columns, ValueKind
from protocols.wire.catalog import Catalog


class Keep(IntEnum):
    """What a sample is worth; the numbers stand in the spool file."""

    LOW = 0
    NORMAL = 1
    HIGH = 2


class Group(NamedTuple):
    """What becomes one batch."""

    keep: Keep
    columns: Columns


class Classes:
    """The worth of each alias. `present`: the different ones, the most valuable first."""

    def __init__(self, worth_of_alias: NDArray[np.uint8]) -> None:
        self._worth = worth_of_alias
        self.present = tuple(Keep(worth) for worth in np.unique(worth_of_alias)[::-1].tolist())

    def apart(self, columns: Columns) -> list[Group]:
        """The columns by worth, each tag's samples still in their order."""
        if len(self.present) == 1:
            return [Group(self.present[0], columns)]
        groups = [Group(keep, tuple(self._only(keep, columns))) for keep in self.present]
        return [group for group in groups if group.columns]

    def _only(self, keep: Keep, columns: Columns) -> Iterable[Column]:
        for column in columns:
            here = self._worth[column.alias] == keep
            if here.any():
                yield Column(
                    column.kind, column.alias[here], column.time_ns[here], column.value[here], column.code[here]
                )


ONE_CLASS = Classes(np.array([Keep.NORMAL], np.uint8))


def classes(catalog: Catalog, tags: Iterable[tuple[str, ReportedTag]]) -> Classes:
    """The worth of the tags of `catalog` as their settings say, given by machine; what a window makes of a tag is
    worth as much as the tag.
    """
    named: dict[tuple[str, str], str] = {}
    for machine, tag in tags:
        for name in (tag.tag, *(made.tag for made in tag.window_tags(ValueKind.FLOAT))):
            named[machine, name] = tag.keep
    worth = [Keep[named.get((tag.machine, tag.tag), "normal").upper()] for tag in catalog.tags]
    return Classes(np.array(worth, np.uint8))
