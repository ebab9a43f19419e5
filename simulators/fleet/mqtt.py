"""An MQTT 3.1.1 connection of a gateway, or of many: QoS 1 out, QoS 1 in, and no book-keeping in between.

    publish, subscribe ──packets──► socket          socket ──data_received──► told(topic, payload), PUBACK

A client library keeps every message until its PUBACK and costs a core from what is measured; here a PUBACK is worth
nothing anyway: only a receipt is. What the broker loses is sent again by its gateway.

Source: MQTT Version 3.1.1, OASIS Standard (2014), chapter 3.
"""

import asyncio
import struct
from collections.abc import Callable, Iterable
from typing import cast

from protocols.broker import BrokerSettings
from simulators import SimulatorsError

KEEP_ALIVE_S = 60
_CONNACK, _PUBLISH, _PUBACK, _PINGREQ, _DISCONNECT = 0x20, 0x30, 0x40, 0xC0, 0xE0
_CONNECT, _PUBLISH_QOS_1, _SUBSCRIBE = 0x10, 0x32, 0x82
_CLEAN_SESSION, _WILL, _WILL_RETAINED_QOS_1 = 0x02, 0x04, 0x28
_FILTERS_IN_PACKET = 200
_NOBODY = -1


class LineLost(SimulatorsError):
    """The broker does not answer, refuses, or has closed the connection; connect again."""


Told = Callable[[str, bytes], None]
Will = tuple[str, bytes]


class Line(asyncio.Protocol):
    """An open connection; made by `connect`. What it publishes may be lost with it."""

    def __init__(self, told: Told, on_lost: Callable[[], None]) -> None:
        self._told = told
        self._on_lost = on_lost
        self._buffer = bytearray()
        self._transport: asyncio.Transport | None = None
        self._number = 0
        self._writable = asyncio.Event()
        self._accepted: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._lost = False

    def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        self._send(_PUBLISH_QOS_1 | retain, _text(topic), self._next_number(), payload)

    def subscribe(self, topics: Iterable[str]) -> None:
        wanted = list(topics)
        for first in range(0, len(wanted), _FILTERS_IN_PACKET):
            filters = b"".join(_text(topic) + b"\x01" for topic in wanted[first : first + _FILTERS_IN_PACKET])
            self._send(_SUBSCRIBE, self._next_number(), filters)

    def ping(self) -> None:
        """Needed once in a while by whoever has nothing to say."""
        self._send(_PINGREQ)

    async def drain(self) -> None:
        """Wait while the socket takes no more.

        Raises:
            LineLost: it never will again.
        """
        await self._writable.wait()
        if self._lost:
            raise LineLost("the broker has closed the connection")

    def close(self) -> None:
        """Say goodbye, so that no will is published."""
        if self._transport and not self._transport.is_closing():
            self._send(_DISCONNECT)
            self._transport.close()

    async def open(self, client_id: str, will: Will | None) -> None:
        """Introduce ourselves; a clean session, since every gateway sends again what is open.

        Raises:
            LineLost: the broker does not want us.
        """
        flags, last_words = _CLEAN_SESSION, b""
        if will:
            flags |= _WILL | _WILL_RETAINED_QOS_1
            last_words = _text(will[0]) + struct.pack(">H", len(will[1])) + will[1]
        head = _text("MQTT") + struct.pack(">BBH", 4, flags, KEEP_ALIVE_S)
        self._send(_CONNECT, head, _text(client_id), last_words)
        if await self._accepted:
            raise LineLost("the broker refuses the connection")

    # What asyncio tells

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._writable.set()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        self._lost = True
        self._writable.set()
        if not self._accepted.done():
            self._accepted.set_result(_NOBODY)
        self._on_lost()

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        at = 0
        while (packet := _packet(self._buffer, at)) is not None:
            begin, end = packet
            self._take(self._buffer[at], memoryview(self._buffer)[begin:end].tobytes())
            at = end
        del self._buffer[:at]

    def _take(self, kind: int, body: bytes) -> None:
        if kind & 0xF0 == _PUBLISH:
            end = 2 + int.from_bytes(body[:2])
            if kind & 0x06:
                self._send(_PUBACK, body[end : end + 2])
            self._told(body[2:end].decode(), body[end + (2 if kind & 0x06 else 0) :])
        elif kind == _CONNACK and not self._accepted.done():
            self._accepted.set_result(body[1])

    def _send(self, kind: int, *parts: bytes) -> None:
        if self._transport and not self._transport.is_closing():
            self._transport.writelines([bytes([kind]), _length(sum(map(len, parts))), *parts])

    def _next_number(self) -> bytes:
        self._number = self._number % 65535 + 1
        return struct.pack(">H", self._number)


async def connect(
    broker: BrokerSettings, client_id: str, told: Told, on_lost: Callable[[], None], will: Will | None = None
) -> Line:
    """A connection that is accepted; `told` hears its messages, `on_lost` its end.

    Raises:
        LineLost: nobody listens, or the broker refuses us.
    """
    loop = asyncio.get_running_loop()
    try:
        _, line = await loop.create_connection(lambda: Line(told, on_lost), broker.host, broker.port)
    except OSError as error:
        raise LineLost(f"{broker.host}:{broker.port} does not answer: {error}") from error
    try:
        await line.open(client_id, will)
    except BaseException:
        line.close()
        raise
    return line


def _packet(buffer: bytearray, at: int) -> tuple[int, int] | None:
    """Where the body of the packet that begins at `at` begins and ends; None while it is not there as a whole."""
    size = shift = 0
    for begin in range(at + 1, min(at + 5, len(buffer))):
        size |= (buffer[begin] & 127) << shift
        shift += 7
        if buffer[begin] < 128:
            end = begin + 1 + size
            return (begin + 1, end) if end <= len(buffer) else None
    return None


def _length(size: int) -> bytes:
    encoded = bytearray()
    while size > 127:
        encoded.append(size & 127 | 128)
        size >>= 7
    encoded.append(size)
    return bytes(encoded)


def _text(text: str) -> bytes:
    return struct.pack(">H", len(text.encode())) + text.encode()
