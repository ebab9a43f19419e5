"""How well a poll group keeps its period: counted on /metrics, and said once in the log when it does not.

    ticker ──due──► late? missed? ──► histogram of lateness, achieved period, counter of overruns
                                  └─► "polls skipped" … "polls on time again"

A period that cannot be kept is never stretched in silence: the turns that fell out are counted here and marked in the
data by the poller.
"""

import structlog

from edge_gateway import metrics
from edge_gateway.polling.schedule import PollGroup
from runtime.clock import NS_PER_S

log = structlog.get_logger()

_KEPT_NS = 60 * NS_PER_S
_SOON_TURNS = 10
_WAY_OUT = "raise period_s, read fewer tags at this endpoint, or shorten timeout_s if some of its devices are silent"


class Cadence:
    """One group. Times are monotonic ns."""

    def __init__(self, group: PollGroup) -> None:
        labels = (group.endpoint, f"{group.period_s:g}")
        self._group = group
        self._lateness_s = metrics.LATENESS_S.labels(group.endpoint)
        self._achieved_s = metrics.ACHIEVED_PERIOD_S.labels(*labels)
        self._overruns = metrics.OVERRUNS.labels(*labels)
        self._begun_ns = 0
        self._mean_s = group.period_s
        self._skipped_ns: int | None = None
        self._told = False

    def begun(self, due_ns: int, now_ns: int) -> None:
        """A read begins now that was due then."""
        self._lateness_s.observe((now_ns - due_ns) / NS_PER_S)
        if self._begun_ns:
            self._mean_s += ((now_ns - self._begun_ns) / NS_PER_S - self._mean_s) / 8
            self._achieved_s.set(self._mean_s)
        self._begun_ns = now_ns
        if self._told and self._skipped_ns is not None and now_ns - self._skipped_ns > _KEPT_NS:
            self._told = False
            log.info("polls on time again", endpoint=self._group.endpoint, period_s=self._group.period_s)

    def missed(self, turns: int, now_ns: int) -> None:
        """Turns passed without a read."""
        self._overruns.inc(turns)
        if self._begun_ns:
            self._achieved_s.set(max(self._mean_s, (now_ns - self._begun_ns) / NS_PER_S))

    def skipped(self, now_ns: int) -> None:
        """Turns were missed during the read that is over now. Once is a hiccup; again soon is worth a line."""
        last_ns, self._skipped_ns = self._skipped_ns, now_ns
        soon_ns = _SOON_TURNS * self._group.period_s * NS_PER_S
        if self._told or last_ns is None or now_ns - last_ns > soon_ns:
            return
        self._told = True
        log.warning(
            "polls skipped",
            endpoint=self._group.endpoint,
            period_s=self._group.period_s,
            achieved_s=round(max(self._mean_s, (now_ns - self._begun_ns) / NS_PER_S), 3),
            cause="reading takes longer than the period",
            way_out=_WAY_OUT,
        )
