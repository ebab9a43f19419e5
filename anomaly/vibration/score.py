"""One record, one speed, one bearing: everything that can be said, as numbers and as the JSON of the command.

Waveform, rpm, Bearing ──► shaft lines, kurtogram, rhythms ──► Scored(verdict, features) ──as_json──► {…}
"""

from dataclasses import dataclass
from typing import Any, Literal

from anomaly.vibration import BadSpeed, BadWaveform
from anomaly.vibration.bands import Band, kurtogram, most_impulsive
from anomaly.vibration.bearing import Bearing
from anomaly.vibration.envelope import Modulation, modulation
from anomaly.vibration.levels import Levels, levels
from anomaly.vibration.rhythms import Rhythm, Stranger, highest_order, rhythms, strongest_other
from anomaly.vibration.shaft import ShaftLine, hints, shaft_lines
from anomaly.vibration.speed import VARIES_SHARE, at_even_angles, turns_of_record, variation
from anomaly.vibration.velocity import lowest_hz, velocity_rms_mm_s
from anomaly.vibration.verdict import Verdict, judge
from anomaly.vibration.waveform import Float64s, Waveform
from anomaly.vibration.zones import MachineClass

Unit = Literal["m/s2", "g", "mm/s2"]
M_S2_OF: dict[Unit, float] = {"m/s2": 1.0, "g": 9.80665, "mm/s2": 0.001}
TURNS_LEAST = 12
RPM_MOST = 200_000.0


@dataclass(frozen=True, slots=True)
class Scored:
    """All that was found; `wave` and `shaft_hz` are those that were looked at, after order tracking."""

    wave: Waveform
    shaft_hz: float
    bearing: Bearing
    speed_variation: float | None
    levels: Levels
    shaft: list[ShaftLine]
    bands: list[Band]
    modulation: Modulation
    rhythms: list[Rhythm]
    other: Stranger
    verdict: Verdict

    def as_json(self) -> dict[str, Any]:
        """The answer of `linewright score-wave`: fault, confidence, reason, features."""
        return {
            "fault": self.verdict.fault,
            "confidence": round(self.verdict.confidence, 3),
            "reason": self.verdict.reason,
            "features": {
                "rms": _short(self.levels.rms),
                "peak": _short(self.levels.peak),
                "crest": _short(self.levels.crest),
                "kurtosis": _short(self.levels.kurtosis),
                "shaft_hz": _short(self.shaft_hz),
                "speed_variation": None if self.speed_variation is None else _short(self.speed_variation),
                "shaft_lines": {
                    f"{line.order:g}x": {"velocity_share": _short(share), "prominence": _short(line.prominence)}
                    for line, share in zip(self.shaft, _shares(self.shaft), strict=True)
                },
                "shaft_hints": hints(self.shaft),
                "most_impulsive_band": _band(most_impulsive(self.bands)),
                "rhythms": {rhythm.part: _rhythm(rhythm) for rhythm in self.rhythms},
                "strongest_other": {
                    "found_hz": _short(self.other.found_hz),
                    "standout": _short(self.other.standout),
                    "depth": _short(self.other.depth),
                },
                "cage_hz": _short(self.bearing.cage * self.shaft_hz),
            },
        }


def score(wave: Waveform, rpm: float, bearing: Bearing, turns: Float64s | None = None) -> Scored:
    """Score a record. `turns` [n] of the shaft come from a tacho; without them the record's own lines are asked.

    Raises:
        BadSpeed: a speed that cannot be, or so high that the record cannot show what the bearing does.
        BadWaveform: too short for this speed.
    """
    if not 0 < rpm <= RPM_MOST:
        raise BadSpeed(f"{rpm:g} rpm cannot be: give the speed of the shaft in turns a minute, such as 1480")
    _long_enough(wave, rpm)
    known = turns_of_record(wave, rpm) if turns is None else turns
    varies = None if known is None else variation(known)
    even, shaft_hz = wave, rpm / 60
    if known is not None and (turns is not None or (varies or 0.0) > VARIES_SHARE):
        even, shaft_hz = at_even_angles(wave, known)
    highest_hz = highest_order(bearing) * shaft_hz
    if highest_hz > wave.rate_hz / 2:
        raise BadSpeed(
            f"the third harmonic of this bearing is at {highest_hz:.0f} Hz, a rate of {wave.rate_hz:g} Hz shows nothing"
            f" above {wave.rate_hz / 2:g} Hz: check rate, rpm and bearing"
        )
    bands = kurtogram(even, highest_hz)
    swings = modulation(even, shaft_hz, highest_hz)
    found, other = rhythms(swings, bearing, shaft_hz), strongest_other(swings, bearing, shaft_hz)
    return Scored(
        even, shaft_hz, bearing, varies, levels(wave), shaft_lines(even, shaft_hz), bands, swings, found, other,
        judge(found, other, most_impulsive(bands).kurtosis, swings.pieces),
    )  # fmt: skip


def severity(wave: Waveform, unit: Unit, rpm: float, machine: MachineClass) -> dict[str, Any]:
    """Velocity RMS and its zone; for records whose unit is known."""
    low_hz = lowest_hz(rpm)
    measured = Waveform(wave.acceleration * M_S2_OF[unit], wave.rate_hz)
    velocity_mm_s = velocity_rms_mm_s(measured, low_hz)
    return {
        "velocity_rms_mm_s": _short(velocity_mm_s),
        "from_hz": low_hz,
        "zone": machine.zone(velocity_mm_s),
        "machine_class": machine.title,
        "source": machine.source,
    }


def _long_enough(wave: Waveform, rpm: float) -> None:
    turns = wave.seconds * rpm / 60
    if turns < TURNS_LEAST:
        raise BadWaveform(
            f"{wave.seconds:.3g} s hold {turns:.1f} turns at {rpm:g} rpm; at least {TURNS_LEAST} are needed, that is"
            f" {TURNS_LEAST * 60 / rpm:.3g} s, and 60 are good; is the rate of {wave.rate_hz:g} Hz right?"
        )


def _rhythm(rhythm: Rhythm) -> dict[str, Any]:
    return {
        "expected_hz": _short(rhythm.expected_hz),
        "found_hz": _short(rhythm.found_hz),
        "standout": _short(rhythm.standout),
        "depth": _short(rhythm.depth),
        "prominence": [_short(one) for one in rhythm.prominence],
        "band_hz": [_short(hz) for hz in rhythm.band_hz],
    }


def _band(band: Band) -> dict[str, Any]:
    return {"low_hz": _short(band.low_hz), "high_hz": _short(band.high_hz), "kurtosis": _short(band.kurtosis)}


def _shares(lines: list[ShaftLine]) -> list[float]:
    total = sum(line.velocity_rms**2 for line in lines) ** 0.5
    return [line.velocity_rms / total if total > 0 else 0.0 for line in lines]


def _short(value: float) -> float:
    return float(f"{value:.5g}")
