"""One TCP connection to a Modbus endpoint with one or more units behind it: one request at a time.

    Request ──► [lock] ──connect if due──► pymodbus (framing, transaction ids) ──checks──► data bytes or NoAnswer

Nothing late or mismatched ever becomes a value: an answer must carry the transaction, unit, function and length that
were asked for, and after a time-out the connection is made anew. A unit that stays silent while others on the line
answer is asked rarely, so that waiting for it takes at most a tenth of the line's time.
"""

import asyncio
from dataclasses import dataclass
from typing import Any

from pymodbus.client import AsyncModbusTcpClient
from pymodbus.exceptions import ConnectionException, ModbusException
from pymodbus.pdu import ModbusPDU
from pymodbus.pdu.bit_message import ReadCoilsRequest, ReadDiscreteInputsRequest
from pymodbus.pdu.register_message import ReadHoldingRegistersRequest, ReadInputRegistersRequest

from protocols import DeviceUnavailable, ProtocolsError
from protocols.cancelling import cancel_requests, raise_forgotten
from protocols.modbus.point import Table
from protocols.reopening import Reopening
from protocols.sample import Reason, bad
from runtime.clock import Clock

_REOPEN_MOST_S = 5.0
_SILENT_AFTER = 2  # time-outs in a row
_SILENT_SHARE = 9  # seconds for the others, for each second spent waiting for a silent unit

_REQUESTS: dict[Table, Any] = {
    Table.COIL: ReadCoilsRequest,
    Table.DISCRETE: ReadDiscreteInputsRequest,
    Table.HOLDING: ReadHoldingRegistersRequest,
    Table.INPUT: ReadInputRegistersRequest,
}


class _RawAnswer(ModbusPDU):
    """An answer whose data stay bytes: numpy reads them, a Python list of registers would cost more than the rest."""

    payload = b""

    def decode(self, data: bytes) -> None:
        self.payload = data

    def __str__(self) -> str:  # pymodbus writes every answer into a debug text that nobody reads
        return ""


_RAW_ANSWERS: tuple[type[ModbusPDU], ...] = tuple(
    type(f"Raw{table.name.title()}", (_RawAnswer,), {"function_code": table.value}) for table in Table
)


class NoAnswer(ProtocolsError):
    """A request brought no data. `code` is the quality code of all its tags."""

    def __init__(self, code: int, text: str, exception: int | None = None) -> None:
        super().__init__(text)
        self.code = code
        self.exception = exception


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked for: `count` registers or bits of a table of a unit."""

    unit: int
    table: Table
    address: int
    count: int

    @property
    def data_bytes(self) -> int:
        """Length of the data of a right answer."""
        return 2 * self.count if self.table.of_registers else (self.count + 7) // 8


@dataclass(slots=True)
class _Silence:
    """A unit that has not answered lately."""

    timeouts: int = 0
    next_try_s: float = 0.0


class Line:
    """The connection. It opens itself again after a loss, with back-off, as long as it is wanted."""

    def __init__(self, host: str, port: int, timeout_s: float, units: int, clock: Clock) -> None:
        self._host, self._port, self._timeout_s, self._units = host, port, timeout_s, units
        self._lock = asyncio.Lock()
        self._client: AsyncModbusTcpClient | None = None
        self._transactions = 0
        self._asking = False
        self._reopening = Reopening(clock, _REOPEN_MOST_S)
        self._silent: dict[int, _Silence] = {}

    async def open(self) -> None:
        """Connect now unless connected. Raises DeviceUnavailable."""
        self._reopening.now()
        async with self._lock:
            if self._client is None or not self._client.connected:
                try:
                    await self._connect()
                except NoAnswer as error:
                    raise DeviceUnavailable(str(error)) from error

    async def read(self, request: Request) -> bytes:
        """The data bytes of the answer. Raises NoAnswer."""
        async with self._lock:
            self._spare_the_others(request.unit)
            client = self._client
            if client is None or not client.connected:
                client = await self._connect()
            pdu = _REQUESTS[request.table](dev_id=request.unit, address=request.address, count=request.count)
            answer = await self._exchange(client, pdu)
            if self._silent:
                self._heard(request.unit)
            return self._checked(request, pdu, answer)

    async def close(self) -> None:
        """Hang up; reads fail until `open`."""
        self._reopening.wanted = False
        self._hang_up()

    async def _connect(self) -> AsyncModbusTcpClient:
        self._hang_up()
        if not self._reopening.due:
            raise NoAnswer(bad(Reason.DISCONNECTED), f"{self._host}:{self._port} is not connected")
        self._client = client = AsyncModbusTcpClient(
            self._host, port=self._port, timeout=self._timeout_s, retries=0, reconnect_delay=0, trace_connect=self._lost
        )
        for answer in _RAW_ANSWERS:
            client.register(answer)
        cancels, connected = cancel_requests(), False
        try:
            connected = await client.connect()
            raise_forgotten(cancels)
        except asyncio.CancelledError:
            self._hang_up()
            raise
        if not connected:
            self._hang_up()
            self._reopening.failed()
            self._silent.clear()  # it was the line
            raise NoAnswer(
                bad(Reason.DISCONNECTED),
                f"{self._host}:{self._port} does not accept a Modbus TCP connection within {self._timeout_s} s;"
                " check address, port, cabling, and whether the device already serves its only client",
            )
        # pymodbus counts from 1 again: an answer kept by a gateway box from before would carry a number we now wait for
        client.ctx.next_tid = self._transactions
        return client

    def _lost(self, connected: bool) -> None:  # noqa: FBT001
        """Told by pymodbus. It lets a request wait for its time-out after the line is gone; we end it at once."""
        client = self._client
        if not connected and self._asking and client is not None and not client.ctx.response_future.done():
            client.ctx.response_future.set_exception(ConnectionException("connection lost"))

    async def _exchange(self, client: AsyncModbusTcpClient, pdu: ModbusPDU) -> Any:
        cancels, answered = cancel_requests(), False
        self._asking = True
        try:
            answer = await client.execute(False, pdu)  # noqa: FBT003
            raise_forgotten(cancels)
            answered = True
        except ModbusException as error:
            if not client.connected:
                self._reopening.failed()
                raise NoAnswer(bad(Reason.DISCONNECTED), f"{self._host}:{self._port} hung up") from error
            self._unheard(pdu.dev_id)
            raise NoAnswer(bad(Reason.TIMEOUT), f"no answer from unit {pdu.dev_id} in {self._timeout_s} s") from error
        finally:
            self._asking = False
            if not answered:  # a late answer, also one to a cancelled request, must find the line closed
                self._hang_up()
        self._reopening.succeeded()
        return answer

    def _checked(self, request: Request, pdu: ModbusPDU, answer: Any) -> bytes:
        same = answer.transaction_id == pdu.transaction_id and answer.dev_id == pdu.dev_id
        if same and answer.function_code == pdu.function_code:
            payload: bytes = answer.payload
            if payload and payload[0] == len(payload) - 1 == request.data_bytes:
                return payload[1:]
        elif same and answer.function_code == pdu.function_code | 0x80:
            code = min(answer.exception_code, 0xFF - Reason.EXCEPTION_0)
            raise NoAnswer(bad(Reason.EXCEPTION_0 + code), f"exception {code}", code)
        self._hang_up()
        raise NoAnswer(bad(Reason.UNDECODABLE), f"unit {request.unit} answered something else than was asked for")

    def _hang_up(self) -> None:
        if self._client is not None:
            self._transactions = self._client.ctx.next_tid
            self._client.close()
            self._client = None

    def _spare_the_others(self, unit: int) -> None:
        silence = self._silent.get(unit)
        if silence is None or silence.timeouts < _SILENT_AFTER or len(self._silent) == self._units:
            return
        if asyncio.get_running_loop().time() < silence.next_try_s:
            raise NoAnswer(bad(Reason.TIMEOUT), f"unit {unit} has been silent and is not asked yet")

    def _unheard(self, unit: int) -> None:
        silence = self._silent.setdefault(unit, _Silence())
        silence.timeouts += 1
        rest_s = _SILENT_SHARE * self._timeout_s * len(self._silent)
        silence.next_try_s = asyncio.get_running_loop().time() + rest_s

    def _heard(self, unit: int) -> None:
        if self._silent.pop(unit, None):
            for silence in self._silent.values():  # whatever kept this one silent may have ended for all
                silence.next_try_s = 0.0
