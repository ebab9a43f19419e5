"""Reads and subscribes to all OPC UA devices of one server, through one session.

polled tags ──plan──► OpcuaReads ──read──► Columns          subscribed tags ──Feed──► Columns
"""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass

from asyncua import ua

from protocols import BadPointTable, DeviceUnavailable
from protocols.device import NumberedDevice
from protocols.driver import ReadOp
from protocols.opcua.feed import Feed
from protocols.opcua.quality import code_of
from protocols.opcua.session import FAILURES, Session, open_session, split_node
from protocols.opcua.settings import OpcuaDevice, OpcuaTag
from protocols.opcua.values import Collector, fitted
from protocols.reopening import Reopening
from protocols.sample import GOOD, Columns, Reason, bad
from runtime.clock import Clock, SystemClock

_OP_TAGS_MOST = 5000
_REOPEN_MOST_S = 5.0
_SESSION_GONE = frozenset(
    {
        ua.StatusCodes.BadSessionIdInvalid,
        ua.StatusCodes.BadSessionClosed,
        ua.StatusCodes.BadSessionNotActivated,
        ua.StatusCodes.BadSecureChannelIdInvalid,
        ua.StatusCodes.BadSecureChannelClosed,
        ua.StatusCodes.BadConnectionClosed,
        ua.StatusCodes.BadServerHalted,
        ua.StatusCodes.BadShutdown,
    }
)

_NO_NAMESPACE = ua.DataValue(None, ua.StatusCode(ua.StatusCodes.BadNodeIdUnknown))


@dataclass(frozen=True, eq=False, slots=True)
class OpcuaRead:
    """Nodes that are read together; the session splits them as the server wants."""

    tags: tuple[tuple[int, OpcuaTag], ...]

    @property
    def tag_count(self) -> int:
        return len(self.tags)


class OpcuaDriver:
    """Driver of one server; see protocols.driver.Driver."""

    def __init__(self, devices: Sequence[NumberedDevice[OpcuaDevice]], clock: Clock | None = None) -> None:
        self._clock = clock or SystemClock()
        self._settings = devices[0].device.opcua
        self._tags: dict[int, OpcuaTag] = {}
        for numbered in devices:
            if numbered.device.opcua != self._settings:
                raise BadPointTable(
                    f"devices {devices[0].device.name} and {numbered.device.name} share {self._settings.url} and so one"
                    " session: make their [devices.opcua] sections equal"
                )
            for alias, tag in zip(numbered.aliases, numbered.device.tags, strict=True):
                split_node(tag.node)
                self._tags[alias] = tag
        self._session: Session | None = None
        self._opening = asyncio.Lock()
        self._reopening = Reopening(self._clock, _REOPEN_MOST_S)
        self._told_ns: dict[int, int] = {}
        self._last_good_ns = 0

    async def open(self) -> None:
        self._reopening.now()
        await self._connected()

    def plan(self, aliases: Sequence[int]) -> Sequence[OpcuaRead]:
        """One operation for all, except for very many."""
        pairs = [(alias, self._tags[alias]) for alias in aliases]
        return [OpcuaRead(tuple(pairs[i : i + _OP_TAGS_MOST])) for i in range(0, len(pairs), _OP_TAGS_MOST)]

    async def read(self, op: ReadOp) -> Columns:
        assert isinstance(op, OpcuaRead)
        try:
            session = await self._connected()
        except DeviceUnavailable:
            return self._failed(op, bad(Reason.DISCONNECTED))
        wanted = [session.value_of(tag.node) for _, tag in op.tags]
        try:
            values = iter(await session.read([value for value in wanted if value is not None]))
        except FAILURES as error:
            return self._failed(op, await self._blame(session, error))
        now_ns = self._clock.now_ns()
        collector = Collector()
        for (alias, tag), asked in zip(op.tags, wanted, strict=True):
            data = next(values) if asked is not None else _NO_NAMESPACE
            raw = data.Value.Value if data.Value is not None else None
            value, code = fitted(tag.kind, raw, data.StatusCode.value if data.StatusCode is not None else 0)
            collector.add(tag.kind, alias, now_ns, value, code)
        return self._noted(collector.columns())

    async def subscribe(self, aliases: Sequence[int]) -> AsyncGenerator[Columns, None]:
        """See Driver.subscribe."""
        if not aliases:
            return
        session = self._session
        if session is None or not session.alive:
            raise DeviceUnavailable(f"{self._settings.url} is not connected")
        feed = Feed(
            session, self._settings, {alias: self._tags[alias] for alias in aliases}, self._clock, self._told_ns
        )
        lost = False
        try:
            if refused := await feed.open():
                yield refused
            while True:
                yield self._noted(await feed.next())
        except DeviceUnavailable:
            lost = True
            yield feed.farewell()
            raise
        finally:
            await (self._drop(session) if lost else feed.close())

    def last_good_monotonic_ns(self) -> int:
        return self._last_good_ns

    async def close(self) -> None:
        self._reopening.wanted = False
        async with self._opening:
            if self._session:
                await self._drop(self._session)

    async def _connected(self) -> Session:
        """The session, made anew when it is lost and due. Raises DeviceUnavailable."""
        session = self._session
        if session is not None and session.alive:
            return session
        async with self._opening:
            if self._session is not None and self._session.alive:
                return self._session
            if self._session is not None:
                await self._drop(self._session)
            if not self._reopening.due:
                raise DeviceUnavailable(f"{self._settings.url} is not connected")
            try:
                self._session = await open_session(self._settings)
            except DeviceUnavailable:
                self._reopening.failed()
                raise
            self._reopening.succeeded()
            return self._session

    async def _drop(self, session: Session) -> None:
        if self._session is session:
            self._session = None
        await session.close()

    async def _blame(self, session: Session, error: BaseException) -> int:
        """The quality code of a failed read; a session that is beyond use is dropped."""
        if isinstance(error, TimeoutError):
            return bad(Reason.TIMEOUT)
        status = error.code if isinstance(error, ua.UaStatusCodeError) else 0
        if status and status not in _SESSION_GONE:
            return code_of(status)
        await self._drop(session)
        return bad(Reason.DISCONNECTED if status or isinstance(error, OSError) else Reason.UNDECODABLE)

    def _failed(self, op: OpcuaRead, code: int) -> Columns:
        collector, now_ns = Collector(), self._clock.now_ns()
        for alias, tag in op.tags:
            value, _ = fitted(tag.kind, None, 0)
            collector.add(tag.kind, alias, now_ns, value, code)
        return collector.columns()

    def _noted(self, columns: Columns) -> Columns:
        if any((column.code == GOOD).any() for column in columns):
            self._last_good_ns = self._clock.monotonic_ns()
        return columns
