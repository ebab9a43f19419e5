"""What is said of rows. numpy only."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from anomaly.detectors.block import Float64s
from anomaly.rows import SURPRISE_MOST


@dataclass(frozen=True, slots=True)
class Judgement:
    """Each [n, k].

    surprise: -log10 P(a row as unusual), NaN where nothing was measured or too little is known;
    rarity: -log10 of the number of such events a row, the same NaN; alarms are picked by it;
    alarm: a state that begins where an event is rarer than the budget and ends 48 rows after its last such row.
    """

    surprise: Float64s
    rarity: Float64s
    alarm: NDArray[np.bool_]

    @classmethod
    def joined(cls, parts: Sequence[Self], tags: int) -> Self:
        """Those of consecutive rows as one."""
        nothing = np.empty((0, tags))
        return cls(
            np.concatenate([nothing, *(one.surprise for one in parts)]),
            np.concatenate([nothing, *(one.rarity for one in parts)]),
            np.concatenate([nothing.astype(bool), *(one.alarm for one in parts)]),
        )


def of_several(surprises: Float64s) -> Float64s:
    """The least of several p-values as one: Šidák, JASA 62 (1967). [..., s] becomes [...]."""
    rarest = np.clip(largest(surprises), 0.0, SURPRISE_MOST)
    several = np.log1p(-np.minimum(10.0**-rarest, 1.0 - 1e-12)) * surprises.shape[-1]
    return np.asarray(np.maximum(-np.log10(-np.expm1(several)), 0.0))


def largest(several: Float64s) -> Float64s:
    """The largest of each [..., s]; a good deal faster than numpy's own over so short an axis."""
    found = several[..., 0]
    for one in range(1, several.shape[-1]):
        found = np.maximum(found, several[..., one])
    return found
