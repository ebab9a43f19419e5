"""Bearing verdicts on the CWRU records and on simulated ones, by whole record and by two seconds, default settings.

records ──score──► verdict ──against the seeded fault──► accuracy of what was answered, share answered, false faults

Nothing is trained. The limits of the verdict were chosen with all of these records and simulated ones in view, so the
figures here say that nothing broke, not how other bearings fare. "Healthy" on a damaged bearing counts as wrong.
"""

import re
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from anomaly.vibration.bearing import Bearing, parse
from anomaly.vibration.levels import levels
from anomaly.vibration.score import score
from anomaly.vibration.waveform import Float64s, Waveform
from benchmarks.analytics.line import Line
from simulators.bearing_signals import FAULTS, record, varied

BEARINGS = {"DE": parse("n=9,d=7.94,D=39.04,angle=0"), "FE": parse("n=8,d=6.7462,D=28.4988,angle=0")}
_TRUTH = {"Normal": "healthy", "IR": "inner race", "OR": "outer race", "B": "ball"}
_WINDOW_S = 2.0
_SIMULATED = 120


@dataclass(frozen=True, slots=True)
class Record:
    """One record with what is known of it."""

    truth: str
    wave: Waveform
    rpm: float
    bearing: Bearing


@dataclass(frozen=True, slots=True)
class Count:
    """Answers on damaged bearings, and names of faults on sound ones."""

    accuracy: float
    answered: float
    false_faults: int
    damaged: int
    sound: int


def run(datasets: Path) -> list[Line]:
    """The lines of this board."""
    whole = list(_records(datasets / "cwru"))
    windows = [window for one in whole for window in _windows(one)]
    lines = _lines("whole records", whole, with_targets=True) + _lines("2 s windows", windows, with_targets=True)
    return lines + _lines("simulated bearings", list(_simulated()), with_targets=False)


def _lines(kind: str, records: Sequence[Record], *, with_targets: bool) -> list[Line]:
    started = time.monotonic()
    ours = count(records, lambda one: score(one.wave, one.rpm, one.bearing).verdict.fault)
    seconds = time.monotonic() - started
    random = np.random.default_rng(1)
    others = {
        "always outer race": count(records, lambda _: "outer race"),
        "random": count(records, lambda _: str(random.choice(FAULTS))),
        "kurtosis rule": count(records, _by_kurtosis),
    }
    accuracy, answered, none = (0.85, 0.70, 0.0) if with_targets else (None, None, None)
    return [
        Line("cwru", f"{kind}: accuracy of answered", ours.accuracy, accuracy, 0.833, "higher",
             {name: one.accuracy for name, one in others.items()}, ours.damaged, seconds),
        Line("cwru", f"{kind}: share answered", ours.answered, answered, 0.74, "higher",
             {name: one.answered for name, one in others.items()}, ours.damaged),
        Line("cwru", f"{kind}: faults named on sound bearings", ours.false_faults, none, None, "lower",
             {name: one.false_faults for name, one in others.items()}, ours.sound),
    ]  # fmt: skip


def count(records: Sequence[Record], rule: Callable[[Record], str]) -> Count:
    """What a rule gets right."""
    answers = [(one.truth, rule(one)) for one in records]
    damaged = [(truth, answer) for truth, answer in answers if truth != "healthy"]
    said = [(truth, answer) for truth, answer in damaged if answer != "unknown"]
    right = sum(truth == answer for truth, answer in said)
    false = sum(truth == "healthy" and answer not in {"healthy", "unknown"} for truth, answer in answers)
    sound = len(answers) - len(damaged)
    return Count(right / max(len(said), 1), len(said) / max(len(damaged), 1), false, len(damaged), sound)


def _by_kurtosis(one: Record) -> str:
    """It knocks, and most that knocks is the outer race."""
    return "outer race" if levels(one.wave).kurtosis > 3.5 else "unknown"


def _records(folder: Path) -> Iterator[Record]:
    for path in sorted(folder.glob("*.npz")):
        truth = _TRUTH[re.split(r"[_@]", path.stem)[1]]
        with np.load(path) as archive:
            rate_hz, rpm = float(archive["fs"]), float(archive["rpm"])
            for place in (name for name in ("DE", "FE") if name in archive):
                values: Float64s = archive[place] * float(archive[f"{place}_scale"])
                at = "FE" if path.stem.endswith("_FE") or place == "FE" else "DE"
                yield Record(truth, Waveform.of(values, rate_hz), rpm, BEARINGS[at])


def _windows(one: Record) -> Iterator[Record]:
    length = round(_WINDOW_S * one.wave.rate_hz)
    for start in range(0, len(one.wave) - length + 1, length):
        part = Waveform.of(one.wave.acceleration[start : start + length], one.wave.rate_hz)
        yield Record(one.truth, part, one.rpm, one.bearing)


def _simulated() -> Iterator[Record]:
    for seed in range(_SIMULATED):
        rng = np.random.default_rng(seed)
        scene = varied(FAULTS[seed % len(FAULTS)], rng)
        part = scene.bearing
        bearing = Bearing(part.balls, part.ball_mm, part.pitch_mm, part.contact_deg)
        yield Record(scene.fault, Waveform.of(record(scene, rng), scene.rate_hz), scene.rpm, bearing)
