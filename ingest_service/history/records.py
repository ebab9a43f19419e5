"""What reading back gives: records of numpy columns and plain values. Pure."""

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

# The reason of a bad interval that was seen through a rollup, which counts bad samples and does not keep why.
UNTOLD = "untold"


class BadInterval(NamedTuple):
    """Nothing usable was measured in [from_ms, to_ms)."""

    from_ms: float
    to_ms: float
    reason: str


class PartlyBad(NamedTuple):
    """A step that has a point although `share` (between 0 and 1) of its samples were bad."""

    from_ms: float
    to_ms: float
    share: float


class TextChange(NamedTuple):
    """From `at_ms` on the text was another one; None: it was not known."""

    at_ms: float
    text: str | None


@dataclass(frozen=True, slots=True)
class SeriesHistory:
    """Points of one series in the order of time; `bad` tells where there are none, and why."""

    time_ms: NDArray[np.float64]
    mean: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    bad: tuple[BadInterval, ...]
    partly_bad: tuple[PartlyBad, ...] = ()
    texts: tuple[TextChange, ...] = ()


@dataclass(frozen=True, slots=True)
class History:
    """What a period looked like; `resolution_s` 0 means that every point is a single sample."""

    resolution_s: float
    series: dict[int, SeriesHistory]


class Latest(NamedTuple):
    """The newest sample of a series; no value when it is BAD."""

    series_id: int
    time: datetime
    value: float | str | None
    code: int
