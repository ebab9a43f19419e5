"""A road between two parts of the plant on which things are lost without a word.

client ──► Road at 127.0.0.x:port ──► target        closed: nothing passes, nobody is told
"""

import asyncio
import contextlib
import socket
from collections.abc import Iterator
from typing import Any, Self
from unittest import mock

Address = tuple[str, int]


class Road:
    """Forwards TCP. A firewall that forgets, a switch without power: both ends still believe in their line."""

    def __init__(self, target: Address, host: str = "127.0.0.1", port: int = 0) -> None:
        self.target = target
        self.host = host
        self.port = port
        self._passable = asyncio.Event()
        self._passable.set()
        self._traffic: set[asyncio.Task[None]] = set()
        self._forgotten: list[asyncio.StreamWriter] = []
        self._server: asyncio.Server | None = None

    def close(self) -> None:
        """Lines that are open now are dead for ever; new ones wait, as packets do that are sent again and again."""
        self._passable.clear()
        for line in list(self._traffic):
            line.cancel()

    def mend(self) -> None:
        """New lines pass."""
        self._passable.set()

    async def open(self) -> None:
        """Take lines, on the same port as before if there was one."""
        self._server = await asyncio.start_server(self._accept, self.host, self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def refuse(self) -> None:
        """Every line is hung up and no new one taken, as by a machine on which nobody listens any more."""
        assert self._server
        self._server.close()
        self.close()
        await asyncio.gather(*self._traffic, return_exceptions=True)
        for line in self._forgotten:
            line.transport.abort()
        self._forgotten.clear()
        await asyncio.sleep(0)  # aborted transports close in the next turn

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.refuse()

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._carry(reader, writer))
        self._traffic.add(task)
        task.add_done_callback(self._traffic.discard)

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        ends = [writer]
        try:
            await self._passable.wait()
            far_reader, far_writer = await asyncio.open_connection(*self.target)
            ends.append(far_writer)
            async with asyncio.TaskGroup() as both:
                both.create_task(_forward(reader, far_writer))
                both.create_task(_forward(far_reader, writer))
        except asyncio.CancelledError:
            self._forgotten += ends  # neither end is told
        except OSError:
            writer.transport.abort()


async def _forward(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await source.read(65536):
            sink.write(data)
            await sink.drain()
    sink.close()


@contextlib.contextmanager
def names(hosts: dict[str, str]) -> Iterator[None]:
    """This process finds these host names at these addresses; the dictionary may change meanwhile."""
    ask = socket.getaddrinfo

    def answer(host: Any, *more: Any, **options: Any) -> Any:
        return ask(hosts.get(host, host), *more, **options)

    with mock.patch("socket.getaddrinfo", answer):
        yield
