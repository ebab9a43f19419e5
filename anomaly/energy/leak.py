"""How much of a compressor's air is lost to leaks, from its load cycles while nobody uses air. Pure numpy.

    off-hours: ▂▂▇▇▂▂▂▇▇▂▂▂  share of time on load = share of its capacity that leaks

Source: U.S. Department of Energy and Compressed Air Challenge, "Improving Compressed Air System Performance", 3rd
edition, fact sheet 3: leakage (%) = 100·T/(T+t), T on load and t off load, for start/stop and load/unload control.
The interval is that of a mean over whole cycles (delta method for a ratio).
"""

from dataclasses import dataclass

import numpy as np

from anomaly.energy import NotEnoughData
from anomaly.energy.use import Bools, Float64s, widths

CYCLES_LEAST = 5
_Z_95 = 1.959964
_APART = 1.5  # power on load over power off load, at least


@dataclass(frozen=True, slots=True)
class Leak:
    """share of the capacity that leaks, with its 95 % interval; flow in the unit of the capacity, kw what it takes."""

    share: float
    lower: float
    upper: float
    flow: float | None
    kw: float
    cycles: int


def leak(time_s: Float64s, power_kw: Float64s, off_hours: Bools, capacity: float | None = None) -> Leak:
    """The leak of a compressor.

    time_s [n] rises; power_kw [n]; off_hours [n]: nobody uses air; capacity: free air delivery on load.

    Raises:
        NotEnoughData: fewer than five whole cycles, or no two levels of power to tell apart (a compressor with
            variable speed, or one that stands still).
    """
    usable = off_hours & np.isfinite(power_kw)
    if usable.sum() < 2 * CYCLES_LEAST:
        raise NotEnoughData("too few samples in off-hours")
    split, low, high = levels(power_kw[usable])
    if high < _APART * max(low, 1e-9):
        raise NotEnoughData(f"load and no load are not apart: {low:.1f} kW and {high:.1f} kW")
    on_load = usable & (power_kw > split)
    loaded, unloaded = _cycles(widths(time_s), on_load, usable)
    n = len(loaded)
    if n < CYCLES_LEAST:
        raise NotEnoughData(f"{n} whole load cycles in off-hours, at least {CYCLES_LEAST} are needed")
    whole = loaded + unloaded
    share = float(loaded.sum() / whole.sum())
    error = float(np.sqrt(((loaded - share * whole) ** 2).sum() / (n - 1) / n)) / float(whole.mean())
    return Leak(
        share, max(share - _Z_95 * error, 0.0), min(share + _Z_95 * error, 1.0),
        None if capacity is None else share * capacity, share * (high - low) + low, n,
    )  # fmt: skip


def levels(power_kw: Float64s) -> tuple[float, float, float]:
    """Threshold between two levels of power, and their means: where the variance between them is greatest.

    Source: Otsu, "A Threshold Selection Method from Gray-Level Histograms", IEEE Trans. SMC 9 (1979).
    """
    ordered = np.sort(power_kw)
    n = len(ordered)
    sums = np.cumsum(ordered)
    below = np.arange(1, n)
    mean_low, mean_high = sums[:-1] / below, (sums[-1] - sums[:-1]) / (n - below)
    between = below * (n - below) * (mean_high - mean_low) ** 2
    at = int(np.argmax(between))
    return float((ordered[at] + ordered[at + 1]) / 2), float(mean_low[at]), float(mean_high[at])


def _cycles(width_s: Float64s, on_load: Bools, usable: Bools) -> tuple[Float64s, Float64s]:
    """Seconds on load and off load of every whole cycle, from one beginning of load to the next, without a gap."""
    begins = np.flatnonzero(on_load[1:] & ~on_load[:-1] & usable[:-1]) + 1
    loaded, unloaded = [], []
    for first, behind in zip(begins[:-1].tolist(), begins[1:].tolist(), strict=True):
        part = slice(first, behind)
        if usable[part].all() and (width_s[part] > 0).all():
            loaded.append(width_s[part][on_load[part]].sum())
            unloaded.append(width_s[part][~on_load[part]].sum())
    return np.array(loaded, np.float64), np.array(unloaded, np.float64)
