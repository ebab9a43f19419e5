"""What one MQTT connection of an edge node looked like on the wire, and a tap that records it.

    edge node ──► Tap (a TCP proxy that reads along) ──► broker

A subscriber sees neither a CONNECT nor the retain flag of what is published; the tap does. It shares no code with what
it looks at but protobuf's own decoder.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field

from protocols.sparkplug.sparkplug_b_pb2 import Payload

_CONNECT, _PUBLISH, _SUBSCRIBE, _DISCONNECT = 1, 3, 8, 14


@dataclass
class Said:
    """One PUBLISH. `inbound`: from the broker to the edge node."""

    topic: str
    payload: bytes
    qos: int
    retain: bool
    at_ms: int
    inbound: bool = False

    def __post_init__(self) -> None:
        parts = self.topic.split("/")
        self.verb = parts[2] if len(parts) > 3 else parts[1]
        self.device = parts[4] if len(parts) > 4 else None
        self.told = Payload() if self.verb == "STATE" else Payload.FromString(self.payload)


@dataclass
class Connect:
    """The CONNECT packet."""

    level: int
    clean: bool
    client_id: str
    will: Said | None
    properties: bytes = b""


@dataclass
class Session:
    """One connection: its CONNECT, its subscriptions, and everything else in order."""

    connect: Connect
    subscribed: list[tuple[str, int, int]] = field(default_factory=list)  # filter, qos, after how many messages
    log: list[Said] = field(default_factory=list)
    disconnected: bool = False
    closed: bool = False

    @property
    def sent(self) -> list[Said]:
        return [said for said in self.log if not said.inbound]

    def of(self, *verbs: str) -> list[Said]:
        return [said for said in self.sent if said.verb in verbs]


class _Reader:
    """Fields of an MQTT packet, from the front."""

    def __init__(self, data: bytes) -> None:
        self._data, self._at = data, 0

    def take(self, n: int) -> bytes:
        self._at += n
        return self._data[self._at - n : self._at]

    def number(self, n: int = 2) -> int:
        return int.from_bytes(self.take(n), "big")

    def block(self) -> bytes:
        return self.take(self.number())

    def properties(self, level: int) -> bytes:
        """What MQTT 5 has in this place; nothing before."""
        if level < 5:
            return b""
        size = shift = 0
        while (byte := self.number(1)) >= 0x80:
            size |= (byte & 0x7F) << shift
            shift += 7
        return self.take(size | byte << shift)

    def rest(self) -> bytes:
        return self.take(len(self._data) - self._at)


def _packets(buffer: bytearray) -> Iterator[tuple[int, int, _Reader]]:
    """Whole packets off the front of the buffer: kind, flags, body."""
    while True:
        size = shift = 0
        for at in range(1, len(buffer)):
            size |= (buffer[at] & 0x7F) << shift
            shift += 7
            if buffer[at] < 0x80:
                break
        else:
            return
        if len(buffer) < at + 1 + size:
            return
        yield buffer[0] >> 4, buffer[0] & 15, _Reader(bytes(buffer[at + 1 : at + 1 + size]))
        del buffer[: at + 1 + size]


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def _connect(body: _Reader) -> Connect:
    body.block()
    level, flags = body.number(1), body.number(1)
    body.number()
    properties = body.properties(level)
    client_id = body.block().decode()
    will = None
    if flags & 4:
        body.properties(level)
        topic = body.block().decode()
        will = Said(topic, body.block(), flags >> 3 & 3, bool(flags & 32), _now_ms())
    return Connect(level, bool(flags & 2), client_id, will, properties)


def _published(flags: int, body: _Reader, level: int, *, inbound: bool) -> Said:
    topic, qos = body.block().decode(), flags >> 1 & 3
    if qos:
        body.number()
    body.properties(level)
    return Said(topic, body.rest(), qos, bool(flags & 1), _now_ms(), inbound)


@dataclass
class Tap:
    """Listens on `port`, passes everything on to `to_port`; `sessions` of clients with a will of Sparkplug."""

    to_port: int
    port: int = 0
    sessions: list[Session] = field(default_factory=list)
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    _lines: set[asyncio.StreamWriter] = field(default_factory=set)
    _server: asyncio.Server | None = None

    async def listen(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    def deaf(self) -> None:
        """Nobody gets through until it listens again."""
        if self._server:
            self._server.close()
        for line in self._lines:
            line.close()
        self._lines.clear()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        session: list[Session] = []
        self._lines.add(writer)
        try:
            try:
                up_reader, up_writer = await asyncio.open_connection("127.0.0.1", self.to_port)
            except OSError:
                await self._hear_out(reader, session)
                return
            self._lines.add(up_writer)
            passing = [
                asyncio.create_task(self._pass(*way, session, inbound=inbound))
                for inbound, way in ((False, (reader, up_writer)), (True, (up_reader, writer)))
            ]
            try:
                await asyncio.wait(passing, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for task in passing:
                    task.cancel()
                up_writer.close()
        finally:
            writer.close()
            for found in session:
                found.closed = True
            self.changed.set()

    async def _hear_out(self, reader: asyncio.StreamReader, session: list[Session]) -> None:
        """The broker is not there; a CONNECT is one all the same."""
        with contextlib.suppress(TimeoutError, OSError):
            async with asyncio.timeout(1):
                for kind, flags, body in _packets(bytearray(await reader.read(1 << 16))):
                    self._note(kind, flags, body, session, inbound=False)

    async def _pass(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, session: list[Session], *, inbound: bool
    ) -> None:
        buffer = bytearray()
        with contextlib.suppress(OSError):
            while data := await reader.read(1 << 16):
                buffer += data
                for kind, flags, body in _packets(buffer):
                    self._note(kind, flags, body, session, inbound=inbound)
                writer.write(data)
                await writer.drain()

    def _note(self, kind: int, flags: int, body: _Reader, session: list[Session], *, inbound: bool) -> None:
        if kind == _CONNECT:
            told = _connect(body)
            if told.will and told.will.topic.startswith("spBv1.0/"):
                session.append(Session(told))
                self.sessions.append(session[0])
        elif session and kind == _PUBLISH:
            session[0].log.append(_published(flags, body, session[0].connect.level, inbound=inbound))
        elif session and kind == _SUBSCRIBE and not inbound:
            body.number()
            body.properties(session[0].connect.level)
            while topic := body.take(2):
                name = body.take(int.from_bytes(topic, "big")).decode()
                session[0].subscribed.append((name, body.number(1), len(session[0].sent)))
        elif session and kind == _DISCONNECT:
            session[0].disconnected = True
        self.changed.set()

    async def until(self, condition: Callable[[], object], within_s: float = 20.0) -> None:
        """Wait for something to pass by."""
        async with asyncio.timeout(within_s):
            while not condition():
                self.changed.clear()
                await self.changed.wait()

    def sent(self, *verbs: str) -> list[Said]:
        """Over all sessions."""
        return [said for session in self.sessions for said in session.of(*verbs)]


@contextlib.asynccontextmanager
async def tapped(to_port: int) -> AsyncIterator[Tap]:
    """A tap before a broker for as long as the context is open."""
    tap = Tap(to_port)
    await tap.listen()
    try:
        yield tap
    finally:
        tap.deaf()
        await asyncio.sleep(0)
