"""The contract of a field driver. One driver = one endpoint (a host and port, a serial line, a server URL).

    tags ──plan (pure, once)──► ReadOps ──read──► Columns

The gateway owns timing, supervision and back-pressure; a driver owns one connection. `read` never raises for a
tag or a lost line: what could not be read comes back as a column with a reason, and a read that finds the line lost
opens it again by itself, with back-off. A wrong configuration raises `BadPointTable` when the driver is made, never
later.
"""

from collections.abc import AsyncGenerator, Sequence
from typing import Protocol

from protocols.sample import Columns


class ReadOp(Protocol):
    """One request on the wire, or one group of items that a server answers together."""

    @property
    def tag_count(self) -> int:
        """How many tags this operation brings."""
        ...


class Driver(Protocol):
    """What the gateway asks of an endpoint. Every method but `close` may be cancelled at any await."""

    async def open(self) -> None:
        """Connect. Raises DeviceUnavailable when that fails; the caller tries again with back-off."""
        ...

    def plan(self, aliases: Sequence[int]) -> Sequence[ReadOp]:
        """The operations that read these tags (all of one poll group): pure, no I/O."""
        ...

    async def read(self, op: ReadOp) -> Columns:
        """Read one operation. Lost line, time-out, exception, bad value: samples with a reason."""
        ...

    def subscribe(self, aliases: Sequence[int]) -> AsyncGenerator[Columns, None]:
        """Values as the device sends them (OPC UA); empty `aliases` or no support: ends at once.

        A tag the device does not give comes as BAD, and is asked for again with back-off. When data stops flowing,
        the iterator brings every tag once more as BAD, stamped when its last value may have ceased to hold, and
        then raises DeviceUnavailable: `open`, then iterate again. Close it (contextlib.aclosing) when leaving early.
        """
        ...

    def last_good_monotonic_ns(self) -> int:
        """Monotonic time of the last value that arrived with GOOD quality; 0 before the first.

        Liveness is measured on data: a transport can be up and its data plane dead.
        """
        ...

    async def close(self) -> None: ...
