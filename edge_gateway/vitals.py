"""Is the gateway alive, and how is it doing: gauges for /metrics, checks for /healthz, food for systemd's watchdog.

Alive means that the poll timer turns and the recorder turns. A silent machine, an absent broker or a full disk is no
reason to start the process anew: it would change nothing and lose what is in memory.
"""

import asyncio
from collections.abc import Mapping, Sequence

from edge_gateway import metrics
from edge_gateway.delivery import Delivery
from edge_gateway.poller import Poller
from edge_gateway.recorder import Recorder
from edge_gateway.spool import Spool
from edge_gateway.ticker import Ticker
from runtime.clock import NS_PER_S, Clock
from runtime.health import Check
from runtime.process import tell_systemd, watchdog_period_s

_LOOK_S = 2.0
_STUCK_S = 20.0


class Vitals:
    """Looks every two seconds."""

    def __init__(self, ticker: Ticker, recorder: Recorder, delivery: Delivery, spool: Spool, clock: Clock) -> None:
        self._ticker = ticker
        self._recorder = recorder
        self._delivery = delivery
        self._spool = spool
        self._clock = clock

    @property
    def checks(self) -> Mapping[str, Check]:
        return {
            "polling": lambda: self._turns(self._ticker.turned_s),
            "spool": lambda: self._turns(self._recorder.turned_s) and not self._recorder.failing,
        }

    def _turns(self, turned_s: float) -> bool:
        return self._clock.monotonic_ns() / NS_PER_S - turned_s < _STUCK_S

    async def run(self, pollers: Sequence[Poller]) -> None:
        feed_s = min(watchdog_period_s() or _LOOK_S, _LOOK_S)
        while True:
            await self._look(pollers)
            if self._turns(self._ticker.turned_s) and self._turns(self._recorder.turned_s):
                tell_systemd("WATCHDOG=1")
            await asyncio.sleep(feed_s)

    async def _look(self, pollers: Sequence[Poller]) -> None:
        metrics.SPOOL_BYTES.set(await self._spool.used_bytes())
        metrics.OPEN_BATCHES.set(self._delivery.open)
        oldest = self._delivery.oldest_open
        first_ns = await self._spool.first_ns(oldest) if oldest else None
        metrics.OLDEST_OPEN_AGE_S.set((self._clock.now_ns() - first_ns) / NS_PER_S if first_ns else 0)
        for poller in pollers:
            age_s = poller.last_good_age_s
            if age_s is not None:
                metrics.LAST_GOOD_AGE_S.labels(poller.name).set(age_s)
