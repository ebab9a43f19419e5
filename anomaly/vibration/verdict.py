"""From rhythms to a word: a part of the bearing, healthy, or unknown. Unknown is the answer whenever it is weak.

    a rhythm stands out and swings deep, and no other is nearly as strong ──► that part
    nothing stands out, nothing knocks, listened for 128 turns and more   ──► healthy
    everything between                                                    ──► unknown, with the reason

The two limits of a part have two reasons. `standout` is statistics: how seldom chance makes a rhythm of this record so
clear. `depth` is damage: sound bearings also hum faintly at the rhythms of their parts (waviness, load zone), so a
shallow swing proves nothing, however long it is averaged. That nothing was heard in two seconds proves nothing either:
a ball is silent for seconds while it turns its sound side to the rings.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from anomaly.vibration.rhythms import Part, Rhythm, Stranger

Fault = Part | Literal["healthy", "unknown"]

STANDOUT_LEAST = 3.0  # robust sigmas
DEPTH_LEAST = 0.2
STRENGTH_LEAST = 1.0  # their product: who barely stands out must swing deep, and the other way round
CLEARLY_STRONGER = 1.3  # than the next part
_PIECES_TO_CLEAR = 3
_STRANGE_STRENGTH = 2.5  # of that of a part: then the part has caught a harmonic of something else
_STRANGE_STANDOUT = 5.0  # it may be any rhythm, so chance reaches further
_KURTOSIS_CALM = 1.0  # of the most impulsive band; noise that the shaft modulates stays below


@dataclass(frozen=True, slots=True)
class Verdict:
    """`confidence` is 0 … 1 and that of the fault named, 0 for unknown; `reason` is one sentence."""

    fault: Fault
    confidence: float
    reason: str


def judge(found: Sequence[Rhythm], other: Stranger, band_kurtosis: float, pieces: int) -> Verdict:
    """The verdict on the rhythms of all parts.

    other: the strongest rhythm of none of them.
    band_kurtosis: of the most impulsive band, 0 for noise.
    pieces: how many pieces of 64 turns, each half over the last, the envelope spectra are a mean of.
    """
    ranked = sorted(found, key=lambda rhythm: rhythm.strength, reverse=True)
    best, second = ranked[0], ranked[1].strength
    if best.standout < STANDOUT_LEAST or best.depth < DEPTH_LEAST or best.strength < STRENGTH_LEAST:
        return _without_fault(max(found, key=lambda rhythm: rhythm.standout), other, band_kurtosis, pieces)
    if best.strength < CLEARLY_STRONGER * second:
        return Verdict("unknown", 0.0, f"{best.part} and {ranked[1].part} are nearly equally strong")
    if other.strength > _STRANGE_STRENGTH * best.strength:
        return Verdict("unknown", 0.0, f"{_strange(other)}, far stronger than that of the {best.part}")
    reason = (
        f"the envelope of {best.band_hz[0]:.0f} to {best.band_hz[1]:.0f} Hz swings at {best.found_hz:.2f} Hz, "
        f"{best.standout:.1f} sigmas above other rhythms, {best.depth:.2f} deep"
    )
    return Verdict(best.part, _confidence(best, second), reason)


def _confidence(best: Rhythm, second: float) -> float:
    """Share of the best in the two strongest, less the doubt that is left near the limits."""
    sure = (1 - 0.5 * STANDOUT_LEAST / best.standout) * (1 - 0.5 * DEPTH_LEAST / best.depth)
    return best.strength / (best.strength + second) * sure


def _strange(other: Stranger) -> str:
    return f"it swings at {other.found_hz:.2f} Hz, which is no rhythm of this bearing"


def _without_fault(best: Rhythm, other: Stranger, band_kurtosis: float, pieces: int) -> Verdict:
    if best.standout >= STANDOUT_LEAST:
        return Verdict(
            "unknown", 0.0, f"a faint swing at the rhythm of the {best.part}, too weak or too shallow to say"
        )
    if other.standout >= _STRANGE_STANDOUT and other.depth >= DEPTH_LEAST:
        return Verdict("unknown", 0.0, f"{_strange(other)}: are bearing and speed right?")
    if band_kurtosis >= _KURTOSIS_CALM:
        return Verdict("unknown", 0.0, "it knocks, but not at a rhythm of this bearing")
    if pieces < _PIECES_TO_CLEAR:
        return Verdict("unknown", 0.0, "nothing found, but the record is too short to call the bearing healthy")
    doubt = max(best.standout / STANDOUT_LEAST, band_kurtosis / _KURTOSIS_CALM, 0.0)
    return Verdict("healthy", 1 - 0.5 * min(doubt, 1.0), "nothing swings at a rhythm of this bearing, nothing knocks")
