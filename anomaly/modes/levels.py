"""Where the values of one tag lie in clearly separate heaps, and in which heap each row is.

rows ▁█▇▂▁▁▁▁▁▃█▅▁      level 0 up to `below[0]`, level 1 from `above[0]`; between the two it stays what it was
        valley
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from anomaly.validity.runs import filled_forward

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_BINS = 64
_VALLEY_DEPTH = 0.1  # of the lower of the two heaps
_HEAP_SHARE = 0.05
_HEAP_LEAST = 8  # rows in the fullest bin of a heap
_STATE_VALUES = 4
_TICKS_A_BIN = 2
DWELL_LEAST = 3
VISITS_LEAST = 2
LEVELS_MOST = 4
_SLOPE_SHARE = 0.2  # of a valley on either side still belongs to its heap: rows stray
_APART_WIDTHS = 4.0  # the heaps stand at least so many of their own widths apart


@dataclass(frozen=True, slots=True)
class Levels:
    """Between level i and i + 1 lies the valley from below[i] to above[i]."""

    below: tuple[float, ...]
    above: tuple[float, ...]

    def clear(self, value: Floats) -> Floats:
        """The level of each row [n]; NaN in a valley and where the value is missing."""
        up = np.searchsorted(np.array(self.above), value, side="right")
        down = np.searchsorted(np.array(self.below), value, side="left")
        return np.where((up == down) & ~np.isnan(value), up.astype(np.float64), np.nan)

    def of(self, value: Floats, held: float) -> Floats:
        """The level of each row [n]; `held`, or NaN at first, while it lies in a valley or is missing."""
        return filled_forward(self.clear(value)[:, None], np.array([held]))[1:, 0]


def learn_levels(value: Floats) -> Levels | None:
    """The levels of a tag from its rows [n]; None where there is but one."""
    known = value[~np.isnan(value)]
    if len(known) < 4 * _HEAP_LEAST or known.min() == known.max():
        return None
    valleys = sorted(_valleys(known))
    while len(valleys) >= LEVELS_MOST:
        valleys.remove(min(valleys, key=lambda valley: valley[1] - valley[0]))
    if not valleys:
        return None
    slopes = [_SLOPE_SHARE * (high - low) for low, high in valleys]
    levels = Levels(
        tuple(low + slope for (low, _), slope in zip(valleys, slopes, strict=True)),
        tuple(high - slope for (_, high), slope in zip(valleys, slopes, strict=True)),
    )
    return levels if _held_and_back(levels.of(value, np.nan), len(valleys) + 1) else None


def _held_and_back(level: Floats, count: int) -> bool:
    """Whether each level is held for a while and comes back: otherwise it is noise, or a change for good."""
    lengths, values = visits(level)
    for wanted in range(count):
        mine = lengths[values == wanted]
        if len(mine) < VISITS_LEAST or np.median(mine) < DWELL_LEAST:
            return False
    return True


def visits(level: Floats) -> tuple[Ints, Floats]:
    """Length and level of each uninterrupted stay; rows before the first known level are left out."""
    known = level[~np.isnan(level)]
    starts = np.flatnonzero(np.append(True, np.diff(known) != 0)) if len(known) else np.zeros(0, np.int64)
    return np.diff(np.append(starts, len(known))), known[starts]


def _valleys(known: Floats) -> list[tuple[float, float]]:
    distinct = np.unique(known)
    if len(distinct) <= _STATE_VALUES:
        return _between_states(known, distinct)
    low, high = np.quantile(known, (0.002, 0.998))
    tick = float(np.min(np.diff(distinct)))
    bins = int(min(_BINS, (high - low) // (_TICKS_A_BIN * tick)))
    if bins < 4:
        return []
    counts, edges = np.histogram(np.clip(known, low, high), bins, (low, high))
    return _split(known, counts, edges)


def _between_states(known: Floats, distinct: Floats) -> list[tuple[float, float]]:
    """A tag of two to four values is a state when the values are numbers like 0, 1, 2, or lie far apart."""
    shares = np.array([(known == one).mean() for one in distinct])
    size = float(np.abs(distinct).max())
    if shares.min() < _HEAP_SHARE or float(np.diff(distinct).min()) < size / _STATE_VALUES:
        return []
    return [(low, high) for low, high in pairwise(distinct.tolist())]


def _split(known: Floats, counts: Ints, edges: Floats) -> list[tuple[float, float]]:
    """The deepest valley, and those on either side of it."""
    found = _deepest(counts, len(known))
    if found is None:
        return []
    first, last = found
    low, high = float(edges[first]), float(edges[last + 1])
    below, above = known[known < low], known[known > high]
    if not _apart(below, above):
        return []
    return [
        (low, high),
        *_split(below, counts[:first], edges[: first + 1]),
        *_split(above, counts[last + 1 :], edges[last + 1 :]),
    ]


def _deepest(counts: Ints, total: int) -> tuple[int, int] | None:
    """First and last bin of the deepest valley between two heaps that both count; None where no valley is deep."""
    best, heap, deepest = 0, 0, _VALLEY_DEPTH
    for at in range(1, len(counts) - 1):
        left, right = counts[:at], counts[at + 1 :]
        lower = int(min(left.max(), right.max()))
        enough = min(left.sum(), right.sum()) >= _HEAP_SHARE * total and lower >= _HEAP_LEAST
        if enough and counts[at] / lower <= deepest:
            best, heap, deepest = at, lower, counts[at] / lower
    if not best:
        return None
    shallow = counts > _VALLEY_DEPTH * heap
    return best - int(shallow[:best][::-1].argmax()), best + int(shallow[best + 1 :].argmax())


def _apart(left: Floats, right: Floats) -> bool:
    if not len(left) or not len(right):
        return False
    widths = sum(1.4826 * float(np.median(np.abs(part - np.median(part)))) for part in (left, right))
    return float(np.median(right) - np.median(left)) >= _APART_WIDTHS * widths
