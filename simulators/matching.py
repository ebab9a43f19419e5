"""Which stored row came from which value that was handed out, for one series. Pure.

    values by time, rows by time ──match, backwards──► values without a row, rows without a value

Backwards, because the row of an answer is stamped before the next answer of the same series is served: the last value
that was served before a row was stamped is the one it shows. So equal values in a row stay apart, and a lost one is
told from its equal neighbours.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

from protocols.sample import Value


class Timed(NamedTuple):
    """A value at a time."""

    time_ns: int
    value: Value | None


class Window(NamedTuple):
    """A row belongs to a value from `early_ns` before it was served until `late_ns` after it."""

    early_ns: int
    late_ns: int

    def holds(self, value: Timed, row: Timed) -> bool:
        return value.time_ns - self.early_ns <= row.time_ns <= value.time_ns + self.late_ns


class Unmatched(NamedTuple):
    """Indices, ascending: values without a row, rows without a value."""

    values: list[int]
    rows: list[int]


def match(values: Sequence[Timed], rows: Sequence[Timed], window: Window) -> Unmatched:
    """Pair values and rows in order; both must be sorted by time."""
    lost: list[int] = []
    invented: list[int] = []
    early_ns, late_ns = window
    i, j = len(values) - 1, len(rows) - 1
    while i >= 0 and j >= 0:
        value, row = values[i], rows[j]
        if row[0] < value[0] - early_ns:
            lost.append(i)  # every row that is left is older
            i -= 1
        elif row[0] > value[0] + late_ns:
            invented.append(j)  # every value that is left is older
            j -= 1
        elif same(value[1], row[1]):
            i -= 1
            j -= 1
        else:
            skipped_values, skipped_rows = _resume(values, i, rows, j, window)
            lost += range(i, i - skipped_values, -1)
            invented += range(j, j - skipped_rows, -1)
            i -= skipped_values
            j -= skipped_rows
    return Unmatched([*range(i + 1), *reversed(lost)], [*range(j + 1), *reversed(invented)])


def same(value: Value | None, row: Value | None) -> bool:
    """Equal to the last bit; a text is never equal to a number, and not-a-number equals itself."""
    if isinstance(value, float) and isinstance(row, float) and math.isnan(value):
        return math.isnan(row)
    return value == row


def _resume(values: Sequence[Timed], i: int, rows: Sequence[Timed], j: int, window: Window) -> tuple[int, int]:
    """Value i and row j differ: how many of each to leave out until they agree again.

    Whichever is nearer: an earlier value that the row shows, or an earlier row that shows the value. If there is
    neither, one stands in the place of the other.
    """
    by_value = by_row = 0
    for back in range(i - 1, -1, -1):
        if not window.holds(values[back], rows[j]):
            break
        if same(values[back].value, rows[j].value):
            by_value = i - back
            break
    for back in range(j - 1, -1, -1):
        if not window.holds(values[i], rows[back]):
            break
        if same(values[i].value, rows[back].value):
            by_row = j - back
            break
    if by_value and (not by_row or by_value <= by_row):
        return by_value, 0
    return (0, by_row) if by_row else (1, 1)
