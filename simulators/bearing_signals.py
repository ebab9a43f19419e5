"""Acceleration of a machine on a rolling bearing, healthy or with one known fault: ground truth for diagnosis.

    shaft angle(t) ──kinematics, slip──► angles of cage and balls ──► moments of impact, load-zone weights ──┐
    resonances of the housing ◄──────────────────────────────────────────────────────────── impulse train ◄──┘
    + shaft orders, mains hum, gear mesh, coloured noise that the shaft modulates ──► acceleration

Nothing here uses the formulas of the fault frequencies: impacts come from turning parts, so a diagnosis that finds them
has not been given its own arithmetic. Model: Antoni & Randall, "Differential diagnosis of gear and bearing faults",
J. Vibration and Acoustics 124 (2002): impacts with a random slip that adds up; McFadden & Smith, J. Sound and
Vibration 96 (1984): load zone; ball defects strike both rings and come and go as the ball turns about other axes.
"""

import math
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.signal import fftconvolve

from simulators.bearing import Bearing

Float64s = NDArray[np.float64]
Fault = Literal["healthy", "outer race", "inner race", "ball"]
FAULTS: tuple[Fault, ...] = ("healthy", "outer race", "inner race", "ball")
BEARING_6205 = Bearing(balls=9, ball_mm=7.94, pitch_mm=39.04)


@dataclass(frozen=True, slots=True)
class Scene:
    """What is recorded. `severity` is the RMS of the ringing relative to that of the noise, as are the other RMS."""

    fault: Fault = "healthy"
    severity: float = 0.5
    bearing: Bearing = BEARING_6205
    rate_hz: float = 12_000.0
    rpm: float = 1_797.0
    seconds: float = 2.0
    speed_swing: float = 0.0  # share by which the speed goes up and down, once in the record
    mean_slip: float = 0.005  # share by which the cage lags behind pure rolling
    jitter: float = 0.01  # spread of one interval between impacts, as a share of it
    resonances_hz: tuple[float, ...] = (2_900.0, 4_300.0)
    damping: float = 0.04
    shaft_rms: float = 0.5
    modulation: float = 0.3  # how deep the shaft modulates the noise
    hum_hz: float = 100.0
    hum_rms: float = 0.0
    mesh_teeth: int = 23
    mesh_rms: float = 0.0
    noise_tilt: float = 0.5  # AR(1) coefficient of the noise: 0 is white, towards 1 is dull


def varied(fault: Fault, rng: np.random.Generator) -> Scene:
    """A scene as plants have them: other bearing, speed, rate, resonances, disturbances, depth of the fault."""
    rate_hz = float(rng.choice([10_000.0, 12_000.0, 20_000.0, 25_600.0]))
    balls = int(rng.integers(7, 17))
    pitch_mm = float(rng.uniform(25, 90))
    ball_mm = pitch_mm * math.sin(math.pi / balls) * float(rng.uniform(0.55, 0.85))
    bearing = Bearing(balls, ball_mm, pitch_mm, float(rng.choice([0.0, 0.0, 12.0, 25.0])))
    resonances = tuple(float(hz) for hz in rng.uniform(0.12, 0.42, int(rng.integers(1, 4))) * rate_hz)
    return Scene(
        fault, float(np.exp(rng.uniform(math.log(0.15), math.log(1.5)))), bearing, rate_hz,
        float(rng.uniform(900, 3_600)), seconds=float(rng.choice([2.0, 4.0])),
        mean_slip=float(rng.uniform(0, 0.01)), jitter=float(rng.uniform(0.002, 0.02)), resonances_hz=resonances,
        damping=float(rng.uniform(0.02, 0.08)), shaft_rms=float(rng.uniform(0, 2)),
        modulation=float(rng.uniform(0, 0.6)), hum_hz=float(rng.choice([100.0, 120.0])),
        hum_rms=float(rng.choice([0.0, 0.5, 1.5])), mesh_teeth=int(rng.integers(13, 40)),
        mesh_rms=float(rng.choice([0.0, 0.0, 1.0])), noise_tilt=float(rng.uniform(-0.2, 0.8)),
    )  # fmt: skip


def record(scene: Scene, rng: np.random.Generator) -> Float64s:
    """The acceleration [n], the RMS of its noise being 1."""
    turns = shaft_turns(scene)
    noise = _noise(scene, turns, rng)
    signal = noise + _tones(scene, turns, rng)
    if scene.fault == "healthy":
        return signal
    ringing = _ringing(scene, turns, rng)
    strength = float(np.sqrt(np.mean(ringing**2)))
    return signal + (scene.severity / strength if strength > 0 else 0.0) * ringing


def shaft_turns(scene: Scene) -> Float64s:
    """How often the shaft has turned, at every sample."""
    n = round(scene.rate_hz * scene.seconds)
    share = np.arange(n) / n
    speed_hz = scene.rpm / 60 * (1 + scene.speed_swing * np.sin(2 * np.pi * share))
    return np.cumsum(speed_hz) / scene.rate_hz


def _noise(scene: Scene, turns: Float64s, rng: np.random.Generator) -> Float64s:
    white = rng.standard_normal(len(turns))
    spectrum = np.fft.rfft(white)
    omega = np.linspace(0, np.pi, len(spectrum))
    coloured = np.fft.irfft(spectrum / np.abs(1 - scene.noise_tilt * np.exp(-1j * omega)), len(white))
    swing = 1 + scene.modulation * np.cos(2 * np.pi * (turns + rng.uniform()))
    noise = coloured * swing
    return np.asarray(noise / noise.std(), np.float64)


def _tones(scene: Scene, turns: Float64s, rng: np.random.Generator) -> Float64s:
    """Shaft orders 1 to 5, twice the mains and its harmonic, gear mesh with sidebands."""
    time_s = np.arange(len(turns)) / scene.rate_hz

    def wave(cycles: Float64s) -> Float64s:
        return np.asarray(math.sqrt(2) * np.cos(2 * np.pi * (cycles + rng.uniform())), np.float64)

    orders = sum(rng.uniform() / order * wave(order * turns) for order in range(1, 6))
    hum = wave(scene.hum_hz * time_s) + 0.4 * wave(2 * scene.hum_hz * time_s)
    mesh = (1 + 0.5 * wave(turns)) * wave(scene.mesh_teeth * turns)
    return np.asarray(scene.shaft_rms * orders + scene.hum_rms * hum + scene.mesh_rms * mesh, np.float64)


def _ringing(scene: Scene, turns: Float64s, rng: np.random.Generator) -> Float64s:
    """Every impact rings down at the resonances; its strength follows the load zone."""
    cage, spin = _inner_motion(scene, turns)
    passes = {
        "outer race": scene.bearing.balls * cage,
        "inner race": scene.bearing.balls * (turns - cage),
        "ball": 2 * spin,
    }[scene.fault]
    moments = _moments(passes, scene.jitter, rng)
    at = np.interp(moments, passes, np.arange(len(turns)))
    strength = _strength(
        scene, np.interp(at, np.arange(len(turns)), turns), np.interp(at, np.arange(len(turns)), cage), rng
    )
    train = np.zeros(len(turns))
    np.add.at(train, np.minimum(np.rint(at).astype(np.int64), len(turns) - 1), strength)
    return np.asarray(fftconvolve(train, _response(scene, rng))[: len(turns)], np.float64)


def _inner_motion(scene: Scene, turns: Float64s) -> tuple[Float64s, Float64s]:
    """Turns of the cage, and of a ball about itself, from rolling without sliding on both rings, less the slip."""
    bearing = scene.bearing
    contact = math.radians(bearing.contact_deg)
    inner_mm = bearing.pitch_mm - bearing.ball_mm * math.cos(contact)
    outer_mm = bearing.pitch_mm + bearing.ball_mm * math.cos(contact)
    cage = turns * inner_mm / (inner_mm + outer_mm) * (1 - scene.mean_slip)
    return cage, (turns - cage) * inner_mm / bearing.ball_mm


def _moments(passes: Float64s, jitter: float, rng: np.random.Generator) -> Float64s:
    count = math.ceil(passes[-1] * 1.2) + 8
    moments = rng.uniform() + np.cumsum(1 + jitter * rng.standard_normal(count))
    return np.asarray(moments[moments < passes[-1]], np.float64)


def _strength(scene: Scene, turns: Float64s, cage: Float64s, rng: np.random.Generator) -> Float64s:
    """A defect strikes hard where the load is: an inner one passes it once a turn, a ball once a turn of the cage."""
    scatter = 1 + 0.15 * rng.standard_normal(len(turns))
    if scene.fault == "outer race":
        return np.asarray(scatter * (1 + 0.3 * np.cos(2 * np.pi * turns)), np.float64)
    if scene.fault == "inner race":
        return np.asarray(scatter * np.maximum(0.1, np.cos(2 * np.pi * turns)), np.float64)
    rings = np.where(np.arange(len(turns)) % 2 == 0, 1.0, rng.uniform(0.5, 1.0))
    wander = np.interp(np.linspace(0, 1, len(turns)), np.linspace(0, 1, 9), rng.uniform(0.2, 1.0, 9))
    return np.asarray(scatter * rings * wander * np.maximum(0.15, np.cos(2 * np.pi * cage)), np.float64)


def _response(scene: Scene, rng: np.random.Generator) -> Float64s:
    """What one impact makes of the housing."""
    lowest = min(scene.resonances_hz)
    time_s = np.arange(round(scene.rate_hz * min(0.05, 6 / (2 * np.pi * scene.damping * lowest)))) / scene.rate_hz
    modes = [
        rng.uniform(0.3, 1.0) * np.exp(-2 * np.pi * scene.damping * hz * time_s) * np.sin(2 * np.pi * hz * time_s)
        for hz in scene.resonances_hz
    ]
    return np.asarray(np.sum(modes, axis=0), np.float64)


def still(scene: Scene) -> Scene:
    """The same machine without its fault."""
    return replace(scene, fault="healthy")
