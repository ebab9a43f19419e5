"""What a record is like as a whole: level, peak, how much it knocks.

Waveform ──► RMS, peak, crest factor, kurtosis

Kurtosis is 3 for noise, 1.5 for a sine, and grows with single blows: Dyer & Stewart, "Detection of rolling element
bearing damage by statistical vibration analysis", J. Mechanical Design 100 (1978).
"""

from dataclasses import dataclass

import numpy as np

from anomaly.vibration.waveform import Waveform


@dataclass(frozen=True, slots=True)
class Levels:
    """`rms` and `peak` are in the unit of the record, `crest` is peak over RMS, `kurtosis` is 3 for noise."""

    rms: float
    peak: float
    crest: float
    kurtosis: float


def levels(wave: Waveform) -> Levels:
    """The levels of a record."""
    peak = float(np.abs(wave.acceleration).max())
    unit = wave.acceleration / peak  # whatever the unit, squares of squares neither vanish nor overflow
    square = unit * unit
    mean_square = float(square.mean())
    kurtosis = float(np.mean(square * square)) / mean_square**2
    return Levels(peak * mean_square**0.5, peak, mean_square**-0.5, kurtosis)
