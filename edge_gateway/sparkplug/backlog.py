"""Which batches of the spool the Sparkplug host has not been sent. Pure: it holds numbers, the spool holds samples.

    on disk ──add──► fresh ──sent──► recent ──again_s──► sure
                       │                └─ line or host lost: doubt ─┐
                       └─ no session: waits as ──────► old ◄─────────┘ ──sent (as history)──► recent

Nobody acknowledges Sparkplug data. What was sent in the last seconds before the loss of a line was perhaps heard by
nobody, so it goes once more; the same value at the same time is nothing new to a historian.
"""

from collections import deque
from collections.abc import Iterable, Mapping
from typing import NamedTuple
from uuid import UUID

from edge_gateway.uplink.delivery import BatchKey
from edge_gateway.uplink.ranges import Ranges

_FRESH_MOST = 10_000

Sent = Mapping[UUID, Ranges]


class _Recent(NamedTuple):
    sent_s: float
    key: BatchKey


class Backlog:
    """`held`: what the spool holds of earlier processes; `sent`: what of it the host has been sent."""

    def __init__(self, held: Sent, sent: Sent, again_s: float) -> None:
        self._sent = {run: ranges.common(sent.get(run, Ranges())) for run, ranges in held.items()}
        self._unsent = {run: ranges.without(self._sent[run]) for run, ranges in held.items()}
        self._again_s = again_s
        self._fresh: deque[BatchKey] = deque(maxlen=_FRESH_MOST)  # beyond that they are old at once
        self._recent: deque[_Recent] = deque()
        self.lost = 0

    # What the spool tells

    def add(self, key: BatchKey) -> None:
        """A batch is on disk."""
        self._fresh.append(key)
        self._unsent.setdefault(key.run, Ranges()).add(key.seq, key.seq)

    def gone(self, run: UUID, ranges: Iterable[tuple[int, int]]) -> None:
        """The spool no longer holds these; the host will never hear of those that were not sent."""
        gone = Ranges(ranges)
        for kept in (self._sent, self._unsent):
            before = kept.pop(run, Ranges())
            if kept is self._unsent:
                self.lost += len(before.common(gone))
            if left := before.without(gone):
                kept[run] = left

    # What the sender asks

    @property
    def fresh(self) -> BatchKey | None:
        """The first of those that have just come."""
        while self._fresh and not self._waits(self._fresh[0]):
            self._fresh.popleft()
        return self._fresh[0] if self._fresh else None

    def _waits(self, key: BatchKey) -> bool:
        return key.seq in self._unsent.get(key.run, ())

    def looked_at(self, key: BatchKey) -> None:
        """It is not fresh any longer; if it was not sent, it is old now."""
        if self._fresh and self._fresh[0] == key:
            self._fresh.popleft()

    @property
    def old(self) -> BatchKey | None:
        """The oldest that was not sent, when none is fresh."""
        return next((BatchKey(run, ranges.first) for run, ranges in self._unsent.items() if ranges), None)

    def sent(self, key: BatchKey, now_s: float) -> None:
        """Handed to the broker."""
        if self._waits(key):  # else it has left the spool meanwhile
            self._move(key, self._unsent, self._sent)
            self._recent.append(_Recent(now_s, key))

    def sure(self, now_s: float) -> list[BatchKey]:
        """What was sent so long ago that nobody will ask for it again."""
        found = []
        while self._recent and now_s - self._recent[0].sent_s >= self._again_s:
            found.append(self._recent.popleft().key)
        return [key for key in found if key.seq in self._sent.get(key.run, ())]

    def doubt(self, now_s: float) -> None:
        """The line or the host is gone: what was sent lately was perhaps heard by nobody."""
        for sent_s, key in self._recent:
            if now_s - sent_s < self._again_s and key.seq in self._sent.get(key.run, ()):
                self._move(key, self._sent, self._unsent)
        self._recent.clear()

    @property
    def all_sent(self) -> dict[UUID, list[tuple[int, int]]]:
        """To be remembered over a restart."""
        return {run: list(ranges) for run, ranges in self._sent.items() if ranges}

    def __len__(self) -> int:
        """Batches that wait."""
        return sum(map(len, self._unsent.values()))

    @staticmethod
    def _move(key: BatchKey, out_of: dict[UUID, Ranges], into: dict[UUID, Ranges]) -> None:
        if ranges := out_of.get(key.run):
            ranges.remove(key.seq, key.seq)
        into.setdefault(key.run, Ranges()).add(key.seq, key.seq)
