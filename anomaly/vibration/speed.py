"""How often the shaft has turned at every sample, and a record as if it had turned evenly.

    tacho pulses ──────────────────────────────┐
    record ──harmonics in short pieces, path───┴──► turns [n] ──► samples a turn instead of a second

A fault's rhythm is fixed to the shaft, so a speed that varies smears it; read off at even angles it is sharp again.
Sources: Fyfe & Munck, "Analysis of computed order tracking", Mechanical Systems and Signal Processing 11 (1997); the
search for the speed that lights up the harmonics: Peeters et al., same journal 129 (2019), "multi-order" methods.
"""

import numpy as np
from numpy.typing import NDArray

from anomaly.vibration import BadSpeed
from anomaly.vibration.velocity import power_spectrum
from anomaly.vibration.waveform import Float64s, Waveform

Path = NDArray[np.int64]

VARIES_SHARE = 0.01  # a smaller variation smears less than the slip of a bearing does
_PIECE_TURNS = 12
_SEARCH_SHARE = 0.12
_STEP_SHARE = 0.0025
_STEPS_MOST = 6  # by which the speed changes from piece to piece, so 1.5 % in six turns
_HARMONICS = 5
_BACKGROUND_ORDERS = 1.0
_PIECES_LEAST = 5
_BRIGHT_LEAST = 0.25  # log10 of power over background, mean of the harmonics
_EVEN_SHARE = 0.85  # of that brightness an even speed reaches where the speed varies; 0.9 and more where it does not


def turns_of_pulses(pulse_s: Float64s, samples: int, rate_hz: float, pulses_per_turn: int = 1) -> Float64s:
    """Turns of the shaft [samples] from the times of tacho pulses, in seconds after the first sample.

    Raises:
        BadSpeed: fewer than three pulses, times that do not rise, or pulses of less than half of the record.
    """
    if len(pulse_s) < 3 or not np.isfinite(pulse_s).all() or (np.diff(pulse_s) <= 0).any():
        raise BadSpeed("tacho pulses are at least three times in seconds that rise")
    seconds = samples / rate_hz
    if min(pulse_s[-1], seconds) - max(pulse_s[0], 0.0) < seconds / 2:
        raise BadSpeed(f"the tacho pulses cover less than half of the {seconds:.1f} s record")
    from scipy.interpolate import CubicSpline  # noqa: PLC0415

    number = np.arange(len(pulse_s)) / pulses_per_turn
    return np.asarray(CubicSpline(pulse_s, number, bc_type="natural")(np.arange(samples) / rate_hz), np.float64)


def variation(turns: Float64s) -> float:
    """Greatest less smallest speed, as a share of the mean; jitter of single pulses is smoothed away."""
    knots = np.linspace(0, len(turns) - 1, 17).astype(np.int64)
    speed = np.diff(turns[knots]) / np.diff(knots)
    return float((speed.max() - speed.min()) / speed.mean())


def at_even_angles(wave: Waveform, turns: Float64s) -> tuple[Waveform, float]:
    """The record with as many samples, but even in angle, and the mean speed in Hz that its rate refers to.

    Raises:
        BadSpeed: the shaft stands or turns back.
    """
    if (np.diff(turns) <= 0).any():
        raise BadSpeed("by its tacho the shaft stands or turns back within the record")
    mean_hz = float(turns[-1] - turns[0]) / ((len(wave) - 1) / wave.rate_hz)
    from scipy.interpolate import CubicSpline  # noqa: PLC0415

    at = np.interp(np.linspace(turns[0], turns[-1], len(wave)), turns, np.arange(len(wave)))
    even = CubicSpline(np.arange(len(wave)), wave.acceleration)(at)
    return Waveform.of(np.asarray(even, np.float64), wave.rate_hz), mean_hz


def turns_of_record(wave: Waveform, rpm: float) -> Float64s | None:
    """Turns [n] by the record's own shaft lines; None where they do not show clearly that the speed varies."""
    piece = round(_PIECE_TURNS * wave.rate_hz * 60 / rpm)
    starts = np.arange(0, len(wave) - piece + 1, max(piece // 2, 1))
    if len(starts) < _PIECES_LEAST or piece < 64:
        return None
    shares = np.arange(-_SEARCH_SHARE, _SEARCH_SHARE + _STEP_SHARE / 2, _STEP_SHARE)
    scores = np.array([_scores(wave, int(start), piece, (1 + shares) * rpm / 60) for start in starts])
    path = _smoothest(scores)
    if not _clearly_varies(scores, path):
        return None
    speed_hz = np.interp(np.arange(len(wave)), starts + piece / 2, (1 + shares[path]) * rpm / 60)
    return np.asarray(np.cumsum(speed_hz) / wave.rate_hz, np.float64)


def _clearly_varies(scores: Float64s, path: Path) -> bool:
    """Whether the path is bright, and much brighter than the best even speed."""
    pieces, speeds = scores.shape
    row = np.arange(pieces)
    elsewhere = [float(np.roll(scores, shift, axis=1)[row, path].mean()) for shift in range(5, speeds - 5)]
    usual = float(np.median(elsewhere))
    gain = float(scores[row, path].mean()) - usual
    return gain >= _BRIGHT_LEAST and float(scores.mean(axis=0).max()) - usual <= _EVEN_SHARE * gain


def _scores(wave: Waveform, start: int, piece: int, shaft_hz: Float64s) -> Float64s:
    """How bright the harmonics of each speed are in one piece [speeds]."""
    part = wave.acceleration[start : start + piece]
    hz, power = power_spectrum(Waveform(part - part.mean(), wave.rate_hz))
    width = max(3, round(_BACKGROUND_ORDERS * float(shaft_hz.mean()) / float(hz[1])))
    reach = min(len(power), round((_HARMONICS + 2) * float(shaft_hz.max()) / float(hz[1])))
    blocks = max(reach // width, 1)
    medians = np.median(power[: blocks * width].reshape(blocks, -1), axis=1)
    background = np.interp(np.arange(len(power)), (np.arange(blocks) + 0.5) * width, medians)
    bright = np.log10(1 + power / np.maximum(background, np.finfo(np.float64).tiny))
    harmonics = np.arange(1, _HARMONICS + 1)[:, None]
    return np.asarray(np.interp(harmonics * shaft_hz, hz, bright).mean(axis=0), np.float64)


def _smoothest(scores: Float64s) -> Path:
    """The path of greatest sum that moves by few steps from piece to piece (Viterbi)."""
    pieces, speeds = scores.shape
    total, came = scores[0], np.zeros((pieces, speeds), np.int64)
    for piece in range(1, pieces):
        padded = np.pad(total, _STEPS_MOST, constant_values=-np.inf)
        choices = np.stack([padded[shift : shift + speeds] for shift in range(2 * _STEPS_MOST + 1)])
        best = choices.argmax(axis=0)
        came[piece] = np.arange(speeds) + best - _STEPS_MOST
        total = scores[piece] + choices.max(axis=0)
    path = np.zeros(pieces, np.int64)
    path[-1] = int(total.argmax())
    for piece in range(pieces - 1, 0, -1):
        path[piece - 1] = came[piece, path[piece]]
    return path
