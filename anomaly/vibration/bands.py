"""A record cut into frequency bands of many widths, each as its complex envelope; which one knocks most.

    spectrum  |───────────────|            1 band
              |───────|───────|            2
              |────|─────|────|            3      … 4, 6, 8, 12 … as long as a band is wide enough
    one band ──inverse FFT of its bins──► complex envelope at the band's own rate ──► spectral kurtosis

Sources: Antoni, "Fast computation of the kurtogram for the detection of transient faults", Mechanical Systems and
Signal Processing 21 (2007): the 1/3-binary tree and the kurtosis of a complex envelope, 0 for noise.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.fft import ifft, prev_fast_len, rfft

from anomaly.vibration.waveform import Float64s, Waveform

Complexes = NDArray[np.complex128]

_PARTS = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32)
_TAPER = 0.1  # both ends together, as a share of the record: where it is cut, nothing knocks


@dataclass(frozen=True, slots=True)
class Band:
    """A stretch of the spectrum; `kurtosis` of its complex envelope, 0 for noise."""

    low_hz: float
    high_hz: float
    kurtosis: float = 0.0


def parts_of(rate_hz: float, narrowest_hz: float) -> tuple[int, ...]:
    """Into how many bands the spectrum is cut, one number a level; the whole is always among them."""
    return tuple(parts for parts in _PARTS if parts == 1 or rate_hz / 2 / parts >= narrowest_hz)


def tapered(values: Float64s) -> Float64s:
    """The values, faded in and out by half a cosine (Tukey's window)."""
    edge = max(1, int(len(values) * _TAPER / 2))
    fade = 0.5 - 0.5 * np.cos(np.pi * np.arange(edge) / edge)
    faded = np.asarray(values - values.mean(), np.float64)
    faded[:edge] *= fade
    faded[-edge:] *= fade[::-1]
    return faded


def filter_bank(spectrum: Complexes, parts: tuple[int, ...]) -> Iterator[tuple[list[int], Complexes]]:
    """Of each level the first bin of each band, and the bins of all its bands [bands, width]."""
    for count in parts:
        width = (len(spectrum) - 1) // count
        yield [band * width for band in range(count)], spectrum[: count * width].reshape(count, width)


def kurtogram(wave: Waveform, narrowest_hz: float) -> list[Band]:
    """All bands with their spectral kurtosis, in the order of the tree."""
    length = prev_fast_len(len(wave))
    spectrum = rfft(tapered(wave.acceleration[:length]))
    step_hz = wave.rate_hz / length
    found = []
    for starts, bins in filter_bank(spectrum, parts_of(wave.rate_hz, narrowest_hz)):
        envelope = ifft(bins, axis=1)
        edge = int(bins.shape[1] * _TAPER / 2) + 1
        power = envelope.real[:, edge:-edge] ** 2 + envelope.imag[:, edge:-edge] ** 2
        mean = power.mean(axis=1)
        kurtosis = np.divide((power**2).mean(axis=1), mean**2, out=np.full(len(mean), 2.0), where=mean > 0) - 2
        width_hz = bins.shape[1] * step_hz
        found += [
            Band(start * step_hz, start * step_hz + width_hz, float(one))
            for start, one in zip(starts, kurtosis, strict=True)
        ]
    return found


def most_impulsive(bands: list[Band]) -> Band:
    """The band with the greatest kurtosis."""
    return max(bands, key=lambda band: band.kurtosis)
