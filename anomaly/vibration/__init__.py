"""What a burst of acceleration says of a machine: severity, shaft faults, bearing faults, trend. numpy and scipy only.

    waveform ──► velocity 10-1000 Hz ──► ISO 20816-3 zone
             ├─► peak, crest, kurtosis, 1x 2x 3x of the shaft ──► unbalance, misalignment, looseness
             ├─► speed varies? ──► samples a turn instead of a second
             └─► whitened, in many bands ──squared envelope──► rhythms of the bearing ──► verdict or "unknown"

Nothing is trained and nothing knows a scale: a verdict comes from the geometry of the bearing, the speed and the record
itself.
"""

from anomaly import AnomalyError


class VibrationError(AnomalyError):
    """Root of what this room raises."""


class BadWaveform(VibrationError):
    """The record cannot be used: too short, not finite, flat, or with an impossible rate."""


class BadBearing(VibrationError):
    """The text or the numbers describe no bearing."""


class BadSpeed(VibrationError):
    """The speed is none, or does not fit the record."""


class UnknownMachineClass(VibrationError):
    """There are no severity zones for a machine class of this name."""
