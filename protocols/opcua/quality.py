"""What an OPC UA status code means here: quality and reason. Pure.

Source: OPC UA Part 4, 7.39 (StatusCode: severity, sub code, limit and overflow bits) and Part 8 (data access codes).
"""

import numpy as np
from numpy.typing import NDArray

from protocols.sample import GOOD, Quality, Reason, bad, quality_code

_SUBCODE = 0xFFFF_0000
OVERFLOW = 0x0480  # info type "data value", and its bit "values were lost before this one"

_REASONS = {
    0x0030_0000: Reason.CLAMPED,  # GoodClamped
    0x0096_0000: Reason.SUBSTITUTED,  # GoodLocalOverride
    0x408F_0000: Reason.STALE,  # UncertainNoCommunicationLastUsableValue
    0x4090_0000: Reason.STALE,  # UncertainLastUsableValue
    0x4091_0000: Reason.SUBSTITUTED,  # UncertainSubstituteValue
    0x4092_0000: Reason.SUBSTITUTED,  # UncertainInitialValue
    0x4094_0000: Reason.OUT_OF_RANGE,  # UncertainEngineeringUnitsExceeded
    0x4208_0000: Reason.SUBSTITUTED,  # UncertainTransducerInManual
    0x4209_0000: Reason.SUBSTITUTED,  # UncertainSimulatedValue
    0x40F2_0000: Reason.OUT_OF_RANGE,  # UncertainOverRange
    0x40F3_0000: Reason.OUT_OF_RANGE,  # UncertainUnderRange
    0x8005_0000: Reason.DISCONNECTED,  # BadCommunicationError
    0x800A_0000: Reason.TIMEOUT,  # BadTimeout
    0x800D_0000: Reason.DISCONNECTED,  # BadServerNotConnected
    0x8031_0000: Reason.DISCONNECTED,  # BadNoCommunication
    0x8032_0000: Reason.STALE,  # BadWaitingForInitialData
    0x8033_0000: Reason.BAD_ADDRESS,  # BadNodeIdInvalid
    0x8034_0000: Reason.BAD_ADDRESS,  # BadNodeIdUnknown
    0x8035_0000: Reason.BAD_ADDRESS,  # BadAttributeIdInvalid
    0x803A_0000: Reason.BAD_ADDRESS,  # BadNotReadable
    0x803C_0000: Reason.OUT_OF_RANGE,  # BadOutOfRange
    0x808A_0000: Reason.DISCONNECTED,  # BadNotConnected
}


def code_of(status: int) -> int:
    """The quality code of a value that came with this status code."""
    reason = _REASONS.get(status & _SUBCODE, Reason.DEVICE_REPORTED)
    severity = status >> 30
    if severity >= Quality.BAD:
        return bad(reason)
    if severity == Quality.UNCERTAIN:
        return quality_code(Quality.UNCERTAIN, reason)
    if reason is not Reason.DEVICE_REPORTED:
        return quality_code(Quality.UNCERTAIN, reason)
    if status & OVERFLOW == OVERFLOW:
        return quality_code(Quality.UNCERTAIN, Reason.OVERRUN)
    return GOOD


def refusal_of(status: int) -> int:
    """The quality code of what a service refuses with this status: no value came, so it is BAD whatever it says."""
    code = code_of(status)
    return code if code >> 8 == Quality.BAD else bad(Reason.DEVICE_REPORTED)


def codes_of(status: NDArray[np.uint32]) -> NDArray[np.uint16]:
    """The same for many."""
    if not status.any():
        return np.full(len(status), GOOD, np.uint16)
    different, places = np.unique(status, return_inverse=True)
    return np.array([code_of(int(one)) for one in different], np.uint16)[places]
