"""Half of the samples, and what matters in all of them. Pure.

    samples of consecutive batches ──► every second good sample of each tag goes

What stays: every sample that is not good and its neighbours, the first and the last, the lowest and the highest of
each tag, and every change of a state or a text. Nothing is calculated: each sample that stays is one that was read.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_gateway.batcher import GROUP_BYTES, size_bytes
from protocols.sample import GOOD, Column, Columns, ValueKind, concatenate

Mask = NDArray[np.bool_]

_STATES = (ValueKind.BOOL, ValueKind.TEXT)


def thinned(batches: Sequence[Columns]) -> tuple[list[Columns], list[int]]:
    """The samples of consecutive batches as fewer batches, and how many samples each of the old ones has lost.

    Each tag's samples stay in their order.
    """
    lost = np.zeros(len(batches), np.int64)
    kept = []
    for column in concatenate([column for columns in batches for column in columns]):
        sizes = [sum(len(part) for part in columns if part.kind is column.kind) for columns in batches]
        going = _dispensable(column)
        lost += np.bincount(np.repeat(np.arange(len(batches)), sizes)[going], minlength=len(batches))
        kept.append(_picked(column, ~going))
    return _cut(tuple(kept)), lost.tolist()


def _picked(column: Column, rows: Any) -> Column:
    arrays = (column.alias[rows], column.time_ns[rows], column.value[rows], column.code[rows])
    return Column(column.kind, *arrays)


def _dispensable(column: Column) -> Mask:
    """Which samples may go."""
    order = np.argsort(column.alias, kind="stable")
    alias, value, good = column.alias[order], column.value[order], column.code[order] == GOOD
    first = np.append(True, alias[1:] != alias[:-1])
    last = np.append(first[1:], True)
    within = good & ~first & ~last & np.roll(good, 1) & np.roll(good, -1)
    if column.kind in _STATES:
        within &= value == np.roll(value, 1)
    else:
        within &= ~_extremes(value, good, np.flatnonzero(first))
    rank = np.arange(len(order)) - np.flatnonzero(first)[np.cumsum(first) - 1]
    going = np.zeros(len(order), np.bool_)
    going[order] = within & (rank % 2 == 1)
    return going


def _extremes(value: NDArray[Any], good: Mask, starts: NDArray[np.intp]) -> Mask:
    """The lowest and the highest good value of each tag; `starts`: where each tag begins."""
    found = np.zeros(len(value), np.bool_)
    tag = np.repeat(np.arange(len(starts)), np.diff(np.append(starts, len(value))))
    rows = np.flatnonzero(good)
    ascending = rows[np.lexsort((value[rows], tag[rows]))]
    other_tag = np.flatnonzero(np.diff(tag[ascending]))
    found[ascending[other_tag]] = found[ascending[other_tag + 1]] = True
    found[ascending[:1]] = found[ascending[-1:]] = True
    return found


def _cut(columns: Columns) -> list[Columns]:
    """Into batches of usual size, by the order in which the samples came."""
    parts = max(1, -(-size_bytes(columns) // GROUP_BYTES))
    split = [np.array_split(np.arange(len(column)), parts) for column in columns]
    cut = [tuple(_picked(*pair) for pair in zip(columns, rows, strict=True)) for rows in zip(*split, strict=True)]
    return [columns for part in cut if (columns := tuple(column for column in part if len(column)))]
