"""The sequence numbers of one edge node, 0 to 255 and round again: what is missing, and since when. Pure.

    5 ─► 6 ─► 9 (7, 8 missing: the clock runs) ─► 8 ─► 7 (complete again)

A message that overtook another one is taken as it comes: samples bear their own time.
"""

from enum import Enum, auto

_ROUND = 256
_AHEAD_MOST = 128


class Step(Enum):
    """What a number says."""

    NEXT = auto()
    AHEAD = auto()  # some before it are missing
    LATE = auto()  # one of the missing
    STRANGE = auto()  # neither missing nor ahead: somebody else's, or a repetition


class Sequence:
    """Counts from a birth on."""

    def __init__(self, first: int) -> None:
        self._last = first % _ROUND
        self._missing: set[int] = set()
        self._open_since_ns: int | None = None

    def step(self, seq: int, monotonic_ns: int) -> Step:
        """Take the next number."""
        if seq in self._missing:
            self._missing.discard(seq)
            if not self._missing:
                self._open_since_ns = None
            return Step.LATE
        ahead = (seq - self._last) % _ROUND
        if not 0 < ahead < _AHEAD_MOST or seq >= _ROUND:
            return Step.STRANGE
        self._missing.update((self._last + place) % _ROUND for place in range(1, ahead))
        self._last = seq
        if ahead == 1:
            return Step.NEXT
        self._open_since_ns = self._open_since_ns or monotonic_ns
        return Step.AHEAD

    def give_up(self) -> None:
        """What is missing will not come."""
        self._missing.clear()
        self._open_since_ns = None

    @property
    def complete(self) -> bool:
        return not self._missing

    def missing_for_ns(self, monotonic_ns: int) -> int:
        """How long the oldest gap has been open; 0 without one."""
        return monotonic_ns - self._open_since_ns if self._open_since_ns is not None else 0
