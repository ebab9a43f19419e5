"""Which time a value of a subscription gets. Pure.

Stamps are source times (or the server's, or ours, as the device is set). What an item shows first was set before we
subscribed, perhaps days ago, perhaps already told by an earlier run: then it is stamped when we asked, which says that
it held then, and UNCERTAIN stale. What changes after that keeps its source time and comes later.
"""

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from protocols.opcua.data_values import DataValues
from protocols.opcua.points import Slots
from protocols.opcua.values import Codes
from protocols.sample import GOOD, Quality, Reason, quality_code
from runtime.clock import NS_PER_S

Times = NDArray[np.int64]
Choice = Literal["source", "server", "gateway"]

STALE = quality_code(Quality.UNCERTAIN, Reason.STALE)
_UNSYNCED = quality_code(Quality.UNCERTAIN, Reason.CLOCK_UNSYNCED)
_TICKS_1900, _TICKS_1970 = 94_354_848_000_000_000, 116_444_736_000_000_000
_TICKS_9999, _TICKS_END = 2_650_467_743_990_000_000, (1 << 63) - 1  # Part 6, 5.2.2.5: later times are this end
_YEAR_2000_NS = 946_684_800 * NS_PER_S
_DAY_NS = 86_400 * NS_PER_S
_MOST_TICKS = _TICKS_1970 + ((1 << 63) - 1) // 100 - 1
TICK_NS = 1000


class Stamps:
    """The time of each tag's last sample; outlives subscriptions, so that no stamp comes twice."""

    def __init__(self, count: int, choice: Choice) -> None:
        self._choice = choice
        self._told_ns = np.zeros(count, np.int64)
        self._asked_ns = np.zeros(count, np.int64)  # of items that have not shown anything since; else 0

    def asked(self, slots: Slots, now_ns: int) -> None:
        """From now on these are expected to show what they have."""
        self._asked_ns[slots] = now_ns

    def unseen(self, slots: Slots) -> Slots:
        """Those of them that have not shown anything yet."""
        return slots[self._asked_ns[slots] > 0]

    def forced(self, slots: Slots, at_ns: int) -> Times:
        """Stamps for something that we say ourselves."""
        self._told_ns[slots] = np.maximum(at_ns, self._told_ns[slots] + TICK_NS)
        self._asked_ns[slots] = 0
        return self._told_ns[slots]

    def of(self, slots: Slots, values: DataValues, code: Codes, now_ns: int) -> Times:
        """Stamps of what arrived; GOOD codes become what their time allows."""
        doubt_timeless(values, code)
        stamp_ns = self._chosen(values, now_ns)
        impossible = (stamp_ns < _YEAR_2000_NS) | (stamp_ns > now_ns + _DAY_NS)
        stamp_ns[impossible] = now_ns
        code[impossible & (code == GOOD)] = _UNSYNCED
        for turn in _turns(slots):
            stamp_ns[turn] = self._placed(slots[turn], stamp_ns[turn], code, turn)
        return stamp_ns

    def _chosen(self, values: DataValues, now_ns: int) -> Times:
        first, second = (values.server, values.source) if self._choice == "server" else (values.source, values.server)
        ticks = np.minimum(np.where(first > 0, first, second), _MOST_TICKS)
        ours = (ticks <= 0) | (self._choice == "gateway")
        return np.where(ours, now_ns, (np.maximum(ticks, _TICKS_1970) - _TICKS_1970) // 10 * TICK_NS)

    def _placed(self, slots: Slots, stamp_ns: Times, code: Codes, turn: NDArray[np.int64]) -> Times:
        """Stamps of at most one sample a tag, after the one before."""
        told_ns, asked_ns = self._told_ns[slots], self._asked_ns[slots]
        first = asked_ns > 0
        before = first & (stamp_ns <= np.maximum(told_ns, asked_ns))
        code[turn[before & (code[turn] == GOOD)]] = STALE
        # a clock coarser than its changes; a step back is left alone
        again = ~first & (told_ns - NS_PER_S < stamp_ns) & (stamp_ns <= told_ns)
        placed = np.where(before, np.maximum(asked_ns, told_ns + TICK_NS), np.where(again, told_ns + TICK_NS, stamp_ns))
        self._told_ns[slots] = placed
        self._asked_ns[slots] = 0
        return placed


def doubt_timeless(values: DataValues, code: Codes) -> None:
    """What brings a time that no calendar has is not GOOD: damage that moved the bytes of a value shows there first."""
    for ticks in (values.source, values.server):
        timeless = (ticks < 0) | ((ticks > 0) & (ticks < _TICKS_1900)) | ((ticks > _TICKS_9999) & (ticks != _TICKS_END))
        if timeless.any():
            code[timeless & (code == GOOD)] = _UNSYNCED


def _turns(slots: Slots) -> list[NDArray[np.int64]]:
    """Places such that each turn holds every tag at most once, earlier samples in earlier turns."""
    order = np.argsort(slots, kind="stable")
    begins = np.flatnonzero(np.diff(slots[order], prepend=-1))
    lengths = np.diff(begins, append=len(slots))
    turn_of = np.arange(len(slots)) - np.repeat(begins, lengths)
    ends = np.cumsum(np.bincount(turn_of))
    return np.split(order[np.argsort(turn_of, kind="stable")], ends[:-1]) if len(slots) else []
