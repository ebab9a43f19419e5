"""Is a value unlike what this tag has been so far? Robust baseline, smoothed deviation, its own threshold. Pure numpy.

    300 rows          ──► centre = median, scale from MAD        nothing is said
    200 rows more     ──► threshold from the largest score seen  nothing is said
    afterwards        score ≥ threshold for 10 rows ──► active ──30 rows below half of it──► not active

The centre follows slowly and stands still from the first row beyond until the return. A verdict may make a series
learn anew. Sources: Roberts, "Control Chart Tests Based on Geometric Moving Averages", Technometrics 1 (1959): EWMA
and its σ·√(λ/(2−λ)); Rousseeuw & Croux, JASA 88 (1993): MAD as scale, 1.4826; Vovk et al., "Algorithmic Learning in a
Random World" (2005): calibrating on data that came after the fit (split conformal).
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from anomaly.detectors.block import NEVER, Block, Float64s, Int64s, rounds
from anomaly.detectors.limits import Transition
from anomaly.detectors.state import Arrays, pack, unpack

VERSION = "robust-1"
LEARN_ROWS = 300
CALIBRATE_ROWS = 200
ON_ROWS = 10
OFF_ROWS = 30
_SMOOTHING = 0.2  # λ
_SMOOTHED_SIGMA = (_SMOOTHING / (2 - _SMOOTHING)) ** 0.5
_FOLLOWING = 1 / 2000  # share of a deviation by which the centre follows it
_FOLLOW_MOST = 3.0  # deviations beyond so many scales pull no harder
_DEVIATION_MOST = 20.0  # one wild value alone never lasts ON_ROWS
_SCORE_LEAST = 8.0
_CALIBRATION_MARGIN = 1.5
_MAD_TO_SIGMA = 1.4826
_Q01_TO_Q99 = 4.653  # of a normal distribution, in σ
_FLOOR_SHARE = 1e-3
_FLOOR = 1e-6
_FIELDS = (
    "series", "rows", "last_ns", "buffer", "centre", "scale", "smoothed", "threshold", "active", "run", "onset_ns",
)  # fmt: skip


class RobustDetector:
    """The float tags of a machine, each by itself."""

    def __init__(self, series: Sequence[int]) -> None:
        n = len(set(series))
        self._series = np.unique(np.array(series, np.int64))
        self._rows = np.zeros(n, np.int64)  # seen since learning began; stays at LEARN_ROWS + CALIBRATE_ROWS
        self._last_ns = np.full(n, NEVER, np.int64)
        self._buffer = np.zeros((n, LEARN_ROWS))
        self._centre, self._scale = np.zeros(n), np.ones(n)
        self._smoothed, self._threshold = np.zeros(n), np.full(n, _SCORE_LEAST)
        self._active = np.zeros(n, bool)
        self._run = np.zeros(n, np.int64)  # rows in a row that speak for a change of `active`
        self._onset_ns = np.full(n, NEVER, np.int64)

    @property
    def series(self) -> tuple[int, ...]:
        return tuple(self._series.tolist())

    @property
    def active(self) -> frozenset[int]:
        """Series that are unlike themselves now."""
        return frozenset(self._series[self._active].tolist())

    @property
    def ready(self) -> frozenset[int]:
        """Series that have learned enough to say something."""
        return frozenset(self._series[self._rows >= LEARN_ROWS + CALIBRATE_ROWS].tolist())

    def expected(self, series: int) -> float | None:
        """What the baseline expects now; None while it is learning."""
        row = int(np.searchsorted(self._series, series))
        return float(self._centre[row]) if series in self.ready else None

    def update(self, block: Block) -> list[Transition]:
        """Take samples in; what changed, in the order of source time."""
        block, row = block.rows_of(self._series, self._last_ns)
        found: list[Transition] = []
        for at in rounds(row):
            found += self._step(row[at], block.time_ns[at], block.value[at])
        return sorted(found, key=lambda transition: (transition.time_ns, transition.series))

    def _step(self, row: Int64s, time_ns: Int64s, value: Float64s) -> list[Transition]:
        """One sample of each of some series."""
        self._last_ns[row] = time_ns
        learning = self._rows[row] < LEARN_ROWS
        self._learn(row[learning], value[learning])
        row, time_ns, value = row[~learning], time_ns[~learning], value[~learning]
        deviation = np.clip((value - self._centre[row]) / self._scale[row], -_DEVIATION_MOST, _DEVIATION_MOST)
        self._smoothed[row] += _SMOOTHING * (deviation - self._smoothed[row])
        score = np.abs(self._smoothed[row]) / _SMOOTHED_SIGMA
        calibrating = self._rows[row] < LEARN_ROWS + CALIBRATE_ROWS
        learned = row[calibrating]
        self._threshold[learned] = np.maximum(self._threshold[learned], _CALIBRATION_MARGIN * score[calibrating])
        self._rows[learned] += 1
        calm = ~self._active[row] & (calibrating | (score < self._threshold[row]))
        pull = np.clip(deviation[calm], -_FOLLOW_MOST, _FOLLOW_MOST) * self._scale[row[calm]]
        self._centre[row[calm]] += _FOLLOWING * pull
        speaking = ~calibrating
        return self._judge(row[speaking], time_ns[speaking], value[speaking], score[speaking])

    def _judge(self, row: Int64s, time_ns: Int64s, value: Float64s, score: Float64s) -> list[Transition]:
        """Persistence and hysteresis."""
        active, threshold = self._active[row], self._threshold[row]
        speaks = np.where(active, score < threshold / 2, score >= threshold)
        first = speaks & (self._run[row] == 0)
        self._onset_ns[row[first]] = time_ns[first]
        self._run[row] = np.where(speaks, self._run[row] + 1, 0)
        done = self._run[row] >= np.where(active, OFF_ROWS, ON_ROWS)
        self._active[row] = active ^ done
        self._run[row[done]] = 0
        return [
            Transition(
                f"robust:{int(self._series[row[i]])}", int(self._series[row[i]]), bool(self._active[row[i]]),
                int(self._onset_ns[row[i]]), int(time_ns[i]), float(value[i]), float(score[i] / threshold[i]),
            )
            for i in np.flatnonzero(done)
        ]  # fmt: skip

    def _learn(self, row: Int64s, value: Float64s) -> None:
        self._buffer[row, self._rows[row]] = value
        self._rows[row] += 1
        for full in row[self._rows[row] == LEARN_ROWS].tolist():
            seen = self._buffer[full]
            if _counts(seen):
                self._rows[full] = 0  # a counter is always unlike what it was: look again later
                continue
            self._centre[full], self._scale[full] = baseline(seen)
            self._smoothed[full], self._threshold[full] = 0.0, _SCORE_LEAST

    def relearn(self, series: Sequence[int]) -> None:
        """Forget what these series were like: a person has said that this is normal now."""
        row = np.flatnonzero(np.isin(self._series, np.array(series, np.int64)))
        self._rows[row], self._run[row], self._active[row] = 0, 0, False

    def assume_active(self, series: frozenset[int]) -> None:
        """Make exactly these series, as far as they have learned, the active ones."""
        wanted = np.isin(self._series, np.array(sorted(series & self.ready), np.int64))
        self._run[wanted != self._active] = 0
        self._active = wanted

    def rewind(self) -> None:
        """Believe any time again: the clock of the source was set back."""
        self._last_ns[:] = NEVER

    def snapshot(self) -> bytes:
        return pack(self._state())

    def restore(self, state: bytes) -> None:
        """Take over what was saved of the series that are still here. Raises UnreadableState."""
        saved = unpack(state, self._state())
        mine, its = np.intersect1d(self._series, saved["series"], return_indices=True)[1:]
        for name in _FIELDS[1:]:
            getattr(self, f"_{name}")[mine] = saved[name][its]

    def _state(self) -> Arrays:
        return {name: getattr(self, f"_{name}") for name in _FIELDS}


def baseline(values: NDArray[np.float64]) -> tuple[float, float]:
    """Centre and scale. The scale covers what was seen, modes included, and is never zero, however flat the signal."""
    centre = float(np.median(values))
    mad = float(np.median(np.abs(values - centre)))
    low, high = np.percentile(values, (1, 99))
    spread = float(high - low) / _Q01_TO_Q99
    return centre, max(_MAD_TO_SIGMA * mad, spread, _FLOOR_SHARE * abs(centre), _FLOOR)


def _counts(values: NDArray[np.float64]) -> bool:
    """Whether it only ever goes one way, as counters and totals do."""
    steps = np.diff(values)
    return bool(steps.any()) and bool((steps >= 0).all() or (steps <= 0).all())
