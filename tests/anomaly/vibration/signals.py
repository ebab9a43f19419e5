"""Simulated records and how they are scored, for the tests of this room."""

from dataclasses import replace

import numpy as np

from anomaly.vibration.bearing import Bearing
from anomaly.vibration.score import Scored, score
from anomaly.vibration.waveform import Waveform
from simulators.bearing_signals import Scene, record

SKF_6205 = Bearing(9, 7.94, 39.04)


def scene(fault: str, **changes: object) -> Scene:
    return replace(Scene(fault=fault), **changes)  # type: ignore[arg-type]


def values_of(one: Scene, seed: int = 1) -> np.ndarray:
    return record(one, np.random.default_rng(seed))


def bearing_of(one: Scene) -> Bearing:
    part = one.bearing
    return Bearing(part.balls, part.ball_mm, part.pitch_mm, part.contact_deg)


def scored(one: Scene, seed: int = 1) -> Scored:
    return score(Waveform.of(values_of(one, seed), one.rate_hz), one.rpm, bearing_of(one))
