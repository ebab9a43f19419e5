"""Which samples are live and which are backlog: backlog is stored and shown, but raises no fresh alarm. Pure.

A gateway's clock may be wrong, so a sample's age is measured against how late this gateway's live data usually is,
not against our clock alone.
"""

import numpy as np

from anomaly.detectors.block import Int64s
from runtime.clock import NS_PER_S

LIVE_WITHIN_NS = 120 * NS_PER_S
_AHEAD_NS = 60 * NS_PER_S
_BELIEVE_AFTER_NS = 300 * NS_PER_S


class GatewayClock:
    """How late the samples of one gateway usually are."""

    def __init__(self, *, synced: bool) -> None:
        """synced: the gateway says that its clock is right, so live data is about as old as nothing."""
        self._lag_ns: int | None = 0 if synced else None
        self._stale_since_ns: int | None = None
        self.was_set_back = False

    def live(self, time_ns: Int64s, now_ns: int) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
        """A mask of the samples that are live.

        A gateway that sends nothing live for five minutes had its clock set back: then this is its time, and
        `was_set_back` tells so until the next call.
        """
        self.was_set_back = False
        lag_ns = now_ns - int(np.median(time_ns))
        self._lag_ns = lag_ns if self._lag_ns is None else min(self._lag_ns, lag_ns)
        age_ns = now_ns - self._lag_ns - time_ns
        live: np.ndarray[tuple[int], np.dtype[np.bool_]] = (age_ns <= LIVE_WITHIN_NS) & (age_ns >= -_AHEAD_NS)
        if live.any():
            self._stale_since_ns = None
        elif self._stale_since_ns is None:
            self._stale_since_ns = now_ns
        elif now_ns - self._stale_since_ns >= _BELIEVE_AFTER_NS:
            self._lag_ns, self._stale_since_ns, self.was_set_back = lag_ns, None, True
            live[:] = True
        return live
