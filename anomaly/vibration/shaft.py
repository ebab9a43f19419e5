"""Lines at once, twice and three times the speed of the shaft, and what they hint at.

spectrum of velocity ──► RMS at 1x 2x 3x … and at halves ──► unbalance │ misalignment │ looseness

One sensor without phase proves none of these; they are hints that say where to look. Rules: 1x alone is unbalance, a 2x
above half of 1x speaks for misalignment (Piotrowski, "Shaft Alignment Handbook"), a row of harmonics and halves for
looseness (ISO 13373-1:2002, annex on fault signatures; to be checked there).
"""

from dataclasses import dataclass

import numpy as np

from anomaly.vibration.velocity import power_spectrum
from anomaly.vibration.waveform import Float64s, Waveform

ORDERS = (0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0)
_SPEED_SHARE = 0.01  # a line counts when it is so near to its order
_STANDS_OUT = 10.0  # times the median around it, in power
_NEIGHBOURS = 0.5  # the median is taken over so many orders to each side
_UNBALANCE_SHARE = 0.8
_MISALIGNMENT_RATIO = 0.5
_LOOSE_LINES = 5


@dataclass(frozen=True, slots=True)
class ShaftLine:
    """`velocity_rms` is in the unit of the record times seconds, `prominence` the power over the median around it."""

    order: float
    velocity_rms: float
    prominence: float

    @property
    def stands_out(self) -> bool:
        return self.prominence >= _STANDS_OUT


def shaft_lines(wave: Waveform, shaft_hz: float) -> list[ShaftLine]:
    """The lines of ORDERS; those that the record can neither reach nor separate are left out."""
    hz, power = power_spectrum(wave)
    step_hz = float(hz[1])
    if step_hz * 4 > shaft_hz / 2:
        return []
    velocity = np.divide(power, (2 * np.pi * hz) ** 2, out=np.zeros_like(power), where=hz > 0)
    return [_line(order, shaft_hz, step_hz, velocity) for order in ORDERS if (order + 1) * shaft_hz < hz[-1]]


def _line(order: float, shaft_hz: float, step_hz: float, velocity: Float64s) -> ShaftLine:
    reach = max(order * shaft_hz * _SPEED_SHARE, 1.5 * step_hz)
    low = max(1, round((order * shaft_hz - reach) / step_hz))
    high = round((order * shaft_hz + reach) / step_hz) + 1
    top = low + int(np.argmax(velocity[low:high]))
    start = max(2, round((order - _NEIGHBOURS) * shaft_hz / step_hz))
    around = float(np.median(velocity[start : round((order + _NEIGHBOURS) * shaft_hz / step_hz)]))
    rms = float(np.sqrt(velocity[max(top - 2, 0) : top + 3].sum()))
    return ShaftLine(order, rms, float(velocity[top]) / around if around > 0 else 0.0)


def hints(lines: list[ShaftLine]) -> list[str]:
    """Of unbalance, misalignment and looseness those that the lines speak for."""
    clear = {line.order: line.velocity_rms for line in lines if line.stands_out}
    whole = [clear.get(order, 0.0) for order in (1.0, 2.0, 3.0)]
    energy = sum(value**2 for value in whole)
    found = []
    if energy and whole[0] ** 2 >= _UNBALANCE_SHARE * energy:
        found.append("unbalance")
    if whole[0] and whole[1] >= _MISALIGNMENT_RATIO * whole[0]:
        found.append("misalignment")
    if len(clear) >= _LOOSE_LINES and any(order % 1 for order in clear):
        found.append("looseness")
    return found
