"""A Modbus TCP server that answers late, short, twice, or something else than it was asked.

Register 0 of every right answer is the number of the request, so a value that belongs to another request is seen.
"""

import asyncio
import contextlib
import random
import struct
from collections import Counter
from collections.abc import AsyncIterator, Callable

LATE_S = 0.08


def frame(tid: int, unit: int, function: int, data: bytes, protocol: int = 0, extra: int = 0) -> bytes:
    return struct.pack(">HHHBB", tid, protocol, len(data) + 2 + extra, unit, function) + data


def registers(*values: int) -> bytes:
    return struct.pack(f">B{len(values)}H", 2 * len(values), *values)


class EvilServer:
    """`behave` names what happens to each request; see `_answers`."""

    def __init__(self, behave: Callable[[], str]) -> None:
        self.port = 0
        self.requests = 0
        self.done: Counter[str] = Counter()
        self._behave = behave
        self._last = b""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                tid, _, _, unit, function, address, count = struct.unpack(">HHHBBHH", await reader.readexactly(12))
                self.requests += 1
                what = self._behave()
                self.done[what] += 1
                right = registers(self.requests % 65536, *range(address + 1, address + count))
                for delay_s, data in self._answers(what, tid, unit, function, right):
                    await asyncio.sleep(delay_s)
                    writer.write(data)
                self._last = frame(tid, unit, function, right)
                if what == "hangs up":
                    break
        except (OSError, asyncio.IncompleteReadError):
            pass  # the driver hung up
        finally:
            writer.transport.abort()

    def _answers(self, what: str, tid: int, unit: int, function: int, right: bytes) -> list[tuple[float, bytes]]:
        good, n = frame(tid, unit, function, right), len(right)
        short = registers(*struct.unpack(f">{n // 2}H", right[1:])[:-1])
        return {
            "right": [(0, good)],
            "right in pieces": [(0, good[:5]), (0.001, good[5:11]), (0.001, good[11:])],
            "late": [(LATE_S, good)],
            "late without number": [(LATE_S, frame(0, unit, function, right))],
            "twice": [(0, good + good)],
            "twice without number": [(0, good), (0, frame(0, unit, function, right))],
            "the last one again": [(0, self._last)],
            "the last one first": [(0, self._last + good)],
            "another number": [(0, frame(tid + 1, unit, function, right))],
            "no number": [(0, frame(0, unit, function, right))],
            "another unit": [(0, frame(tid, unit + 1, function, right))],
            "another function": [(0, frame(tid, unit, 4, right))],
            "unknown function": [(0, frame(tid, unit, 0x55, right))],
            "another protocol": [(0, frame(tid, unit, function, right, protocol=7))],
            "one register less": [(0, frame(tid, unit, function, short))],
            "one register more": [(0, frame(tid, unit, function, bytes([n + 1]) + right[1:] + b"\0\0"))],
            "count too small": [(0, frame(tid, unit, function, bytes([n - 3]) + right[1:]))],
            "count too large": [(0, frame(tid, unit, function, bytes([n + 9]) + right[1:]))],
            "odd length": [(0, frame(tid, unit, function, bytes([n - 2]) + right[1:-1]))],
            "nothing in it": [(0, frame(tid, unit, function, b""))],
            "exception": [(0, frame(tid, unit, function | 0x80, b"\x06"))],
            "exception of another": [(0, frame(tid + 1, unit, function | 0x80, b"\x02"))],
            "promises more": [(0, frame(tid, unit, function, right, extra=6))],
            "garbage": [(0, random.Random(tid).randbytes(40))],
            "garbage first": [(0, b"\xde\xad\xbe\xef" + good)],
            "half": [(0, good[: len(good) // 2])],
            "silent": [],
            "hangs up": [(0, good[:-1])],
        }[what]


BEHAVIOURS = (
    "right", "right in pieces", "late", "late without number", "twice", "twice without number", "the last one again",
    "the last one first", "another number", "no number", "another unit", "another function", "unknown function",
    "another protocol", "one register less", "one register more", "count too small", "count too large", "odd length",
    "nothing in it", "exception", "exception of another", "promises more", "garbage", "garbage first", "half", "silent",
    "hangs up",
)  # fmt: skip


@contextlib.asynccontextmanager
async def evil_server(behave: Callable[[], str]) -> AsyncIterator[EvilServer]:
    """An evil server on a free port."""
    evil = EvilServer(behave)
    tasks: set[asyncio.Task[None]] = set()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(evil.serve(reader, writer))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    evil.port = server.sockets[0].getsockname()[1]
    try:
        yield evil
    finally:
        server.close()
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.sleep(0)
