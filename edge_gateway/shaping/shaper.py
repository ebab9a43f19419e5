"""Between the pollers and the intake: puts only what is to be reported, and what time alone brings.

    poller ──put──► Shaper ──put──► intake
                      ▲ four times a second: stale tags, values held back, open windows

In the way only where something is configured; without, the pollers put into the intake itself.
"""

import asyncio
from types import TracebackType
from typing import Protocol, Self

from edge_gateway import metrics
from edge_gateway.shaping.shape import Shape
from protocols.sample import Columns
from runtime.clock import Clock

_LOOK_S = 0.25
_LAST_MOST_S = 1.0


class Sink(Protocol):
    """Where samples are handed over."""

    async def put(self, columns: Columns) -> None:
        """Waits while too much is pending."""
        ...


class Shaper:
    """Leaving it hands over what was held back."""

    def __init__(self, shape: Shape, sink: Sink, clock: Clock) -> None:
        self._shape = shape
        self._sink = sink
        self._clock = clock
        self._counted = dict.fromkeys(shape.withheld, 0)

    async def put(self, columns: Columns) -> None:
        """Hand over what is to be reported of a read; waits while too much is pending."""
        shaped = self._shape.take(columns, self._clock.monotonic_ns())
        await self._sink.put(shaped)

    async def run(self) -> None:
        """For ever."""
        while True:
            await self._clock.sleep(_LOOK_S)
            self._count()
            due = self._shape.due(self._clock.monotonic_ns())
            if due:
                await self._sink.put(due)

    def _count(self) -> None:
        for reason, withheld in self._shape.withheld.items():
            metrics.WITHHELD.labels(reason).inc(withheld - self._counted[reason])
            self._counted[reason] = withheld

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """The pollers have stopped. Nobody empties the intake any more: one that is full stays full."""
        self._count()
        rest = self._shape.rest()
        if not rest:
            return
        try:
            async with asyncio.timeout(_LAST_MOST_S):
                await self._sink.put(rest)
        except TimeoutError:
            metrics.DROPPED_SAMPLES.labels("stopped").inc(sum(map(len, rest)))
