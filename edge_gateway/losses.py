"""Counts what the spool had to give up for want of space, and tells it: at once, and then once a minute."""

from typing import Any

import structlog

from edge_gateway import metrics
from edge_gateway.spool.file import Written

log = structlog.get_logger()

_TELL_S = 60.0


class Losses:
    """What was given up since it was last told."""

    def __init__(self) -> None:
        self._dropped = self._thinned = 0
        self._told_s = float("-inf")

    def count(self, written: Written, now_s: float) -> None:
        self._dropped += written.dropped_samples
        self._thinned += written.thinned_samples
        for reason, samples in (("no_space", written.dropped_samples), ("thinned", written.thinned_samples)):
            if samples:
                metrics.DROPPED_SAMPLES.labels(reason).inc(samples)
        if written.dropped_batches:
            metrics.DROPPED_BATCHES.labels("no_space").inc(written.dropped_batches)
        if (self._dropped or self._thinned) and now_s - self._told_s >= _TELL_S:
            self._tell(now_s)

    def _tell(self, now_s: float) -> None:
        told: dict[str, Any] = {"dropped_samples": self._dropped, "thinned_samples": self._thinned}
        log.warning("spool full, oldest samples given up", **told, way_out="more spool.max_bytes, or mend the network")
        self._dropped = self._thinned = 0
        self._told_s = now_s
