"""One line to a Modbus endpoint with one or more units behind it: one question at a time.

    Request ──► [lock] ──connect if due──► is the unit silent? owes it an answer? ──► connection ──► data or NoAnswer

Nothing late or mismatched ever becomes a value: `frames` proves each answer, a connection in doubt is hung up, and a
unit whose old answer might still come on a line without numbers is first asked for an echo. A unit that stays silent
while others answer is asked rarely.
"""

import asyncio
from collections.abc import Mapping

from protocols import DeviceUnavailable
from protocols.modbus.connection import Connection
from protocols.modbus.frames import RtuFrames
from protocols.modbus.line_settings import LineSettings
from protocols.modbus.owed import OwedAnswers
from protocols.modbus.request import NoAnswer, Request, unproven
from protocols.modbus.silence import SilentUnits
from protocols.modbus.wire import wire_of
from protocols.reopening import Reopening
from protocols.sample import Reason, bad
from runtime.clock import Clock

_REOPEN_MOST_S = 3.0
_TIMEOUT = bad(Reason.TIMEOUT)
_DISCONNECTED = bad(Reason.DISCONNECTED)
_GATEWAY_EXCEPTIONS = (10, 11)  # a gateway box says that the unit behind it is silent
_FRAME_BYTES = 16  # around the data, question and answer together


class Line:
    """The line. It opens itself again after a loss, with back-off, as long as it is wanted."""

    def __init__(self, settings: LineSettings, timeouts_s: Mapping[int, float], clock: Clock) -> None:
        """`timeouts_s`: for each unit on the line, how long it may think about its answer."""
        self._wire, self._timeouts_s = wire_of(settings), timeouts_s
        self._frames = self._wire.frames()
        self._pause_s = max(settings.pause_s, self._frames.silence_s)
        self._idle_s = settings.hang_up_idle_s
        self._idle: asyncio.TimerHandle | None = None
        self._lock = asyncio.Lock()
        self._connection: Connection | None = None
        self._reopening = Reopening(clock, _REOPEN_MOST_S)
        self._silent = SilentUnits(len(timeouts_s))
        self._owed = OwedAnswers()
        self.connected = 0
        """How often it was connected; after another time there may be another device."""

    async def open(self) -> None:
        """Connect now unless connected. Raises DeviceUnavailable."""
        self._reopening.now()
        async with self._lock:
            try:
                await self._opened()
            except NoAnswer as error:
                raise DeviceUnavailable(str(error)) from error

    async def read(self, request: Request) -> bytes:
        """The data bytes of the answer. Raises NoAnswer."""
        async with self._lock:
            self._silent.check(request.unit)
            try:
                return await self._read(await self._opened(), request)
            finally:
                if self._idle_s:
                    self._idle = asyncio.get_running_loop().call_later(self._idle_s, self._hang_up)

    async def close(self) -> None:
        """Hang up; reads fail until `open`."""
        self._reopening.wanted = False
        self._hang_up()

    def _hang_up(self) -> None:
        if self._connection is not None:
            self._connection.hang_up()
            self._connection = None

    async def _opened(self) -> Connection:
        if self._idle is not None:
            self._idle.cancel()
        if self._connection is None or not self._connection.is_open:
            self._connection = await self._connect()
            self.connected += 1
        return self._connection

    async def _connect(self) -> Connection:
        if not self._reopening.due:
            raise NoAnswer(_DISCONNECTED, f"{self._wire.name} is not connected")
        connection, connected = Connection(self._frames), False
        try:
            async with asyncio.timeout(max(self._timeouts_s.values())):
                await self._wire.connect(connection)
            connected = True
        except (OSError, UnicodeError) as error:  # a TimeoutError is an OSError
            self._reopening.failed()
            self._silent.forget()
            why = f"{self._wire.name} cannot be opened: {str(error) or 'nobody answers'}; {self._wire.way_out}"
            raise NoAnswer(_DISCONNECTED, why) from error
        finally:
            if not connected:
                connection.hang_up()
        return connection

    async def _read(self, connection: Connection, request: Request) -> bytes:
        unit = request.unit
        if self._pause_s:
            await self._quiet(connection)
        timeout_s = self._timeouts_s[unit] + self._wire.character_s * (_FRAME_BYTES + request.data_bytes)
        if isinstance(self._frames, RtuFrames):
            return await self._read_unnumbered(self._frames, connection, request, timeout_s)
        return await self._exchange(connection, unit, self._frames.ask(request), timeout_s)

    async def _read_unnumbered(
        self, frames: RtuFrames, connection: Connection, request: Request, timeout_s: float
    ) -> bytes:
        unit = request.unit
        await self._settle(frames, connection, unit)
        self._owed.add(unit, timeout_s)
        try:
            data = await self._exchange(connection, unit, frames.ask(request), timeout_s)
        except NoAnswer as error:
            if error.exception is not None:
                self._owed.answered(unit)
            raise
        self._owed.answered(unit)
        return data

    async def _quiet(self, connection: Connection) -> None:
        """Wait until nothing has come for a while; what comes meanwhile is nobody's answer."""
        clock = asyncio.get_running_loop().time
        give_up_s = clock() + self._pause_s + max(self._timeouts_s.values())
        while (rest_s := connection.heard_s + self._pause_s - clock()) > 0:
            if clock() > give_up_s:
                raise unproven(f"somebody else speaks on {self._wire.name} all the time")
            await asyncio.sleep(rest_s)

    async def _settle(self, frames: RtuFrames, connection: Connection, unit: int) -> None:
        if not self._owed.owes(unit):
            return
        owing = NoAnswer(_TIMEOUT, f"unit {unit} may still send the answer to an earlier question")
        if not self._owed.ask_for_echo(unit):
            raise owing
        if await self._exchange(connection, unit, frames.echo(unit), self._timeouts_s[unit]):
            self._owed.echoed(unit)
        elif not self._owed.refused_echo(unit):
            raise owing

    async def _exchange(self, connection: Connection, unit: int, question: bytes, timeout_s: float) -> bytes:
        proven, clock = False, asyncio.get_running_loop().time
        begun_s = clock()
        try:
            data = await connection.exchange(question, unit, timeout_s)
            proven = True
        except NoAnswer as error:
            proven = error.exception is not None
            self._learn(unit, error, clock() - begun_s)
            raise
        finally:
            if not proven and self._wire.hung_up_in_doubt:  # an answer that comes too late finds nobody
                self._hang_up()
        self._reopening.succeeded()
        self._silent.heard(unit)
        return data

    def _learn(self, unit: int, failure: NoAnswer, waited_s: float) -> None:
        if failure.code == _DISCONNECTED:
            self._reopening.failed()
            return
        if failure.code == _TIMEOUT or failure.exception in _GATEWAY_EXCEPTIONS:
            self._silent.unheard(unit, waited_s, failure)
        elif failure.exception is not None:
            self._silent.heard(unit)
            self._reopening.succeeded()
