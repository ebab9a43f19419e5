"""How far apart the rows of a machine are, told from their times as they come. numpy only."""

import math

import numpy as np

from anomaly.detectors.block import Float64s

_GAIN_LEAST = 0.01


class Clock:
    """The usual step between rows: a running median of its logarithm, which gaps and bursts do not move."""

    FIELDS = ("numbers",)

    def __init__(self) -> None:
        self.numbers = np.array([0.0, math.nan, 0.0])  # rows, second of the last one, log of the step

    @property
    def rows(self) -> int:
        return int(self.numbers[0])

    @property
    def step_s(self) -> float:
        return math.exp(self.numbers[2])

    def tick(self, second: Float64s) -> None:
        """Take in the times of the rows that follow."""
        rows, last, log_step = self.numbers.tolist()
        for one in second.tolist():
            rows += 1.0
            passed, last = one - last, one
            if passed > 0.0:
                difference = math.log(passed) - log_step
                most = math.inf if rows == 2.0 else max(1.0 / (rows - 1.0), _GAIN_LEAST)
                log_step += min(max(difference, -most), most)
        self.numbers = np.array([rows, last, log_step])
