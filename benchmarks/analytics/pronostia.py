"""Trend alarms on bearings run to failure (PRONOSTIA): before the end, early enough, not in the first fifth of life.

peaks of both axes, a snapshot every 10 s ──TrendDetector──► first alarm ──► lead to the end of the record
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from anomaly.vibration.trend import TrendDetector
from anomaly.vibration.waveform import Float64s
from benchmarks.analytics.line import Line

_RMS, _PEAK = 0, 2
_LEAD_S = 600.0
_EARLY_SHARE = 0.2
_HELD_OUT = 11  # the targets count 11 bearings elsewhere; here two of them are taken as shares

Better = Literal["higher", "lower"]
Rule = Callable[[Float64s], int | None]


@dataclass(frozen=True, slots=True)
class Life:
    """Features [n, 2 axes, 4] of one bearing and the seconds of each snapshot; the last is the failure."""

    features: Float64s
    time_s: Float64s


def run(datasets: Path) -> list[Line]:
    """The lines of this board."""
    lives = [_life(path) for path in sorted((datasets / "pronostia").glob("Bearing*.npz"))]
    started = time.monotonic()
    ours = shares(lives, _trend)
    seconds = time.monotonic() - started
    others = {
        "always": shares(lives, lambda _: 0),
        "random": shares(lives, _random),
        "RMS 3 times the first": shares(lives, _three_times),
    }
    figures: tuple[tuple[str, float, float, Better], ...] = (
        ("share alarmed before the end", 10 / _HELD_OUT, 1.0, "higher"),
        ("share with a lead of 10 min and more", 8 / _HELD_OUT, 8 / _HELD_OUT, "higher"),
        ("bearings with an alarm in the first 20 % of life", 1, 1, "lower"),
    )
    return [
        Line("pronostia", figure, ours[at], target, floor, better,
             {name: one[at] for name, one in others.items()}, len(lives), seconds if at == 0 else 0.0)
        for at, (figure, target, floor, better) in enumerate(figures)
    ]  # fmt: skip


def shares(lives: Sequence[Life], rule: Rule) -> tuple[float, float, float]:
    """Shares of bearings with an alarm and with one early enough before the end; how many had one too early in life."""
    alarmed = lead = early = 0
    for life in lives:
        at = rule(life.features)
        if at is None:
            continue
        alarmed += 1
        lead += life.time_s[-1] - life.time_s[at] >= _LEAD_S
        early += at < _EARLY_SHARE * len(life.features)
    return alarmed / len(lives), float(lead) / len(lives), float(early)


def _life(path: Path) -> Life:
    with np.load(path) as archive:
        return Life(archive["features"].astype(np.float64), archive["t_s"])


def _trend(features: Float64s) -> int | None:
    alarm = TrendDetector(features.shape[1]).update(features[:, :, _PEAK]).alarm
    return int(np.argmax(alarm)) if alarm.any() else None


def _random(features: Float64s) -> int | None:
    return int(np.random.default_rng(len(features)).integers(len(features)))


def _three_times(features: Float64s) -> int | None:
    above = features[:, 0, _RMS] > 3 * np.median(features[:60, 0, _RMS])
    return int(np.argmax(above)) if above.any() else None
