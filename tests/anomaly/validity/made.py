"""A machine of five tags to lie about: two move together, one is coarse, one slow, one a state."""

import numpy as np

from anomaly.rows import Rows

SECOND_NS = 1_000_000_000
LEARN = 600
NAMES = ("current", "power", "flow", "temperature", "valve")


def machine(rows: int = 1600, seed: int = 0) -> np.ndarray:
    """[rows, 5]: a load that steps now and then moves current and power; the rest is noise of its own."""
    rng = np.random.default_rng(seed)
    load = np.repeat(rng.choice([0.0, 1.0, 2.0], rows // 40 + 1), 40)[:rows]
    current = 40 + 6 * load + 0.2 * rng.standard_normal(rows)
    power = 15 + 3 * load + 0.1 * rng.standard_normal(rows)
    flow = np.round(32 + 0.7 * rng.standard_normal(rows))
    temperature = np.round(70 + np.cumsum(0.02 * rng.standard_normal(rows)), 1)
    valve = (load > 0).astype(float)
    return np.column_stack([current, power, flow, temperature, valve])


def rows_of(value: np.ndarray, first: int = 0) -> Rows:
    return Rows((np.arange(len(value), dtype=np.int64) + first) * SECOND_NS, np.ascontiguousarray(value))
