"""No value beyond its range, and none that is no number, goes any further as a value. Pure."""

from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from edge_gateway.shaping.shaped import Shaped
from protocols.sample import Column, Quality, Reason, ValueKind, bad

_BAD = Quality.BAD << 8


class Bounds:
    """Lowest and highest value of each alias."""

    def __init__(self, n: int, tags: Iterable[Shaped]) -> None:
        self._low = np.full(n, -np.inf)
        self._high = np.full(n, np.inf)
        for tag in tags:
            if tag.settings.range:
                self._low[tag.alias], self._high[tag.alias] = tag.settings.range

    def take(self, column: Column) -> Column:
        """The column itself when all is well, which is nearly always."""
        if column.kind not in (ValueKind.FLOAT, ValueKind.INT):
            return column
        value, valued = column.value, column.code < _BAD
        outside = valued & ((value < self._low[column.alias]) | (value > self._high[column.alias]))
        absurd = valued & ~np.isfinite(value)
        if not (outside | absurd).any():
            return column
        code = column.code.copy()
        code[outside] = bad(Reason.OUT_OF_RANGE)
        code[absurd] = bad(Reason.NAN)
        return replace(column, value=np.where(outside | absurd, 0, value).astype(value.dtype), code=code)
