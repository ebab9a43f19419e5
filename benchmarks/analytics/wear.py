"""Simulated centrifugal pumps that run to failure in one of two ways: ground truth that no data set gives.

    load (random walk) ──► wear of the impeller (erosion, grows with load³, steadily)  ─┐
                      └──► fatigue of the bearing (Paris law, slow, then fast)          ─┴─► ten columns + noise

Wear opens the clearance: less head and flow for the same power, a little more vibration. Fatigue heats the bearing and
shakes it, and costs no head. So who learned from worn impellers has never seen what a tired bearing looks like.
"""

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from anomaly.life.histories import History

Mode = Literal["impeller", "bearing"]
COLUMNS = (
    "flow", "head", "power", "speed", "suction", "bearing_temperature", "casing_temperature", "vibration",
    "high_frequency", "seal_flow",
)  # fmt: skip
# What full damage adds to each column, in the unit of its noise.
_EFFECT = {
    "impeller": np.array([-6.0, -9.0, 3.0, 0.0, 0.5, 0.3, 1.5, 3.0, 0.0, 4.0]),
    "bearing": np.array([0.0, -0.3, 2.0, 0.0, 0.0, 8.0, 4.0, 7.0, 12.0, 0.0]),
}
_LOAD = np.array([2.0, -1.5, 3.0, 0.5, -1.0, 0.7, 0.5, 0.4, 0.2, 0.3])
_BASE = np.array([120.0, 42.0, 18.5, 2960.0, 0.8, 51.0, 44.0, 2.1, 0.35, 6.0])
_NOISE: NDArray[np.float64] = np.array([1.5, 0.4, 0.2, 3.0, 0.02, 0.6, 0.5, 0.08, 0.02, 0.15])


def pumps(count: int, mode: Mode, seed: int, hours_between: float = 8.0) -> list[History]:
    """Units that ran until their damage was full; about 2,000 h each, a row every `hours_between`."""
    rng = np.random.default_rng([seed, *mode.encode()])
    return [_pump(f"{mode}-{number}", mode, rng, hours_between) for number in range(1, count + 1)]


def _pump(name: str, mode: Mode, rng: np.random.Generator, hours_between: float) -> History:
    rate = rng.lognormal(0.0, 0.25) / 2000.0 * hours_between
    load = _load(4000, rng)
    damage = _eroded(rate, load) if mode == "impeller" else _cracked(rate, load, rng)
    rows = int(np.searchsorted(damage, 1.0)) + 1
    own = rng.normal(0.0, 1.0, len(_BASE))
    effect = _EFFECT[mode] * rng.lognormal(0.0, 0.15, len(_BASE))
    shown = damage[:rows, None] * effect + load[:rows, None] * _LOAD + own
    value = _BASE + _NOISE * (shown + rng.standard_normal(shown.shape))
    return History(name, hours_between * np.arange(rows, dtype=np.float64), value.astype(np.float64))


def _load(rows: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Around 0, remembering about 20 rows."""
    load = np.empty(rows)
    load[0] = 0.0
    for at, push in enumerate(rng.normal(0.0, 0.3, rows - 1), start=1):
        load[at] = 0.95 * load[at - 1] + push
    return load


def _eroded(rate: float, load: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(np.cumsum(rate * (1 + 0.2 * np.clip(load, -2, 2)) ** 3 / 1.15))


def _cracked(rate: float, load: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
    """Crack length by Paris' law with exponent 3, as a share of its critical length; from 5 % on."""
    crack = np.empty(len(load))
    crack[0] = 0.05 * rng.lognormal(0.0, 0.1)
    for at in range(1, len(load)):
        length = crack[at - 1]
        growth = 7.0 * rate * (1 + 0.1 * load[at]) ** 3 * length**1.5
        crack[at] = min(length + growth, 2.0)
    return crack
