"""Does a machine take more power for the same output than it did? Regression, then a CUSUM of what it leaves. numpy.

    learn   power ≈ a + b·output + c·others, over the rows in which something is made    scale of block means
    update  residual ─► mean of each block ─► one-sided CUSUM ─► surprise of the power; block mean ─► excess kW

A product that takes more power is no drift, because the output explains it; an output that was never seen is not
judged. Sources: Huber, "Robust Estimation of a Location Parameter", Ann. Math. Statist. 35 (1964), by iteratively
reweighted least squares; Page, "Continuous Inspection Schemes", Biometrika 41 (1954); tail of a CUSUM with slack k,
exp(−2k(s + 1.166)): Siegmund, "Sequential Analysis" (1985), ch. X.
"""

import numpy as np

from anomaly.detectors.state import Arrays, pack, unpack
from anomaly.energy import NotEnoughData
from anomaly.energy.use import Bools, Float64s, making
from anomaly.rows import SURPRISE_MOST, Rows

ROWS_LEAST = 60
BLOCKS = 100  # of the training rows; a block is as long as its share of them
_FIT_SHARE = 2 / 3  # the scale comes from the rows behind those that were fitted
_HUBER = 1.345
_ROUNDS = 20
_MAD_TO_SIGMA = 1.4826
_SLACK = 0.5  # deviations
_SLACK_SHARE = 0.01  # of the usual power: drift below twice this is not worth a case
_BEYOND = 0.1  # of the learned range of a driver: farther out nothing is known
_CUSUM_MOST = 30.0  # deviations: a drift that is mended is believed within a few dozen blocks
_OVERSHOOT = 1.166


class EfficiencyDrift:
    """Columns: power, output, then anything else that drives power. Only the power gets a surprise."""

    def __init__(self, columns: int) -> None:
        """columns: of the rows it will be given, at least 2."""
        self._state: Arrays = {
            "coefficients": np.zeros((1, columns)),
            "low": np.zeros((1, columns - 1)),
            "high": np.zeros((1, columns - 1)),
            "makes_above": np.zeros(1),
            "scale": np.ones(1),
            "slack": np.zeros(1),
            "block_rows": np.ones(1, np.int64),
            "seen": np.zeros(1, np.int64),  # rows in the block that is being filled
            "total": np.zeros(1),
            "cusum": np.zeros(1),
            "excess": np.full(1, np.nan),
        }

    @property
    def excess_kw(self) -> float:
        """Power above what the output explains, in the last whole block; NaN before there was one."""
        return float(self._state["excess"][0])

    def learn(self, rows: Rows) -> None:
        """Learn what power belongs to which output.

        Raises:
            NotEnoughData: fewer than 60 rows in which something is made.
        """
        drivers, power = rows.value[:, 1:], rows.value[:, 0]
        usable = np.isfinite(rows.value).all(axis=1) & making(drivers[:, 0])
        if usable.sum() < ROWS_LEAST:
            raise NotEnoughData(f"{int(usable.sum())} rows with output, at least {ROWS_LEAST} are needed")
        drivers, power = drivers[usable], power[usable]
        state, fit = self._state, int(len(power) * _FIT_SHARE)
        state["makes_above"][0] = drivers[:, 0].min()
        state["low"][0], state["high"][0] = drivers.min(axis=0), drivers.max(axis=0)
        state["coefficients"][0] = huber(drivers[:fit], power[:fit])
        state["block_rows"][0] = max(len(power) // BLOCKS, 1)
        left = power[fit:] - self._expected(drivers[fit:])
        scale = _long_run_scale(left, int(state["block_rows"][0]), float(np.median(power)))
        state["scale"][0] = scale
        state["slack"][0] = max(_SLACK, _SLACK_SHARE * float(np.median(power)) / scale)

    def update(self, rows: Rows) -> Float64s:
        """The surprise [n, k] of the power, as it stands after each row; NaN for the drivers."""
        surprise = np.full(rows.value.shape, np.nan)
        residual = rows.value[:, 0] - self._expected(rows.value[:, 1:])
        known = np.isfinite(residual) & self._familiar(rows.value[:, 1:])
        for row in range(len(rows)):
            if known[row]:
                self._take(float(residual[row]))
            surprise[row, 0] = self._surprise()
        return surprise

    def snapshot(self) -> bytes:
        return pack(self._state)

    def restore(self, state: bytes) -> None:
        """Go on where `snapshot` was taken. Raises UnreadableState."""
        self._state = {name: array.copy() for name, array in unpack(state, self._state).items()}

    def _take(self, residual: float) -> None:
        state = self._state
        state["total"][0] += residual
        state["seen"][0] += 1
        if state["seen"][0] < state["block_rows"][0]:
            return
        excess = float(state["total"][0] / state["seen"][0])
        step = excess / float(state["scale"][0]) - float(state["slack"][0])
        state["cusum"][0] = min(max(float(state["cusum"][0]) + step, 0.0), _CUSUM_MOST)
        state["excess"][0], state["total"][0], state["seen"][0] = excess, 0.0, 0

    def _surprise(self) -> float:
        cusum = float(self._state["cusum"][0])
        if cusum == 0.0:
            return 0.0
        return min(2 * _SLACK * (cusum + _OVERSHOOT) / float(np.log(10)), SURPRISE_MOST)

    def _expected(self, drivers: Float64s) -> Float64s:
        coefficients = self._state["coefficients"][0]
        expected: Float64s = coefficients[0] + drivers @ coefficients[1:]
        return expected

    def _familiar(self, drivers: Float64s) -> Bools:
        low, high = self._state["low"][0], self._state["high"][0]
        reach = _BEYOND * (high - low)
        inside = ((drivers >= low - reach) & (drivers <= high + reach)).all(axis=1)
        familiar: Bools = inside & (drivers[:, 0] >= self._state["makes_above"][0])
        return familiar


def huber(drivers: Float64s, power: Float64s) -> Float64s:
    """Intercept and slopes [1 + k] of `power` [n] on `drivers` [n, k]; rows far from the rest count little."""
    design = np.column_stack([np.ones(len(power)), drivers])
    weight = np.ones(len(power))
    found = np.zeros(design.shape[1])
    for _ in range(_ROUNDS):
        root = np.sqrt(weight)
        found = np.linalg.lstsq(design * root[:, None], power * root, rcond=None)[0]
        left = power - design @ found
        scale = max(_MAD_TO_SIGMA * float(np.median(np.abs(left - np.median(left)))), 1e-9)
        weight = 1 / np.maximum(np.abs(left) / scale / _HUBER, 1.0)
    return found


def _long_run_scale(residual: Float64s, block_rows: int, usual: float) -> float:
    """Of block means, wider when neighbouring blocks are alike; never so small that rounding would be drift."""
    n = max(len(residual) // block_rows, 1)
    means = residual[: n * block_rows].reshape(n, -1).mean(axis=1)
    off = means - means.mean()
    power = float(off @ off)
    r = min(max(float(off[1:] @ off[:-1]) / power, 0.0), 0.8) if power > 0 else 0.0
    deviation = float(np.sqrt(power / max(n - 1, 1) + means.mean() ** 2))
    return max(deviation * float(np.sqrt((1 + r) / (1 - r))), 1e-3 * abs(usual), 1e-9)
