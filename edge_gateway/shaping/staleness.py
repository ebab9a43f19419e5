"""Notices tags from which no value comes any more: told once as BAD stale, until a value comes again. Pure.

    value ─────────── stale_after_s ───────────► BAD stale, stamped when the value ceased to be fresh

Waiting is measured by arrival, on the monotonic clock; the stamp follows the sample's own time. A tag that is BAD
already is not stale: its reason is the better one.
"""

from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from edge_gateway.catalog import Numbering
from edge_gateway.shaping.shaped import Shaped
from protocols.sample import Column, Quality, Reason, bad
from runtime.clock import NS_PER_S

_BAD = Quality.BAD << 8
_NEVER = np.iinfo(np.int64).max


class Staleness:
    """Until when the last value of each alias is fresh."""

    def __init__(self, numbering: Numbering, tags: Iterable[Shaped]) -> None:
        self._numbering = numbering
        n = len(numbering.kinds)
        self._after_ns = np.zeros(n, np.int64)
        for tag in tags:
            self._after_ns[tag.alias] = round((tag.settings.stale_after_s or 0) * NS_PER_S)
        self._watching = bool(self._after_ns.any())
        self._until_ns = np.full(n, _NEVER)
        self._time_ns = np.zeros(n, np.int64)

    def note(self, column: Column, now_ns: int) -> None:
        """These have just come."""
        if not self._watching:
            return
        after_ns = self._after_ns[column.alias]
        fresh = (after_ns > 0) & (column.code < _BAD)
        self._until_ns[column.alias] = np.where(fresh, now_ns + after_ns, _NEVER)
        self._time_ns[column.alias] = column.time_ns

    def overdue(self, now_ns: int) -> list[Column]:
        """One sample for each tag that has just become stale; handing them to `note` says that they are told."""
        if not self._watching:
            return []
        aliases = np.flatnonzero(self._until_ns <= now_ns).astype(np.uint32)
        stamps = self._time_ns + self._after_ns
        return [
            replace(column, time_ns=stamps[column.alias])
            for column in self._numbering.failed(aliases, 0, bad(Reason.STALE))
        ]
