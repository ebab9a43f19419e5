"""Energy and output of a period, and what was used while nothing was made. Pure numpy.

    time, power, output rate ──use──► kWh, units, kWh per unit, idle share, coverage

Source of the figures: ISO 50006:2014 (energy performance indicators: energy divided by output, with the relevant
variables named); a gap is not bridged but told as coverage.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from anomaly.energy import NotEnoughData

Float64s = NDArray[np.float64]
Bools = NDArray[np.bool_]

SAMPLES_LEAST = 10
# A longer pause than so many usual ones is a gap: nobody knows what happened in it.
_GAP = 5.0
_RUNS_SHARE = 0.1  # of a high power: more is running
_MAKES_SHARE = 0.05  # of a high output: more is making something
_HIGH = 95
_S_PER_H = 3600.0


@dataclass(frozen=True, slots=True)
class Use:
    """energy_kwh and units in the measured time; per_unit: kWh per unit, None where nothing was made.

    idle_share: of the running time; idle_kwh: used while running and making nothing; coverage: measured share of the
    period.
    """

    energy_kwh: float
    units: float
    per_unit: float | None
    idle_share: float
    idle_kwh: float
    coverage: float


def use(time_s: Float64s, power_kw: Float64s, output_per_h: Float64s) -> Use:
    """The use of a period.

    time_s [n] rises; power_kw [n]; output_per_h [n] in units an hour (m³/h, parts/h); NaN where nothing was measured.

    Raises:
        NotEnoughData: fewer than ten usable samples.
    """
    width_s = widths(time_s)
    usable = np.isfinite(power_kw) & np.isfinite(output_per_h) & (width_s > 0)
    if usable.sum() < SAMPLES_LEAST:
        raise NotEnoughData(
            f"{int(usable.sum())} samples have both power and output, at least {SAMPLES_LEAST} are needed"
        )
    hours = np.where(usable, width_s, 0.0) / _S_PER_H
    power, output = np.where(usable, power_kw, 0.0), np.where(usable, output_per_h, 0.0)
    energy, units = float(power @ hours), float(output @ hours)
    runs = running(power_kw) & usable
    idles = runs & ~making(output_per_h)
    running_h = float(hours[runs].sum())
    return Use(
        energy, units, energy / units if units > 0 else None,
        float(hours[idles].sum()) / running_h if running_h else 0.0,
        float(power[idles] @ hours[idles]),
        float(hours.sum()) * _S_PER_H / max(float(time_s[-1] - time_s[0]) + float(np.median(width_s)), 1e-9),
    )  # fmt: skip


def widths(time_s: Float64s) -> Float64s:
    """How long each sample [n] stands for, in s: until the next one; 0 in front of a gap, the usual for the last."""
    steps = np.diff(time_s)
    usual = float(np.median(steps)) if len(steps) else 0.0
    return np.append(np.where(steps <= _GAP * usual, steps, 0.0), usual)


def running(power_kw: Float64s) -> Bools:
    """Where the machine runs: above a tenth of what it takes when it works hard."""
    return _above(power_kw, _RUNS_SHARE)


def making(output_per_h: Float64s) -> Bools:
    """Where something comes out."""
    return _above(output_per_h, _MAKES_SHARE)


def _above(values: Float64s, share: float) -> Bools:
    finite = values[np.isfinite(values)]
    high = float(np.percentile(finite, _HIGH)) if len(finite) else 0.0
    above: Bools = np.nan_to_num(values, nan=-np.inf) > share * max(high, 1e-9)
    return above
