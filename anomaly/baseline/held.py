"""The rows of the block that is not full yet. numpy only."""

import numpy as np

from anomaly.detectors.block import Float64s

BLOCK_ROWS = 16


class Held:
    """Up to BLOCK_ROWS rows of `tags` tags with `statistics` statistics each."""

    FIELDS = ("number", "second", "value", "statistic")

    def __init__(self, tags: int, statistics: int) -> None:
        self.number = np.zeros(1, np.int64)
        self.second = np.zeros(BLOCK_ROWS)
        self.value = np.zeros((BLOCK_ROWS, tags))
        self.statistic = np.zeros((BLOCK_ROWS, tags, statistics), np.float32)

    @property
    def room(self) -> int:
        """How many rows are wanted until the block is full."""
        return BLOCK_ROWS - int(self.number[0])

    def add(self, second: Float64s, value: Float64s, statistic: Float64s) -> bool:
        """Keep rows, no more than there is room for; whether the block is full now. The next add begins another."""
        start = int(self.number[0])
        stop = start + len(second)
        self.second[start:stop], self.value[start:stop], self.statistic[start:stop] = second, value, statistic
        self.number[0] = stop % BLOCK_ROWS
        return stop == BLOCK_ROWS
