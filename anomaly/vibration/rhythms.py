"""Does a record swing at the rhythm of a bearing part more than at any other rhythm? One number a part.

    prominence [bands, bins] ──harmonics 1 2 3 and sidebands of any rhythm, summed──► score [bands, rhythms]
                                                          best band
    score
      │            ▲ at the bearing's own rhythm, ± slip
      │  ▁▂▁▁▂▁▁▁▂▁█▁▁▂▁▁▁▁▂▁▁  all the others: the record's own idea of chance
      └──────────────────────── rhythm, orders of the shaft

The score of the part's rhythm is measured in robust sigmas of all other rhythms, so hum, gear and noise of this very
record decide what is unusual, and no threshold depends on a scale. Lines at whole orders of the shaft are struck out
first: every machine has them. Sidebands: an inner ring turns through the load zone once a turn of the shaft, a ball
once a turn of the cage (McFadden & Smith, J. Sound and Vibration 96 (1984); Randall & Antoni 2011, section 2).
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from anomaly.vibration.bearing import Bearing
from anomaly.vibration.envelope import Modulation
from anomaly.vibration.waveform import Float64s

Bins = NDArray[np.int64]
Part = Literal["outer race", "inner race", "ball"]
PARTS: tuple[Part, ...] = ("outer race", "inner race", "ball")
HARMONICS = (1, 2, 3)
SLIP = 0.02
_SLIP_USUAL = 0.01
_SIDEBAND_WEIGHT = 0.5
_PROMINENCE_MOST = 3.0  # log10: one huge line is no row of three
_NOTCH_BINS = 2.1  # half width of a line behind a Hann window
_STEP = 0.001  # between rhythms that are tried, as a share
_SUMMIT_STEPS = 4
_SIGMA_LEAST = 0.03
_MAD_TO_SIGMA = 1.4826


@dataclass(frozen=True, slots=True)
class Rhythm:
    """What was found near the rhythm of a part.

    `standout` is the score in robust sigmas above other rhythms, `depth` that of the swing at harmonics 1 to 3 in the
    band where it is deepest, `prominence` the power over background of each harmonic in the band of the score.
    """

    part: Part
    expected_hz: float
    found_hz: float
    standout: float
    depth: float
    prominence: tuple[float, ...]
    band_hz: tuple[float, float]

    @property
    def strength(self) -> float:
        """By what rhythms are compared: sure and deep."""
        return max(self.standout, 0.0) * self.depth


@dataclass(frozen=True, slots=True)
class Stranger:
    """A rhythm that the bearing does not explain: another bearing, another speed, or another machine."""

    found_hz: float
    standout: float
    depth: float

    @property
    def strength(self) -> float:
        """As of a rhythm."""
        return max(self.standout, 0.0) * self.depth


def highest_order(bearing: Bearing) -> float:
    """Up to which order of the shaft rhythms are looked at."""
    return max(HARMONICS) * max(bearing.inner, bearing.ball_twice, bearing.outer) * (1 + SLIP) + 1.2


def rhythms(found: Modulation, bearing: Bearing, shaft_hz: float) -> list[Rhythm]:
    """One for each part of the bearing."""
    unlike_shaft = _without_shaft(found, shaft_hz)
    tried = _tried(bearing)
    orders = {"outer race": bearing.outer, "inner race": bearing.inner, "ball": bearing.ball_twice}
    sideband = {"outer race": 0.0, "inner race": 1.0, "ball": bearing.cage}
    return [
        _rhythm(part, found, unlike_shaft, tried * shaft_hz, orders[part] * shaft_hz, sideband[part] * shaft_hz)
        for part in PARTS
    ]


def strongest_other(found: Modulation, bearing: Bearing, shaft_hz: float) -> Stranger:
    """The strongest rhythm that is of no part of the bearing and no order of the shaft."""
    tried = _tried(bearing)
    best = _score(_without_shaft(found, shaft_hz), tried * shaft_hz / found.step_hz, 0.0).max(axis=0)
    parts = np.array([bearing.outer, bearing.inner, bearing.ball_twice])
    strange = np.abs(np.log(tried[:, None] / parts)).min(axis=1) > 2 * SLIP
    at = int(np.argmax(np.where(strange, best, 0)))
    standout, at = _standout(best, np.abs(np.log(tried / tried[at])), _SLIP_USUAL)
    return Stranger(float(tried[at]) * shaft_hz, standout, _depth(found, _bins_of(tried[at] * shaft_hz, found)))


def _tried(bearing: Bearing) -> Float64s:
    """The orders of the shaft at which a rhythm is looked for."""
    orders = (bearing.outer, bearing.inner, bearing.ball_twice)
    return np.asarray(np.exp(np.arange(np.log(0.6 * min(orders)), np.log(1.35 * max(orders)), _STEP)), np.float64)


def _bins_of(rhythm_hz: float, found: Modulation) -> Bins:
    bins = np.rint(np.array(HARMONICS) * rhythm_hz / found.step_hz).astype(np.int64)
    return np.asarray(np.minimum(bins, found.depth2.shape[1] - 1), np.int64)


def _without_shaft(found: Modulation, shaft_hz: float) -> Float64s:
    """log10(1 + prominence), capped, 0 at whole orders, each bin the greatest of itself and its neighbours."""
    logs = np.minimum(np.log10(1 + found.prominence), _PROMINENCE_MOST)
    hz = np.arange(logs.shape[1]) * found.step_hz
    logs[:, np.abs(hz - np.rint(hz / shaft_hz) * shaft_hz) <= _NOTCH_BINS * found.step_hz] = 0
    padded = np.pad(logs, ((0, 0), (1, 1)), mode="edge")
    return np.asarray(np.maximum(logs, np.maximum(padded[:, :-2], padded[:, 2:])), np.float64)


def _rhythm(
    part: Part,
    found: Modulation,
    logs: Float64s,
    tried_hz: Float64s,
    expected_hz: float,
    sideband_hz: float,
) -> Rhythm:
    score = _score(logs, tried_hz / found.step_hz, sideband_hz / found.step_hz)
    best = score.max(axis=0)
    distance = np.abs(np.log(tried_hz / expected_hz))
    standout, at = max(_standout(best, distance, slip) for slip in (_SLIP_USUAL, SLIP))
    band = int(np.argmax(score[:, at]))
    bins = _bins_of(float(tried_hz[at]), found)
    return Rhythm(
        part, expected_hz, float(tried_hz[at]), standout, _depth(found, bins),
        tuple(float(one) for one in 10 ** logs[band, bins] - 1), found.bands_hz[band],
    )  # fmt: skip


def _score(logs: Float64s, rhythm_bins: Float64s, sideband_bins: float) -> Float64s:
    """Weighted mean of the logs at harmonics and sidebands [bands, rhythms]."""
    score = np.zeros((len(logs), len(rhythm_bins)))
    weights = 0.0
    for harmonic in HARMONICS:
        for offset in (
            (0.0,) if harmonic == HARMONICS[-1] or not sideband_bins else (0.0, -sideband_bins, sideband_bins)
        ):
            weight = _SIDEBAND_WEIGHT if offset else 1.0
            bins = np.rint(harmonic * rhythm_bins + offset).astype(np.int64)
            score += weight * logs[:, np.clip(bins, 0, logs.shape[1] - 1)]
            weights += weight
    return score / weights


def _standout(best: Float64s, distance: Float64s, slip: float) -> tuple[float, int]:
    """How far the best within `slip` is above the best of equally wide stretches elsewhere, and where it is.

    Only a summit counts: the slope of one that lies outside of the stretch is another rhythm's.
    """
    near = np.flatnonzero(distance <= slip)
    around = np.lib.stride_tricks.sliding_window_view(np.pad(best, _SUMMIT_STEPS), 2 * _SUMMIT_STEPS + 1).max(axis=1)
    summits = near[best[near] >= around[near]]
    if not len(summits):
        return 0.0, int(near[len(near) // 2])
    at = int(summits[np.argmax(best[summits])])
    width = 2 * round(slip / _STEP) + 1
    stretches = len(best) // width
    elsewhere = distance[width // 2 : stretches * width : width] > 2.5 * slip
    others = best[: stretches * width].reshape(stretches, width).max(axis=1)[elsewhere]
    centre = float(np.median(others))
    sigma = max(_MAD_TO_SIGMA * float(np.median(np.abs(others - centre))), _SIGMA_LEAST)
    return (float(best[at]) - centre) / sigma, at


def _depth(found: Modulation, bins: Bins) -> float:
    reach = np.clip(bins[:, None] + np.array([-1, 0, 1]), 0, found.depth2.shape[1] - 1)
    above = found.depth2[:, reach] - np.log(2) * found.background[:, reach]
    return float(np.sqrt(np.maximum(above.max(axis=2), 0).sum(axis=1).max()))
