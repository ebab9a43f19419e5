"""Batches whose time is in doubt wait on disk until the time is known; only then the uplink hears of them.

    recorder ──offer──► in doubt: held ──the clock is vouched for──► corrected in the spool ──► delivery
                    └──► else: delivery

They have not been published, so changing them changes nothing that anybody has seen.
"""

from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Protocol
from uuid import UUID

from edge_gateway.clock.doubt import Correction, Here, corrected, doubted
from edge_gateway.clock.gateway_clock import GatewayClock
from edge_gateway.keep import Group
from edge_gateway.spool.spool import Spool
from edge_gateway.uplink.delivery import BatchKey
from runtime.clock import ClockState


class Hearer(Protocol):
    """Is told which batches are in the spool and may be sent."""

    def add(self, key: BatchKey) -> None: ...

    def gone(self, run: UUID, ranges: Iterable[tuple[int, int]]) -> None: ...


class HeldBack:
    """Stands between what is committed and what may be sent. `here`: the tags that our clock stamps."""

    def __init__(self, spool: Spool, hearers: Sequence[Hearer], clock: GatewayClock, here: Here) -> None:
        self._spool = spool
        self._hearers = hearers
        self._clock = clock
        self._here = here
        self._keys: dict[BatchKey, None] = {}
        self._owed_ns = 0

    def marked(self, groups: Iterable[Group]) -> list[Group]:
        """The same; what is stamped now, while the clock is in doubt, says so."""
        if not self._clock.in_doubt:
            return list(groups)
        return [group._replace(columns=doubted(group.columns, self._here)) for group in groups]

    def look(self) -> Correction | None:
        """Look at the wall clock; when it corrects us, what is pending has to be corrected, too."""
        by_ns = self._clock.look()
        self._owed_ns += by_ns
        return Correction(self._here, by_ns) if by_ns else None

    def offer(self, keys: Iterable[BatchKey]) -> None:
        """These are on disk now."""
        for key in keys:
            if self._clock.waits:
                self._keys[key] = None
            else:
                self._tell(key)

    def _tell(self, key: BatchKey) -> None:
        for hearer in self._hearers:
            hearer.add(key)

    def gone(self, keys: Iterable[BatchKey]) -> None:
        """These are not, any more."""
        for key in keys:
            self._keys.pop(key, None)

    async def release(self) -> bool:
        """Hand over what need not wait any longer; whether there was any. Raises SpoolUnwritable: the rest waits on."""
        if not self._keys or self._clock.waits:
            return False
        while block := list(islice(self._keys, self._spool.batches_most)):
            await self._correct(block)
            self.gone(block)
            for key in block:
                self._tell(key)
        self._owed_ns = 0
        return True

    async def _correct(self, keys: Sequence[BatchKey]) -> None:
        if self._owed_ns or self._clock.state is ClockState.SYNCED:
            await self._spool.correct(keys, Correction(self._here, self._owed_ns), self._clock.state)


def put_right(groups: Iterable[Group], correction: Correction) -> list[Group]:
    """Groups that are not on disk yet, on the right time."""
    return [group._replace(columns=corrected(group.columns, correction)) for group in groups]
