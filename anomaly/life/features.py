"""What is looked at in a moment of a unit's life: level, trend and departure of every column over a window of time.

    value ──asinh((x - median) / spread)──► level ──line through the window (t - W, t]──► mean, slope, end ─┐
                                                   └─ mean less the unit's own beginning ──► departure, rate ┴► + age

Row i depends on rows up to i only. Windows and slopes are in time, not rows, so a file with every second row gives
nearly the same features. asinh leaves small departures as they are and takes the logarithm of large ones, so that a
temperature and a vibration that grows a hundredfold are measured with one yardstick.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from anomaly.life.histories import History, typical_step

Floats = NDArray[np.float64]
WINDOW_OF_LIFE = 0.15
"""The window as a share of the mean life: 30 cycles on turbofans that last 200, however often they were sampled."""
WINDOW_ROWS_LEAST = 5
_MAD_TO_SIGMA = 1.4826
KINDS = ("mean", "departure", "slope", "end", "rate")


@dataclass(frozen=True, slots=True)
class Features:
    """Which columns count, their yardstick [c], and the window in the file's unit of time."""

    columns: tuple[str, ...]
    middle: Floats
    spread: Floats
    window: float
    step: float

    @property
    def names(self) -> list[str]:
        """One name a feature, in the order of `of`."""
        return [*(f"{kind} of {column}" for kind in KINDS for column in self.columns), "age"]

    def levels(self, history: History) -> Floats:
        """The columns [n, c] of a history that has just these columns, by their yardsticks."""
        return np.arcsinh((history.value - self.middle) / self.spread)

    def of(self, history: History) -> Floats:
        """The features [n, 5 c + 1] of every row; NaN where the window holds no value."""
        level = self.levels(history)
        mean, slope, end = _window_line(history.time, level, self.window)
        departure = mean - _beginning(history.time, mean, self.window)
        age = self.age(history)[:, None]
        rate = departure * self.window / (age + self.window)
        return np.hstack([mean, departure, slope * self.window, end, rate, age])

    def place(self, features: Floats) -> Floats:
        """The part [n, 2 c] of the features that says where a unit stands: means and departures."""
        return features[:, : 2 * len(self.columns)]

    def thinness(self, history: History) -> float:
        """How much noisier the last window's means are than in training, because it holds fewer rows; 1 or more."""
        rows = int(np.sum(history.time > history.time[-1] - self.window))
        return float(np.sqrt(max(1.0, self.window / self.step / rows)))

    def age(self, history: History) -> Floats:
        """Time since the unit's first row [n]; at least one step, so that it can be divided by."""
        return np.asarray(np.maximum(history.time - history.time[0], 0.0) + self.step)


def learn_features(columns: Sequence[str], trained: Sequence[History]) -> tuple[Features, list[int]]:
    """Yardsticks from all rows of all units; also the positions of the columns that vary at all."""
    value = np.vstack([history.value for history in trained])
    kept = [at for at in range(value.shape[1]) if _varies(value[:, at])]
    middle = np.array([np.nanmedian(value[:, at]) for at in kept])
    spread = np.array([_spread(value[:, at], center) for at, center in zip(kept, middle, strict=True)])
    step = typical_step(trained)
    life = float(np.mean([history.life for history in trained]))
    window = max(WINDOW_OF_LIFE * life, WINDOW_ROWS_LEAST * step)
    return Features(tuple(columns[at] for at in kept), middle, spread, window, step), kept


def _varies(column: Floats) -> bool:
    known = column[np.isfinite(column)]
    if known.size < max(2, len(column) // 100):
        return False
    return bool(np.ptp(known) > 1e-12 * max(1.0, float(np.max(np.abs(known)))))


def _spread(column: Floats, middle: float) -> float:
    mad = float(np.nanmedian(np.abs(column - middle))) * _MAD_TO_SIGMA
    return mad if mad > 0 else float(np.nanstd(column))


def _window_line(time: Floats, level: Floats, window: float) -> tuple[Floats, Floats, Floats]:
    """The least-squares line over (t - window, t], by running sums: mean, slope per unit of time, end, each [n, c]."""
    known = np.isfinite(level)
    start = np.searchsorted(time, time - window * (1 - 1e-9), side="right")
    clock = (time - time[0])[:, None]
    filled = np.where(known, level, 0.0)

    def total(rows: Floats) -> Floats:
        running = np.vstack([np.zeros((1, rows.shape[1])), np.cumsum(rows, axis=0)])
        return np.asarray(running[1:] - running[start])

    count = total(known.astype(float))
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = total(filled) / count
        mean_clock = total(known * clock) / count
        spread = total(known * clock**2) - count * mean_clock**2
        together = total(filled * clock) - count * mean_clock * mean
        slope = np.where(spread > 1e-9 * window**2, together / spread, 0.0)
    mean[count == 0], slope[count == 0] = np.nan, np.nan
    return mean, slope, mean + slope * (clock - mean_clock)


def _beginning(time: Floats, mean: Floats, window: float) -> Floats:
    """The mean of the unit's first window [c], as far as it was known at each row [n, c]."""
    complete = int(np.searchsorted(time, time[0] + window, side="left"))
    settled = np.minimum(np.arange(len(time)), min(complete, len(time) - 1))
    return mean[settled]
