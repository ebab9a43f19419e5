"""The ways a sensor fails, with the number that stands for each in arrays."""

from enum import IntEnum


class SensorFault(IntEnum):
    """Codes of `Validity.update`; 0 is no fault."""

    NONE = 0
    STUCK = 1
    RANGE = 2
    RATE = 3
    GAP = 4
    NOISE = 5
    UNIT_SWITCH = 6
    CLOCK = 7
