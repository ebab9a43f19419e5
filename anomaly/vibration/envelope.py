"""How deep each band of a record swings, and at which rhythms: squared envelope spectra of the whitened record.

    record ──clip single blows──► pieces of 64 turns ──FFT, every bin made 1──► bands ──|envelope|²──FFT──► depth²
                                                                                          mean over the pieces
    depth² of a band at a rhythm  ÷  median around it  =  how far the rhythm stands out

Making every bin of the spectrum 1 in size takes lines away (gears, shaft, mains) and lifts the quiet bands, where
impacts often ring, to the height of the loud ones: cepstrum pre-whitening. Sources: Borghesani et al., "Application of
cepstrum pre-whitening for the diagnosis of bearing faults under variable speed conditions", Mechanical Systems and
Signal Processing 36 (2013); Smith & Randall, same journal 64-65 (2015), where it does best of three ways; Antoni, same
journal 108 (2018): rhythms of all carriers side by side instead of one chosen band.
"""

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy.fft import ifft, prev_fast_len, rfft

from anomaly.vibration.bands import Complexes, filter_bank, parts_of, tapered
from anomaly.vibration.waveform import Float64s, Waveform

PIECE_TURNS = 64  # long enough to tell rhythms 2 % apart, short enough for the slip that adds up between impacts
_CLIP_SIGMA = 5.0  # blows above that count as so much: electrical spikes are rare and high, impacts are many
_MAD_TO_SIGMA = 1.4826
_BACKGROUND_TURNS = 2.0  # the background is a median over so many orders
_EXPONENTIAL_MEDIAN = math.log(2)  # of the power of noise, as a share of its mean
_BINS_LEAST = 8


@dataclass(frozen=True, slots=True)
class Modulation:
    """`depth2` and `background` [bands, bins]: squared depth of swing at each rhythm, bins `step_hz` apart.

    A depth of 1 is an envelope that vanishes once in each period.
    """

    depth2: Float64s
    background: Float64s
    step_hz: float
    bands_hz: list[tuple[float, float]]
    pieces: int

    @property
    def prominence(self) -> Float64s:
        """Power over background [bands, bins]; about 1 in noise, a little less where many pieces are averaged."""
        return self.depth2 / self.background


def modulation(wave: Waveform, shaft_hz: float, highest_hz: float) -> Modulation:
    """The rhythms up to `highest_hz` of every band that is wide enough to swing so fast."""
    clipped = _clip(wave.acceleration)
    length = prev_fast_len(min(len(wave), math.ceil(PIECE_TURNS * wave.rate_hz / shaft_hz)))
    starts = range(0, len(wave) - length + 1, max(length // 2, 1))
    step_hz = wave.rate_hz / length
    bins = math.ceil(highest_hz / step_hz) + 3
    parts = parts_of(wave.rate_hz, highest_hz)
    depth2 = sum(_piece(clipped[start : start + length], parts, bins) for start in starts)
    mean = np.asarray(depth2 / len(starts), np.float64)
    width = max(_BINS_LEAST, round(_BACKGROUND_TURNS * shaft_hz / step_hz))
    return Modulation(mean, _background(mean, width), step_hz, _bands_hz(length, parts, step_hz), len(starts))


def _clip(values: Float64s) -> Float64s:
    centred = values - np.median(values)
    sigma = _MAD_TO_SIGMA * float(np.median(np.abs(centred))) or float(centred.std())
    return np.asarray(np.clip(centred / sigma, -_CLIP_SIGMA, _CLIP_SIGMA), np.float64)


def _piece(values: Float64s, parts: tuple[int, ...], bins: int) -> Float64s:
    spectrum = rfft(tapered(values))
    size = np.abs(spectrum)
    white = np.divide(spectrum, size, out=np.zeros_like(spectrum), where=size > 0)
    return np.concatenate([_depth2(level, bins) for _, level in filter_bank(white, parts)])


def _depth2(level: Complexes, bins: int) -> Float64s:
    """Squared envelope spectra of the bands of one level, as squared depth of modulation, cut or padded to `bins`."""
    length = 2 * level.shape[1]  # twice as fine, or the square of the envelope would fold back
    envelope = ifft(level, length, axis=1)
    square = envelope.real**2 + envelope.imag**2
    window = _hann(length)
    mean = np.maximum(square @ window, np.finfo(np.float64).tiny)
    swing = rfft((square - square.mean(axis=1, keepdims=True)) * window, axis=1)[:, :bins]
    depth = 2 * np.abs(swing) / mean[:, None]
    return np.pad(depth, ((0, 0), (0, max(0, bins - depth.shape[1]))), mode="edge") ** 2


@lru_cache(maxsize=32)
def _hann(length: int) -> Float64s:
    return np.hanning(length)


def _background(depth2: Float64s, width: int) -> Float64s:
    """What noise has there: medians of blocks, joined by straight lines of their logarithms."""
    bands, bins = depth2.shape
    blocks = max(bins // width, 1)
    block = depth2[:, : blocks * width].reshape(bands, blocks, -1)
    medians = np.log(np.maximum(np.median(block, axis=2) / _EXPONENTIAL_MEDIAN, np.finfo(np.float64).tiny))
    centres = (np.arange(blocks) + 0.5) * block.shape[2]
    at = np.arange(bins)
    return np.exp([np.interp(at, centres, row) for row in medians])


def _bands_hz(length: int, parts: tuple[int, ...], step_hz: float) -> list[tuple[float, float]]:
    found = []
    for count in parts:
        width_hz = (length // 2) // count * step_hz
        found += [(band * width_hz, (band + 1) * width_hz) for band in range(count)]
    return found
