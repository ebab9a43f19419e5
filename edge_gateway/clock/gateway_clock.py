"""The clock that every stamp of this gateway comes from: the timeline, fed with the machine's own clocks.

    wall and monotonic time, kernel's state ──look (once a second)──► Timeline ──now_ns──► drivers, recorder
"""

from collections.abc import Callable

import structlog

from edge_gateway.clock.kernel import clock_state
from edge_gateway.clock.timeline import Timeline
from runtime.clock import NS_PER_S, Clock, ClockState, SystemClock
from runtime.logs import Outage

log = structlog.get_logger()

_WAIT_S = 120.0


class GatewayClock:
    """A Clock whose wall time never jumps unless somebody vouches for the jump."""

    def __init__(self, machine: Clock | None = None, kernel: Callable[[], ClockState] = clock_state) -> None:
        self._machine = machine or SystemClock()
        self._kernel = kernel
        self._timeline = Timeline(self._machine.now_ns(), self.monotonic_ns(), kernel(), _WAIT_S)
        self._outage = Outage(log, "clock")

    def now_ns(self) -> int:
        return self._timeline.now_ns(self.monotonic_ns())

    def monotonic_ns(self) -> int:
        return self._machine.monotonic_ns()

    async def sleep(self, seconds: float) -> None:
        await self._machine.sleep(seconds)

    def learn(self, known_ns: int, *, was_synced: bool) -> None:
        """What the spool knows of the time."""
        self._timeline.learn(known_ns, was_synced=was_synced)

    @property
    def state(self) -> ClockState:
        """What the kernel says of its clock."""
        return self._timeline.state

    @property
    def in_doubt(self) -> bool:
        """Samples stamped now are UNCERTAIN clock_unsynced."""
        return self._timeline.in_doubt

    @property
    def waits(self) -> bool:
        """They had better be held back until the time is known."""
        return self._timeline.waits

    def look(self) -> int:
        """Compare with the wall clock; returns by how many ns all stamps from now on are corrected, usually 0."""
        corrected_ns = self._timeline.observe(self._machine.now_ns(), self.monotonic_ns(), self._kernel())
        if corrected_ns:
            log.warning("clock corrected", by_s=round(corrected_ns / NS_PER_S, 3))
        self._tell()
        return corrected_ns

    def _tell(self) -> None:
        if self._timeline.distrusted_step:
            cause = "somebody set it and no time service vouches for that; samples keep the old time"
            self._outage.down(cause, "enable NTP (chrony, systemd-timesyncd), or restart the gateway to take this time")
        elif self._timeline.in_doubt:
            self._outage.down("not synchronised yet", "samples wait and are corrected when the time service answers")
        else:
            self._outage.up()
