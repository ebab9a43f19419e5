"""For how long a machine is not itself yet in a mode, after another one: cold after standing, full after running empty.

mode of every row ──► rows since each mode was left ──► blank while that is within after[left, now]
"""

import numpy as np
from numpy.typing import NDArray

from anomaly.validity.runs import run_lengths

LONG_AGO = 1 << 40
_MOST_ROWS = 120
_SHARE = 0.25  # of the usual time away from a mode: a mode must not be blanked away
_SETTLED_TIMES = 1.2  # of what nine in ten settled rows keep within
_ENTRIES_LEAST = 2
_SETTLED_LEAST = 10

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


def rows_since(mode: Ints, start: Ints) -> Ints:
    """[n, modes]: rows since the machine was last in each mode; `start` [modes] is that of the row before."""
    there = mode[:, None] == np.arange(len(start))
    return run_lengths(~there, there, start)


def unsettled(mode: Ints, since: Ints, after: Ints) -> Bools:
    """[n]: rows in which some mode has been left so lately that the present one is not itself yet."""
    limit = after.T[mode]  # [n, left]; mode -1 takes a row that does not matter
    blank: Bools = ((since > 0) & (since <= limit)).any(axis=1) & (mode >= 0)
    return blank


def learn_settling(value: Floats, mode: Ints, count: int) -> Ints:
    """after [left, now] in rows, from values [n, k] and the modes [n] of the training rows.

    A change that happened but once is judged by all changes away from the mode that was left.
    """
    since = rows_since(mode, np.full(count, LONG_AGO))
    most = [_most(mode, left) for left in range(count)]
    late = ((since > np.array(most)) | (since == 0)).all(axis=1)
    off = np.full(value.shape, np.nan)
    for now in range(count):
        mine = mode == now
        off[mine] = _off(value[mine], value[mine & late])
    after = np.zeros((count, count), np.int64)
    for left in range(count):
        pooled = _last_unsettled(off, since[:, left], most[left])
        for now in range(count):
            mine = mode == now
            often = (mine & (since[:, left] == 1)).sum() >= _ENTRIES_LEAST
            after[left, now] = _last_unsettled(off[mine], since[mine, left], most[left]) if often else pooled
    np.fill_diagonal(after, 0)
    return after


def _most(mode: Ints, left: int) -> int:
    """How long one may wait after a mode: a share of the usual time away from it."""
    away = (mode != left) & np.maximum.accumulate(mode == left)
    ends = np.flatnonzero(away & ~np.append(away[1:], False))
    lengths = run_lengths(away[:, None], ~away[:, None], np.zeros(1, np.int64))[ends, 0]
    return min(_MOST_ROWS, int(_SHARE * float(np.median(lengths)))) if len(lengths) else 0


def _off(value: Floats, settled: Floats) -> Floats:
    """How far the values [n, k] are from the centre of the settled ones, in what nine in ten of those keep within."""
    off = np.full(value.shape, np.nan)
    known = ~np.isnan(settled).all(axis=0) if len(settled) >= _SETTLED_LEAST else np.zeros(value.shape[1], bool)
    if known.any():
        centre = np.nanmedian(settled[:, known], axis=0)
        scale = np.nanquantile(np.abs(settled[:, known] - centre), 0.9, axis=0)
        off[:, known] = np.abs(value[:, known] - centre) / np.maximum(scale, 1e-9 * np.abs(centre) + 1e-18)
    return off


def _last_unsettled(off: Floats, since: Ints, most: int) -> int:
    """The last row behind the leaving in which some tag is, by the median of the times it happened, not as usual."""
    last = 0
    for row in range(1, most + 1):
        entries = off[since == row]
        entries = entries[:, ~np.isnan(entries).all(axis=0)] if len(entries) else entries
        if entries.size and (np.nanmedian(entries, axis=0) > _SETTLED_TIMES).any():
            last = row
    return last
