"""What one worker remembers of telemetry.recent: a cache, bounded, right after every refresh. Pure.

    committed rows (id, minute, hashes) ──► Seen of the gateway: sorted hashes ──► which are known?

It holds only what has been committed, so a transaction that fails leaves nothing behind.
"""

from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from ingest_service.redelivery.hashes import DTYPE, Hashes
from ingest_service.settings import RedeliverySettings

# Few: each is searched for every sample. Not one: the window is kept to a span.
_SPANS = 6
_NOTHING: Hashes = np.empty(0, DTYPE)


class Seen:
    """The samples of one gateway within the window, in spans of minutes; `last_id` is the newest row that is in."""

    def __init__(self, span_min: int) -> None:
        self.last_id = 0
        self._span_min = span_min
        self._spans: dict[int, Hashes] = {}

    def __len__(self) -> int:
        return sum(len(hashes) for hashes in self._spans.values())

    def add(self, row_id: int, minute: int, hashes: Hashes) -> None:
        self.last_id = max(self.last_id, row_id)
        span = minute // self._span_min
        # Two sorted runs: the stable sort merges them in one go.
        self._spans[span] = np.sort(np.concatenate([self._spans.get(span, _NOTHING), hashes]), kind="stable")

    def knows(self, hashes: Hashes) -> NDArray[np.bool_]:
        """Which of these came within the window."""
        known = np.zeros(len(hashes), bool)
        for span in self._spans.values():
            at = np.minimum(np.searchsorted(span, hashes), len(span) - 1)
            known |= span[at] == hashes
        return known

    def forget(self, before_minute: int, most: int) -> bool:
        """Drop what is older, and the oldest spans while there are too many; whether the bound did it."""
        for span in [span for span in self._spans if (span + 1) * self._span_min <= before_minute]:
            del self._spans[span]
        crowded = False
        while len(self) > most and len(self._spans) > 1:
            del self._spans[min(self._spans)]
            crowded = True
        return crowded


class Recent:
    """The gateways that one worker has lately heard, the least recent forgotten first: the table knows them still."""

    def __init__(self, settings: RedeliverySettings) -> None:
        self.settings = settings
        self._seen: dict[UUID, Seen] = {}

    def of(self, gateway_id: UUID) -> Seen:
        seen = self._seen.pop(gateway_id, None)
        if seen is None:
            seen = Seen(max(1, int(self.settings.window_s // 60) // _SPANS))
        self._seen[gateway_id] = seen
        return seen

    def trim(self, minute: int) -> list[UUID]:
        """Keep within window and bound; answers with gateways whose window became shorter than it should be."""
        since = minute - int(self.settings.window_s // 60) - 1
        short = [gateway for gateway, seen in self._seen.items() if seen.forget(since, self.settings.hashes_most)]
        total = sum(map(len, self._seen.values()))
        for gateway in list(self._seen)[:-1]:
            if total <= self.settings.hashes_most:
                break
            total -= len(self._seen.pop(gateway))
        return short
