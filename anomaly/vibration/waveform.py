"""A burst of acceleration that can be relied on: finite, long enough, not flat.

numbers, rate ──checked──► Waveform
"""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from anomaly.vibration import BadWaveform

Float64s = NDArray[np.float64]

SAMPLES_LEAST = 512
RATE_MOST_HZ = 1e7


@dataclass(frozen=True, slots=True)
class Waveform:
    """`acceleration` [n] without its mean, in any unit, `rate_hz` samples a second."""

    acceleration: Float64s
    rate_hz: float

    @classmethod
    def of(cls, values: NDArray[Any], rate_hz: float) -> Self:
        """Check and centre.

        Raises:
            BadWaveform: a rate that cannot be, not one column, fewer than 512 samples, NaN or infinite, flat.
        """
        if not 0 < rate_hz <= RATE_MOST_HZ:
            raise BadWaveform(f"a sampling rate of {rate_hz:g} Hz cannot be; give samples a second, such as 12000")
        if values.ndim != 1:
            raise BadWaveform(f"wanted is one column of numbers, but the shape is {values.shape}")
        if values.dtype.kind not in "iuf":
            raise BadWaveform(f"wanted are numbers, but the type is {values.dtype}")
        if len(values) < SAMPLES_LEAST:
            raise BadWaveform(f"{len(values)} samples are too few; {SAMPLES_LEAST} are the least, 2 seconds are good")
        numbers = values.astype(np.float64)
        broken = np.flatnonzero(~np.isfinite(numbers))
        if len(broken):
            raise BadWaveform(
                f"{len(broken)} of {len(numbers)} samples are NaN or infinite, the first is number {broken[0] + 1};"
                " a burst with holes has no spectrum: measure again or cut a whole piece out"
            )
        numbers = numbers - numbers.mean()
        largest = float(np.abs(numbers).max())
        if largest <= 1e-12 * float(np.abs(values).max(initial=0.0)) or largest == 0:
            raise BadWaveform("all samples are the same: the sensor is dead or not connected")
        return cls(numbers, rate_hz)

    def __len__(self) -> int:
        return len(self.acceleration)

    @property
    def seconds(self) -> float:
        return len(self) / self.rate_hz
