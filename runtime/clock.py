"""Time as a value that can be handed in: wall time in ns UTC, monotonic time in ns, and sleeping.

Stamps use wall time, timers use monotonic time; a test hands in `ManualClock` and never waits.
"""

import asyncio
import time
from enum import IntEnum
from typing import Protocol

NS_PER_S = 1_000_000_000


class ClockState(IntEnum):
    """How far a stamp can be trusted; travels in every batch header."""

    UNKNOWN = 0
    SYNCED = 1
    UNSYNCED = 2


class Clock(Protocol):
    """What a process may ask of time."""

    def now_ns(self) -> int:
        """Wall time, ns since 1970 UTC."""
        ...

    def monotonic_ns(self) -> int:
        """Ns since an arbitrary start; never jumps."""
        ...

    async def sleep(self, seconds: float) -> None: ...


def monotonic_s(clock: Clock) -> float:
    """Monotonic time in seconds, for timers."""
    return clock.monotonic_ns() / NS_PER_S


class SystemClock:
    """The machine's own clock."""

    def now_ns(self) -> int:
        return time.time_ns()

    def monotonic_ns(self) -> int:
        return time.monotonic_ns()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class ManualClock:
    """A clock that moves only when told; `sleep` moves it."""

    def __init__(self, now_ns: int = 1_700_000_000 * NS_PER_S) -> None:
        self._now_ns = now_ns
        self._monotonic_ns = 0

    def now_ns(self) -> int:
        return self._now_ns

    def monotonic_ns(self) -> int:
        return self._monotonic_ns

    def advance(self, seconds: float) -> None:
        step = round(seconds * NS_PER_S)
        self._now_ns += step
        self._monotonic_ns += step

    def step_wall(self, seconds: float) -> None:
        """Set the wall clock forward or back, as NTP or a person would; monotonic time does not notice."""
        self._now_ns += round(seconds * NS_PER_S)

    async def sleep(self, seconds: float) -> None:
        self.advance(seconds)
        await asyncio.sleep(0)
