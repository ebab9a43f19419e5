"""A road between gateway and broker on which receipts are lost, doubled and overtaken, and everything else passes.

    gateway ◄──► ReceiptRoad ◄──► broker          reads MQTT 3.1.1; acknowledges every receipt to the broker itself

What is passed on is passed on with QoS 0, so that neither end can tell what happened on the way.
"""

import asyncio
import contextlib
import random
import struct
from collections import Counter
from typing import Self

from protocols.broker import BrokerSettings

_PUBLISH, _PUBACK = 3, 0x40
_LATE_S = 1.5


class ReceiptRoad:
    """`share` of the receipts is lost, as many are doubled, as many come late; `fates` counts."""

    def __init__(self, broker: BrokerSettings, share: float, chance: random.Random) -> None:
        self._broker = broker
        self._share = share
        self._chance = chance
        self._late: set[asyncio.Task[None]] = set()
        self._lines: set[asyncio.Task[None]] = set()
        self.fates: Counter[str] = Counter()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for task in (*self._lines, *self._late):
            task.cancel()
        await asyncio.gather(*self._lines, *self._late, return_exceptions=True)

    @property
    def settings(self) -> BrokerSettings:
        """The broker as the gateway sees it."""
        return BrokerSettings(host="127.0.0.1", port=self._server.sockets[0].getsockname()[1])

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        self._lines.add(task)
        try:
            far_reader, far_writer = await asyncio.open_connection(self._broker.host, self._broker.port)
            with contextlib.suppress(OSError, asyncio.IncompleteReadError):
                async with asyncio.TaskGroup() as both:
                    both.create_task(_pass_on(reader, far_writer))
                    both.create_task(self._listen(far_reader, writer, far_writer))
        except* OSError:
            pass
        finally:
            writer.close()
            self._lines.discard(task)

    async def _listen(
        self, broker: asyncio.StreamReader, gateway: asyncio.StreamWriter, back: asyncio.StreamWriter
    ) -> None:
        """Packet by packet."""
        while True:
            head, body = await _packet(broker)
            topic, packet_id, payload = _publish(head, body)
            if not topic.endswith(b"/down/receipt"):
                gateway.write(_framed(head, body))
                continue
            if packet_id:
                back.write(bytes([_PUBACK, 2]) + packet_id)
            self._meet_fate(_framed(_PUBLISH << 4, struct.pack(">H", len(topic)) + topic + payload), gateway)

    def _meet_fate(self, packet: bytes, gateway: asyncio.StreamWriter) -> None:
        draw = self._chance.random() / self._share if self._share else 3.0
        fate = ("lost", "doubled", "late")[int(draw)] if draw < 3 else "passed"
        self.fates[fate] += 1
        if fate == "late":
            task = asyncio.create_task(self._write_late(packet, gateway))
            self._late.add(task)
            task.add_done_callback(self._late.discard)
        elif fate != "lost":
            gateway.write(packet * (2 if fate == "doubled" else 1))

    async def _write_late(self, packet: bytes, gateway: asyncio.StreamWriter) -> None:
        await asyncio.sleep(self._chance.uniform(0, _LATE_S))
        gateway.write(packet)


async def _packet(line: asyncio.StreamReader) -> tuple[int, bytes]:
    head = (await line.readexactly(1))[0]
    size, shift = 0, 0
    while True:
        byte = (await line.readexactly(1))[0]
        size |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return head, await line.readexactly(size)


def _framed(head: int, body: bytes) -> bytes:
    size, length = len(body), bytearray()
    while True:
        size, low = size >> 7, size & 0x7F
        length.append(low | (0x80 if size else 0))
        if not size:
            return bytes([head]) + bytes(length) + body


def _publish(head: int, body: bytes) -> tuple[bytes, bytes, bytes]:
    """Topic, packet id and payload; all empty for other packets."""
    if head >> 4 != _PUBLISH:
        return b"", b"", b""
    end = 2 + int.from_bytes(body[:2], "big")
    id_bytes = 2 if head >> 1 & 3 else 0
    return body[2:end], body[end : end + id_bytes], body[end + id_bytes :]


async def _pass_on(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    while data := await source.read(65536):
        sink.write(data)
        await sink.drain()
    sink.close()
