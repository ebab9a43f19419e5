"""How far a value must move from the last one reported to be reported again. Pure, all tags of a column at once.

Between two reports the last one holds, so what is rebuilt from the reports is never further from what was read than
the deadband. Exact for integers of 64 bits: their distance is taken without a sign, it always fits.
"""

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_gateway.shaping.columns import Mask
from edge_gateway.shaping.shaped import Shaped
from protocols.sample import Column, Quality, ValueKind

_BAD = Quality.BAD << 8
_INT_MOST = (1 << 64) - 1


class Deadbands:
    """The deadband of each alias. One without any has moved at every value."""

    def __init__(self, n: int, tags: Iterable[Shaped]) -> None:
        self._always = np.ones(n, np.bool_)
        self._float = np.zeros(n)
        self._int = np.zeros(n, np.uint64)
        for tag in tags:
            move = tag.settings.least_move
            if move is not None:
                self._always[tag.alias] = False
                self._float[tag.alias] = move
                self._int[tag.alias] = min(int(move), _INT_MOST)  # whole numbers are further than 2.5 from 3 on

    def moved(self, column: Column, last: NDArray[Any]) -> Mask:
        """Which values are further from the last ones than they may be without a report; one that is BAD is not."""
        alias, value = column.alias, column.value
        if column.kind is ValueKind.FLOAT:
            with np.errstate(over="ignore"):  # between the ends of the range lies more than a float can hold
                far = np.abs(value - last) > self._float[alias]
        elif column.kind is ValueKind.INT:
            far = _distance(value, last) > self._int[alias]
        else:
            far = value != last
        moved: Mask = far & (column.code < _BAD) | self._always[alias]
        return moved


def _distance(value: NDArray[np.int64], last: NDArray[np.int64]) -> NDArray[np.uint64]:
    wrapped = value.astype(np.uint64) - last.astype(np.uint64)
    return np.where(value >= last, wrapped, np.negative(wrapped))
