"""How far this box's wall clock can be trusted: asks the kernel whether anything disciplines it.

Source: adjtimex(2). Without a time service the kernel reports TIME_ERROR and sets STA_UNSYNC. Where the call is
missing or refused (not Linux, a strict sandbox) the state is honestly UNKNOWN.
"""

import ctypes
from functools import cache

from runtime.clock import ClockState

_TIME_ERROR = 5
_STA_UNSYNC = 0x40
_STATUS_OFFSET = 40  # struct timex on 64-bit Linux: modes, offset, freq, maxerror, esterror, status
_TIMEX_BYTES = 208


@cache
def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None)


def clock_state() -> ClockState:
    """Asked once per commit: an NTP daemon may find its server, or lose it, at any time."""
    if ctypes.sizeof(ctypes.c_long) != 8:
        return ClockState.UNKNOWN
    timex = ctypes.create_string_buffer(_TIMEX_BYTES)
    try:
        answer = _libc().adjtimex(timex)
    except (OSError, AttributeError):
        return ClockState.UNKNOWN
    if answer < 0:
        return ClockState.UNKNOWN
    status = ctypes.c_int.from_buffer(timex, _STATUS_OFFSET).value
    return ClockState.UNSYNCED if answer == _TIME_ERROR or status & _STA_UNSYNC else ClockState.SYNCED
