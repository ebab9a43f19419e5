"""Which tags does a case stand on, root first: shares since its onset, early rows before late ones. Pure.

A fault shows first where it is; what follows, follows. So the share of a row counts less the later it comes.
"""

import numpy as np
from numpy.typing import NDArray

from anomaly.rows import Float64s
from anomaly.scoring.columns import TOP

_HALF_ROWS = 20.0
_LEAST_SHARE = 0.05


class Attribution:
    """The weighted shares of the tags of the case that is open or about to open."""

    def __init__(self, tags: int) -> None:
        self.weight = np.zeros(tags)
        self.rows = np.zeros(1)

    def begin(self) -> None:
        """Another case begins."""
        self.weight = np.zeros_like(self.weight)
        self.rows = np.zeros(1)

    def add(self, shares: Float64s) -> None:
        """Take the shares [k] of a row in."""
        self.weight = self.weight + shares * 0.5 ** (self.rows[0] / _HALF_ROWS)
        self.rows = self.rows + 1

    def forget(self, tags: NDArray[np.bool_]) -> None:
        """What these tags [k] have said was not so."""
        self.weight = np.where(tags, 0.0, self.weight)

    def top(self) -> tuple[int, ...]:
        """The numbers of the tags that matter, root first; ties go to the earlier column."""
        total = float(self.weight.sum())
        if total <= 0:
            return ()
        order = np.argsort(-self.weight, kind="stable")[:TOP]
        kept = [int(tag) for tag in order if self.weight[tag] >= _LEAST_SHARE * total]
        return tuple(kept)
