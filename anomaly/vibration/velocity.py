"""How hard a machine vibrates: acceleration becomes velocity, band by band, in the spectrum.

acceleration ──Hann, FFT, ÷ω──► power of velocity 10-1000 Hz ──√Σ──► mm/s RMS ──zones──► A B C D

Band: ISO 20816-3 measures 10 to 1000 Hz, and from 2 Hz where the shaft turns slower than 600 in a minute.
"""

import numpy as np

from anomaly.vibration.waveform import Float64s, Waveform

HIGH_HZ = 1000.0
_LOW_HZ = 10.0
_LOW_SLOW_HZ = 2.0
_SLOW_RPM = 600.0


def lowest_hz(rpm: float) -> float:
    """Where the band of severity begins at this speed."""
    return _LOW_SLOW_HZ if rpm < _SLOW_RPM else _LOW_HZ


def power_spectrum(wave: Waveform) -> tuple[Float64s, Float64s]:
    """Frequencies [m] in Hz and mean square in each bin [m]; they add up to that of the record (Parseval)."""
    window = np.hanning(len(wave))
    power = np.abs(np.fft.rfft(wave.acceleration * window)) ** 2 * (2 / (len(wave) * float(np.sum(window**2))))
    hz = np.arange(len(power)) * (wave.rate_hz / len(wave))
    return np.asarray(hz, np.float64), np.asarray(power, np.float64)


def velocity_rms_mm_s(wave: Waveform, low_hz: float = _LOW_HZ, high_hz: float = HIGH_HZ) -> float:
    """RMS of velocity in mm/s between two frequencies; the acceleration is in m/s². 0 where the record cannot reach."""
    hz, power = power_spectrum(wave)
    inside = (hz >= low_hz) & (hz <= high_hz) & (hz > 0)
    return 1000 * float(np.sqrt(np.sum(power[inside] / (2 * np.pi * hz[inside]) ** 2)))
