"""How fast the analytics are on one core, how large a state is, how long an import takes.

Nothing here is compared with a clock but itself: each rate stands beside a bare numpy EWMA over the same values.
Seconds are of the processor, so that other programs cost little.
"""

import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from anomaly.baseline import Baseline
from anomaly.detectors.block import Block
from anomaly.detectors.limits import LimitDetector, LimitRule
from anomaly.rows import Rows
from anomaly.scoring.scorer import Scorer
from anomaly.vibration.bearing import Bearing
from anomaly.vibration.score import score
from anomaly.vibration.waveform import Waveform
from benchmarks.analytics.line import Line

_ROUNDS = 5
_S = 10**9
_TAGS, _MACHINE_TAGS = 1000, 32
_EVENTS = 5000
_WAVE_HZ = 25_600.0
_CORE = "import anomaly.baseline, anomaly.scoring.scorer, anomaly.vibration.score"

Floats = NDArray[np.float64]


def run(_datasets: Path) -> list[Line]:
    """All figures; the middle of five rounds each."""
    block, machine = _values(600, _TAGS), _values(4000, _MACHINE_TAGS)
    ewma = block.size / _middle(lambda: _ewma(block))
    baseline, scorer = _learned(Baseline(_TAGS), block), Scorer(_MACHINE_TAGS)
    scorer.learn(_rows(machine[:1000], 0))
    return [
        _rate("1,000 tags in blocks, points/s", _streamed(baseline, block), 1e6, {"bare EWMA": ewma}),
        _rate("one event at a time through limits, points/s", _EVENTS / _middle(_single_events), 5e4),
        _rate("32-tag machine, rows/s", _streamed(scorer, machine) / _MACHINE_TAGS, 1e4),
        _cost("vibration, 2 s at 25.6 kHz, ms", 1000 * _middle(_vibration()), 60),
        _cost("state of a tag, bytes", len(baseline.snapshot()) / _TAGS, 8192),
        _cost("state of a 32-tag machine, bytes", len(scorer.snapshot()), 256 * 1024),
        _cost("import of the core, s", _import_s(), 0.6),
    ]


def _values(rows: int, tags: int) -> Floats:
    chance = np.random.default_rng(7)
    values: Floats = chance.normal(size=(rows, tags)) + np.sin(np.arange(rows) / 50)[:, None]
    return values


def _rows(values: Floats, first: int) -> Rows:
    return Rows((first + np.arange(len(values), dtype=np.int64)) * _S, values)


def _learned(baseline: Baseline, block: Floats) -> Baseline:
    baseline.learn(_rows(block, 0))
    return baseline


def _ewma(block: Floats) -> Floats:
    level: Floats = block[0].copy()
    for row in block:
        level += 0.05 * (row - level)
    return level


def _streamed(detector: Baseline | Scorer, block: Floats) -> float:
    """Points a second of rows that go on where the last round ended."""
    begun = iter(range(10_000, 10**9, len(block)))
    return block.size / _middle(lambda: detector.update(_rows(block, next(begun))))


def _single_events() -> None:
    limits = LimitDetector([LimitRule("level:high", 1, "high", 1e9, 0.0, 0.0, 0.0)])
    for number in range(_EVENTS):
        limits.update(Block.of(np.array([1]), np.array([number * _S]), np.array([1.0])))


def _vibration() -> Callable[[], object]:
    wave = Waveform.of(np.random.default_rng(7).normal(size=int(2 * _WAVE_HZ)), _WAVE_HZ)
    bearing = Bearing(9, 7.94, 39.04, 0.0)
    return lambda: score(wave, 1797.0, bearing)


def _import_s() -> float:
    return statistics.median(_import_once() for _ in range(_ROUNDS))


def _import_once() -> float:
    told = f"import time; t = time.process_time(); {_CORE}; print(time.process_time() - t)"
    return float(subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=True).stdout)


def _middle(work: Callable[[], object]) -> float:
    taken = []
    for _ in range(_ROUNDS):
        started = time.process_time()
        work()
        taken.append(time.process_time() - started)
    return statistics.median(taken)


def _rate(figure: str, value: float, target: float, baselines: dict[str, float] | None = None) -> Line:
    return Line("speed", figure, value, target, baselines=baselines or {}, n=_ROUNDS)


def _cost(figure: str, value: float, target: float) -> Line:
    return Line("speed", figure, value, target, better="lower", n=_ROUNDS)
