"""Is the gateway alive, and how is it doing: gauges for /metrics, checks for /healthz, food for systemd's watchdog.

Alive means that the poll timer turns, that no driver hangs beyond what its supervisor could end, and that the recorder
commits, or would if there were something. A silent machine, an absent broker or a full disk is no reason to start the
process anew: it would change nothing and lose what is in memory.
"""

import asyncio
import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from prometheus_client import REGISTRY

from edge_gateway import metrics
from edge_gateway.clock.kernel import clock_state
from edge_gateway.polling.freshness import Freshness
from edge_gateway.polling.poller import Poller
from edge_gateway.polling.ticker import Ticker
from edge_gateway.recorder import Recorder
from edge_gateway.spool.spool import Spool
from edge_gateway.uplink.delivery import Delivery
from runtime.clock import NS_PER_S, Clock
from runtime.health import Check, Page, Trouble
from runtime.process import tell_systemd, watchdog_period_s

_LOOK_S = 2.0
_STUCK_S = 20.0
_REPORT = "the watchdog starts the process anew; if it happens again, report it with the log"


@dataclass(frozen=True, slots=True)
class Vitals:
    """Looks every two seconds."""

    pollers: Sequence[Poller]
    ticker: Ticker
    recorder: Recorder
    delivery: Delivery
    spool: Spool
    freshness: Freshness
    clock: Clock

    @property
    def checks(self) -> Mapping[str, Check]:
        return {"polling": self._polling, "spool": self._spool}

    @property
    def pages(self) -> Mapping[str, Page]:
        return {"/tags": self._tags}

    async def feed(self) -> None:
        """Tell systemd for as long as the process is alive. Asks no disk, so a slow one does not look like death."""
        feed_s = min(watchdog_period_s() or _LOOK_S, _LOOK_S)
        while True:
            if not self._polling() and self._turns(self.recorder.turned_s):
                tell_systemd("WATCHDOG=1")
            await asyncio.sleep(feed_s)

    async def look(self) -> None:
        """Keep the gauges true."""
        with _registered(metrics.WorstTags(self.freshness.worst)):
            while True:
                await self._look_at_delivery()
                self._look_at_endpoints()
                metrics.CLOCK_STATE.state(clock_state().name.lower())
                await asyncio.sleep(_LOOK_S)

    # Checks

    def _turns(self, turned_s: float) -> bool:
        return self.clock.monotonic_ns() / NS_PER_S - turned_s < _STUCK_S

    def _polling(self) -> Trouble | None:
        if not self._turns(self.ticker.turned_s):
            return Trouble(f"the poll timer has stood still for {_STUCK_S:.0f} s", _REPORT)
        hung = [poller.name for poller in self.pollers if poller.hung]
        return Trouble(f"the driver of {', '.join(hung)} does not come back", _REPORT) if hung else None

    def _spool(self) -> Trouble | None:
        if self.recorder.failing:
            return Trouble("the spool cannot be written", "free space on its disk; until then polls are skipped")
        if not self._turns(self.recorder.turned_s):
            return Trouble(f"a commit has taken longer than {_STUCK_S:.0f} s", "check the disk: it may be failing")
        return None

    # Looking

    def _tags(self) -> list[dict[str, Any]]:
        return [state._asdict() for state in self.freshness.all()]

    async def _look_at_delivery(self) -> None:
        metrics.SPOOL_BYTES.set(await self.spool.used_bytes())
        metrics.OPEN_BATCHES.set(self.delivery.open)
        oldest = self.delivery.oldest_open
        first_ns = await self.spool.first_ns(oldest) if oldest else None
        metrics.OLDEST_OPEN_AGE_S.set((self.clock.now_ns() - first_ns) / NS_PER_S if first_ns else 0)

    def _look_at_endpoints(self) -> None:
        for name, state in self.freshness.endpoints().items():
            metrics.LAST_GOOD_AGE_S.labels(name).set(state.newest_age_s)
            metrics.OLDEST_TAG_AGE_S.labels(name).set(state.oldest_age_s)
            metrics.TAGS_NOT_GOOD.labels(name).set(state.not_good)


@contextlib.contextmanager
def _registered(collector: metrics.WorstTags) -> Iterator[None]:
    REGISTRY.register(collector)
    try:
        yield
    finally:
        REGISTRY.unregister(collector)
