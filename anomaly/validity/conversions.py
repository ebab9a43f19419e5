"""Conversions that somebody sets by mistake in a transmitter, a gateway or a historian.

values before the step, values behind it ──explained_by──► gain, offset: behind = gain · before + offset
"""

import numpy as np
from numpy.typing import NDArray

# Both ways of: prefixes; wrong decimal point; hours and minutes; km/h; bar, psi, kPa; inch; pound; Fahrenheit; kelvin;
# rpm and rad/s; degrees and radian; kcal. Nothing closer than 1.8 to 1 stands here: a machine makes such steps itself.
_GAINS = (1000.0, 1e6, 100.0, 10.0, 60.0, 3600.0, 3.6, 14.5038, 6.89476, 25.4, 2.20462, 9.5493, 57.2958, 4.1868)
_PAIRS = (
    *((gain, 0.0) for gain in _GAINS),
    *((1 / gain, 0.0) for gain in _GAINS),
    (-1.0, 0.0), (1.8, 32.0), (1 / 1.8, -32 / 1.8), (1.0, 273.15), (1.0, -273.15),
)  # fmt: skip
GAIN = np.array([gain for gain, _ in _PAIRS])
OFFSET = np.array([offset for _, offset in _PAIRS])
_OFF_MOST = 3.5  # scales by which the converted level may miss the level before
_SPREAD_MOST = 6.0  # scales by which the converted values may differ among themselves
_CHANCE_MOST, _CHANCE_MOST_SURE = 0.2, 0.5  # share of the step's own size that would pass by chance
_FAR = 9.0  # a gain beyond this, with the spread grown alike, is no step of a machine
_ALIKE = 4.0


def explained_by(
    before: NDArray[np.float64], behind: NDArray[np.float64], scale: float, *, sure: bool = False
) -> tuple[float, float] | None:
    """Gain and offset of the conversion that keeps level and shape of `before` [w] in `behind` [m], if there is one.

    scale: what the tag moves by itself in so few rows, in the unit before; positive.
    sure: the step is no machine's anyway, so that a coarse match will do.
    """
    level = float(np.median(before))
    moved = abs(float(np.median(behind)) - level)
    back = (behind[None, :] - OFFSET[:, None]) / GAIN[:, None]
    middle = np.median(back, axis=1)
    off, spread = np.abs(middle - level), np.median(np.abs(back - middle[:, None]), axis=1)
    fits = (off <= _OFF_MOST * scale) & (spread <= _SPREAD_MOST * scale)
    sharp = 2 * _OFF_MOST * scale * np.abs(GAIN) <= (_CHANCE_MOST_SURE if sure else _CHANCE_MOST) * moved
    size = np.maximum(np.abs(GAIN), 1 / np.abs(GAIN))
    own = float(np.median(np.abs(before - level)))
    alike = (spread * _ALIKE >= own) & (spread <= _ALIKE * own) & (own > 0)
    fits &= sharp | ((size >= _FAR) & alike)
    if not fits.any():
        return None
    best = int(np.flatnonzero(fits)[np.argmin(off[fits])])
    return float(GAIN[best]), float(OFFSET[best])
