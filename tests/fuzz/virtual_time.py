"""An event loop whose time jumps to the next timer instead of waiting, with connections that are only objects.

What runs in it is the real code, timers included, but it needs no time, does the same thing with the same seed, and
does not notice how busy the machine is.
"""

import asyncio
import selectors
from collections.abc import Callable
from typing import Any, Protocol


class Device(Protocol):
    """The other end of a connection."""

    def connected(self, transport: "Memory") -> None: ...

    def asked(self, data: bytes) -> None: ...


class Memory(asyncio.WriteTransport):
    """Hands what is written to the device in the same moment."""

    def __init__(self, loop: asyncio.AbstractEventLoop, protocol: asyncio.Protocol, device: Device) -> None:
        super().__init__()
        self._loop, self._protocol, self._device = loop, protocol, device
        self.open = True
        protocol.connection_made(self)
        device.connected(self)

    def write(self, data: bytes | bytearray | memoryview) -> None:
        if self.open:
            self._device.asked(bytes(data))

    def deliver(self, data: bytes) -> None:
        """From the device."""
        if self.open:
            self._protocol.data_received(data)

    def abort(self) -> None:
        if self.open:
            self.open = False
            self._loop.call_soon(self._protocol.connection_lost, None)


class _Never(selectors.DefaultSelector):
    """Nothing is ever ready; waiting moves the clock."""

    loop: "VirtualLoop"

    def select(self, timeout: float | None = None) -> list[Any]:
        if timeout is None:
            raise RuntimeError("nothing will ever happen again")
        self.loop.now_s += timeout
        return []


class VirtualLoop(asyncio.SelectorEventLoop):
    """`device` answers every connection; `refuses` says whether it takes it."""

    def __init__(self) -> None:
        selector = _Never()
        selector.loop = self
        self.now_s = 0.0
        super().__init__(selector)
        self._clock_resolution = 1e-6
        self.device: Device | None = None
        self.refuses: Callable[[], bool] = lambda: False

    def time(self) -> float:
        return self.now_s

    async def create_connection(self, factory: Callable[[], Any], *_: Any, **__: Any) -> Any:
        await asyncio.sleep(0.001)
        protocol = factory()
        return self.connect(protocol), protocol

    def connect(self, protocol: asyncio.Protocol) -> Memory:
        """To the device, at once."""
        if self.refuses():
            raise ConnectionRefusedError("refused")
        assert self.device
        return Memory(self, protocol, self.device)


class VirtualClock:
    """The house's clock on that loop."""

    def __init__(self, loop: VirtualLoop) -> None:
        self._loop = loop

    def now_ns(self) -> int:
        return round(self._loop.now_s * 1e9)

    def monotonic_ns(self) -> int:
        return round(self._loop.now_s * 1e9)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
