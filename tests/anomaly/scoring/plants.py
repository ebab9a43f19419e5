"""A machine made of numbers: some hidden causes drive its tags, with noise; faults are put into it."""

import numpy as np

from anomaly.rows import Rows

SECOND = 1_000_000_000


def machine(rows=1500, tags=8, seed=1, interval_s=1.0):
    """[rows, tags] of tags that belong together, and their times."""
    rng = np.random.default_rng(seed)
    hidden = np.zeros((rows, 3))
    for row in range(1, rows):
        hidden[row] = 0.9 * hidden[row - 1] + rng.normal(size=3)
    mixing = rng.normal(size=(3, tags))
    values = hidden @ mixing + rng.normal(size=(rows, tags))
    scale = np.geomspace(0.01, 1000, tags)
    time_ns = (np.arange(rows) * interval_s * SECOND).astype(np.int64)
    return Rows(time_ns, values * scale + 50 * scale)


def faulty(rows, tag, start, stop, sizes=6.0):
    """The same with a tag shifted by so many of its standard deviations between two rows."""
    values = rows.value.copy()
    values[start:stop, tag] += sizes * rows.value[:, tag].std()
    return rows.holding(values)


def taken(rows, wanted):
    """Some rows, in the order wanted."""
    return Rows(rows.time_ns[wanted], rows.value[wanted])
