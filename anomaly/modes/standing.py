"""A machine that stands, runs down to it, and warms up again: nothing is said of it.

It may never have stood while it was learned, so no mode can be learned of it. Once it starts again it is left alone
for twice as long as it has stood: what grows warm comes ever slower to where it was.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from anomaly.validity.rest import stands

_WARM_UP_MOST, _WARM_UP_TIMES = 180, 2
_RUN_DOWN_MOST = 10
_RUN_DOWN_TIMES = 10.0  # half of what a tag shows at work, as its rest is a twentieth


@dataclass(slots=True)
class Standing:
    """`near_zero` [k] as `validity.rest` learns it. What else there is runs on, in rows."""

    near_zero: NDArray[np.float64]
    stood: int = 0
    blank: int = 0
    falling: int = 0

    def update(self, value: NDArray[np.float64]) -> NDArray[np.bool_]:
        """[n]: rows that stand, are about to, or are still warming up."""
        told, low = stands(value, self.near_zero), stands(value, _RUN_DOWN_TIMES * self.near_zero)
        if low.any() or self.blank or self.falling:
            rows = zip(told.tolist(), low.tolist(), strict=True)
            told = np.array([self._step(still=still, low=one) for still, one in rows], bool)
        return told

    def _step(self, *, still: bool, low: bool) -> bool:
        self.falling = self.falling + 1 if low else 0
        if still:
            self.stood = min(self.stood + 1, _WARM_UP_MOST)
            self.blank = max(self.blank, min(_WARM_UP_TIMES * self.stood, _WARM_UP_MOST))
            return True
        self.stood = 0
        self.blank = max(0, self.blank - 1)
        return self.blank > 0 or 0 < self.falling <= _RUN_DOWN_MOST
