"""Is a machine louder than it was when it was sound? Snapshots of level features against the machine's own beginning.

    first 60 snapshots ──► centre and spread of each feature's logarithm      nothing is said
    afterwards         ──► smoothed logarithm above the centre by 8 dB and by 6 spreads, 5 snapshots in a row ──► alarm
                           half of that, 30 in a row                                                       ──► no alarm

Features are levels that grow with damage and are above 0: peak, RMS, band RMS. A factor of 2.5 (8 dB) is what ISO 2372
called an important change of a machine's vibration, 10 (20 dB) a critical one; six robust spreads keep a restless
machine from alarming at its ordinary ups and downs. Smoothing: Roberts, Technometrics 1 (1959).
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anomaly import UnreadableState
from anomaly.detectors.state import Arrays, pack, unpack
from anomaly.vibration import VibrationError
from anomaly.vibration.waveform import Float64s

LEARN_SNAPSHOTS = 60
ON_SNAPSHOTS = 5
OFF_SNAPSHOTS = 30
IMPORTANT = float(np.log(2.5))
_SPREADS = 6.0
_SMOOTHING = 0.2
_MAD_TO_SIGMA = 1.4826
_FIELDS = ("seen", "buffer", "smoothed", "centre", "limit", "active", "run")


class BadSnapshots(VibrationError):
    """Snapshots of another number of features than the trend was made for."""


@dataclass(frozen=True, slots=True)
class Trend:
    """Row by row: `score` [n, m] is 1 where a change is important, NaN while learning; `alarm` [n] is the machine's."""

    score: Float64s
    alarm: NDArray[np.bool_]


class TrendDetector:
    """The trend of m features of one machine, snapshot by snapshot; row k depends on rows up to k only."""

    def __init__(self, features: int) -> None:
        self._seen = np.zeros(features, np.int64)
        self._buffer = np.zeros((features, LEARN_SNAPSHOTS))
        self._smoothed = np.zeros(features)
        self._centre, self._limit = np.zeros(features), np.full(features, IMPORTANT)
        self._active, self._run = np.zeros(features, bool), np.zeros(features, np.int64)

    @property
    def active(self) -> bool:
        """Whether any feature is in alarm now."""
        return bool(self._active.any())

    def update(self, features: NDArray[Any]) -> Trend:
        """Take snapshots [n, m] in; values that are not above 0 say nothing. Raises BadSnapshots."""
        if features.ndim != 2 or features.shape[1] != len(self._seen):
            raise BadSnapshots(f"wanted are snapshots of {len(self._seen)} features, not of shape {features.shape}")
        score = np.full(features.shape, np.nan)
        alarm = np.zeros(len(features), bool)
        for row, values in enumerate(features.astype(np.float64)):
            score[row] = self._step(values)
            alarm[row] = self.active
        return Trend(score, alarm)

    def _step(self, values: Float64s) -> Float64s:
        told = np.isfinite(values) & (values > 0)
        logs = np.log(values, out=np.zeros(len(values)), where=told)
        weight = np.where(self._seen == 0, 1.0, _SMOOTHING)
        self._smoothed = np.where(told, self._smoothed + weight * (logs - self._smoothed), self._smoothed)
        learning = told & (self._seen < LEARN_SNAPSHOTS)
        ready = told & ~learning
        self._learn(np.flatnonzero(learning))
        score = np.where(ready, (self._smoothed - self._centre) / self._limit, np.nan)
        self._judge(ready, score)
        return score

    def _learn(self, at: NDArray[np.int64]) -> None:
        self._buffer[at, self._seen[at]] = self._smoothed[at]
        self._seen[at] += 1
        for full in at[self._seen[at] == LEARN_SNAPSHOTS].tolist():
            self._centre[full] = np.median(self._buffer[full])
            spread = _MAD_TO_SIGMA * float(np.median(np.abs(self._buffer[full] - self._centre[full])))
            self._limit[full] = max(_SPREADS * spread, IMPORTANT)

    def _judge(self, ready: NDArray[np.bool_], score: Float64s) -> None:
        speaks = ready & np.where(self._active, score < 0.5, score >= 1)
        self._run = np.where(ready, np.where(speaks, self._run + 1, 0), self._run)
        done = self._run >= np.where(self._active, OFF_SNAPSHOTS, ON_SNAPSHOTS)
        self._active = self._active ^ done
        self._run[done] = 0

    def relearn(self) -> None:
        """Begin anew: the machine was repaired, so that it is another one."""
        self.restore(TrendDetector(len(self._seen)).snapshot())

    def snapshot(self) -> bytes:
        """All that was learned and all that runs on."""
        return pack(self._state())

    def restore(self, state: bytes) -> None:
        """Go on where `snapshot` was taken. Raises UnreadableState."""
        saved = unpack(state, self._state())
        if len(saved["seen"]) != len(self._seen):
            raise UnreadableState(f"a trend of {len(saved['seen'])} features, wanted are {len(self._seen)}")
        for name, array in saved.items():
            setattr(self, f"_{name}", array)

    def _state(self) -> Arrays:
        return {name: getattr(self, f"_{name}") for name in _FIELDS}
