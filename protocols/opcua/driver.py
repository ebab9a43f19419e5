"""Reads and subscribes to all OPC UA devices of one server, through one session.

polled tags ──plan──► OpcuaReads ──read──► Columns          subscribed tags ──Feed──► Columns
"""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass

import numpy as np
import structlog
from asyncua import ua

from protocols import BadPointTable, DeviceUnavailable
from protocols.device import NumberedDevice
from protocols.driver import ReadOp
from protocols.opcua.data_values import empty
from protocols.opcua.feed import Feed
from protocols.opcua.points import Points, Slots
from protocols.opcua.quality import refusal_of
from protocols.opcua.seat import Seat
from protocols.opcua.session import FAILURES, Session, open_session, split_node
from protocols.opcua.settings import OpcuaDevice, OpcuaTag
from protocols.opcua.stamps import Stamps, doubt_timeless
from protocols.opcua.values import columns, fit
from protocols.reopening import Reopening
from protocols.sample import GOOD, Columns, Reason, bad
from runtime.clock import Clock, SystemClock

log = structlog.get_logger()

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


@dataclass(frozen=True, eq=False, slots=True)
class OpcuaRead:
    """Nodes that are read together; the session splits them as the server wants."""

    slots: Slots
    nodes: tuple[str, ...]

    @property
    def tag_count(self) -> int:
        return len(self.nodes)


class OpcuaDriver:
    """Driver of one server; see protocols.driver.Driver. One subscription at a time."""

    def __init__(self, devices: Sequence[NumberedDevice[OpcuaDevice]], clock: Clock | None = None) -> None:
        self._clock = clock or SystemClock()
        self._settings = devices[0].device.opcua
        tags: dict[int, OpcuaTag] = {}
        for numbered in devices:
            if numbered.device.opcua != self._settings:
                raise BadPointTable(
                    f"devices {devices[0].device.name} and {numbered.device.name} share {self._settings.url} and so one"
                    " session: make their [devices.opcua] sections equal"
                )
            for alias, tag in zip(numbered.aliases, numbered.device.tags, strict=True):
                split_node(tag.node)
                tags[alias] = tag
        self._points = Points(tags, self._settings.max_text_bytes)
        self._stamps = Stamps(len(tags), self._settings.timestamp)
        self._seat = Seat()
        self._session: Session | None = None
        self._feed: Feed | None = None
        self._opening = asyncio.Lock()
        self._reopening = Reopening(self._clock, _REOPEN_MOST_S)
        self._last_good_ns = 0
        self.overruns = 0  # how often the server lost values before it could send them

    async def open(self) -> None:
        self._reopening.now()
        await self._connected()

    def plan(self, aliases: Sequence[int]) -> Sequence[OpcuaRead]:
        """One operation for all, except for very many."""
        slots = self._points.slots(aliases)
        parts = [slots[i : i + _OP_TAGS_MOST] for i in range(0, len(slots), _OP_TAGS_MOST)]
        return [OpcuaRead(part, tuple(self._points.tags[slot].node for slot in part)) for part in parts]

    async def read(self, op: ReadOp) -> Columns:
        assert isinstance(op, OpcuaRead)
        try:
            session = await self._connected()
        except DeviceUnavailable:
            return self._failed(op, bad(Reason.DISCONNECTED))
        try:
            values = await session.read(op.nodes)
        except FAILURES as error:
            return self._failed(op, await self._blame(session, error))
        code = fit(self._points, op.slots, values)
        doubt_timeless(values, code)
        now_ns = np.full(len(op.slots), self._clock.now_ns(), np.int64)
        return self._noted(columns(self._points, op.slots, values, now_ns, code))

    async def subscribe(self, aliases: Sequence[int]) -> AsyncGenerator[Columns, None]:
        """See Driver.subscribe. Raises DeviceUnavailable also while another subscription runs."""
        if not aliases:
            return
        session = self._session
        if session is None or not session.alive or self._feed:
            raise DeviceUnavailable(f"{self._settings.url} is not connected, or has a subscription already")
        slots = self._points.slots(aliases)
        feed = self._feed = Feed(session, self._settings, self._points, self._stamps, slots, self._clock)
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
            self._feed = None
            self.overruns += feed.overruns
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
                self._session = await open_session(self._settings, self._seat, self._clock)
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
            return refusal_of(status)
        await self._drop(session)
        return bad(Reason.DISCONNECTED if status or isinstance(error, OSError) else Reason.UNDECODABLE)

    def _failed(self, op: OpcuaRead, code: int) -> Columns:
        n = len(op.slots)
        now_ns = np.full(n, self._clock.now_ns(), np.int64)
        return columns(self._points, op.slots, empty(n), now_ns, np.full(n, code, np.uint16))

    def _noted(self, found: Columns) -> Columns:
        if any((column.code == GOOD).any() for column in found):
            self._last_good_ns = self._clock.monotonic_ns()
        for tag, text in self._points.take_notices():
            log.warning("a tag is not as it could be", tag=tag.tag, node=tag.node, cause=text)
        return found
