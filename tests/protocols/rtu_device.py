"""An RTU device inside TCP whose answers a test holds back or spoils. Register 0 tells which question it answers."""

import asyncio
import contextlib
import struct
from collections.abc import AsyncIterator, Awaitable, Callable

from protocols.modbus.frames import crc16


def checked(body: bytes) -> bytes:
    return body + crc16(body).to_bytes(2, "little")


class RtuDevice:
    """`late_s` holds the answer to each read back; answers go out in the order of the questions."""

    def __init__(self) -> None:
        self.port = 0
        self.echoes = True
        self.silent = False
        self.doubled = False
        self.late_s = 0.0
        self.reads = self.asked_echoes = 0

    async def serve(self, reader: asyncio.StreamReader, send: Callable[[bytes], Awaitable[None]]) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            while True:
                question = await reader.readexactly(8)
                assert crc16(question) == 0
                unit, function, _, count = struct.unpack_from(">BBHH", question)
                if function == 8:
                    self.asked_echoes += 1
                    if self.echoes:
                        await send(question)
                    continue
                self.reads += 1
                right = struct.pack(f">BBB{count}H", unit, function, 2 * count, self.reads, *range(1, count))
                if self.silent:
                    continue
                await asyncio.sleep(self.late_s)
                await send(checked(right) * (2 if self.doubled else 1))


@contextlib.asynccontextmanager
async def rtu_device() -> AsyncIterator[RtuDevice]:
    """A device on a free port. Like a serial converter, it sends a late answer to whoever is connected by then."""
    device = RtuDevice()
    questions = asyncio.StreamReader()
    writers: list[asyncio.StreamWriter] = []
    tasks: set[asyncio.Task[None]] = set()

    async def send(data: bytes) -> None:
        if writers:
            writers[-1].write(data)

    async def forward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        with contextlib.suppress(OSError):
            while data := await reader.read(1000):
                questions.feed_data(data)
        writers.remove(writer)
        writer.transport.abort()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tasks.add(asyncio.create_task(forward(reader, writer)))

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    device.port = server.sockets[0].getsockname()[1]
    tasks.add(asyncio.create_task(device.serve(questions, send)))
    try:
        yield device
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for writer in writers:
            writer.transport.abort()
        await asyncio.sleep(0)
