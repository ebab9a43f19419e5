"""A TCP line between a driver and a real server that a test can cut, silence, mend and count."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import TypeVar


class Link:
    """Forwards 127.0.0.1:`port` to the server's port."""

    def __init__(self, target_port: int) -> None:
        self.port = 0
        self.opened = 0
        self.asked, self.answered = bytearray(), bytearray()  # all that the driver and the server have said
        self._target_port = target_port
        self._up = True
        self._speaks = asyncio.Event()
        self._speaks.set()
        self._lines: set[asyncio.StreamWriter] = set()

    @property
    def lines(self) -> int:
        """Connections of the driver that are open now."""
        return len(self._lines)

    def cut(self) -> None:
        """Reset all lines and take no new one."""
        self._up = False
        for line in list(self._lines):
            line.transport.abort()

    def silence(self) -> None:
        """Keep the lines open but let nothing through: the peer lost its power."""
        self._speaks.clear()

    def mend(self) -> None:
        self._up = True
        self._speaks.set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection of the driver."""
        self.opened += 1
        if not self._up:
            writer.transport.abort()
            return
        self._lines.add(writer)
        far_writer = None
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._target_port)
            async with asyncio.TaskGroup() as both:
                both.create_task(self._forward(reader, far_writer, self.asked))
                both.create_task(self._forward(far_reader, writer, self.answered))
        except OSError:
            pass  # the server is down: so are we
        finally:
            self._lines.discard(writer)
            for line in (writer, far_writer):
                if line:
                    line.transport.abort()

    async def _forward(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, heard: bytearray) -> None:
        with contextlib.suppress(OSError):
            while data := await source.read(65536):
                heard += data
                await self._speaks.wait()
                sink.write(data)
                await sink.drain()
        sink.close()


AnyLink = TypeVar("AnyLink", bound=Link)


@contextlib.asynccontextmanager
async def link_to(port: int, kind: type[AnyLink] = Link) -> AsyncIterator[AnyLink]:  # type: ignore[assignment]
    """A link that lives as long as the context."""
    link = kind(port)
    tasks: set[asyncio.Task[None]] = set()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(link.serve(reader, writer))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    link.port = server.sockets[0].getsockname()[1]
    try:
        yield link
    finally:
        server.close()
        link.cut()
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.sleep(0)  # aborted transports close in the next turn
