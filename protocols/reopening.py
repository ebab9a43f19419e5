"""When a lost line may be tried again: at once after a good time, later and later while it fails.

A driver's `read` reopens its line by itself; this keeps a dead endpoint from being knocked at on every read.
"""

from collections.abc import Iterator

from runtime.clock import NS_PER_S, Clock
from runtime.retry import backoff_s


class Reopening:
    """Whether the line is wanted at all, and from when on it may be opened."""

    def __init__(self, clock: Clock, most_s: float) -> None:
        self._clock = clock
        self._most_s = most_s
        self._pauses: Iterator[float] | None = None
        self._not_before_ns = 0
        self.wanted = False

    @property
    def due(self) -> bool:
        return self.wanted and self._clock.monotonic_ns() >= self._not_before_ns

    def now(self) -> None:
        """Somebody asks for the line: no waiting."""
        self.wanted = True
        self._not_before_ns = 0

    def failed(self) -> None:
        self._pauses = self._pauses or backoff_s(most_s=self._most_s)
        self._not_before_ns = self._clock.monotonic_ns() + round(next(self._pauses) * NS_PER_S)

    def succeeded(self) -> None:
        self._pauses = None
