"""Frames on the wire, and the proof that an answer belongs to its request. Pure: bytes in, bytes out.

    Request ──ask──► bytes to send          bytes that came ──take──► None (more to come), data, or NoAnswer

    MbapFrames (TCP, TLS)   number 2 │ 0 0 │ length 2 │ unit │ function │ bytes │ data …
    RtuFrames                                           unit │ function │ bytes │ data … │ CRC 2

An answer counts when every byte around its data is the one it must be. On TCP the number tells a late answer from the
right one, so the late one is skipped. RTU has no number: whatever is not exactly the answer spoils the exchange, and a
unit that may still owe an answer is first asked for an echo that can be no other; see `protocols.modbus.owed`.
"""

from typing import Protocol

from protocols.modbus.request import Request, refused, unproven

_NUMBER_STEP = 40503  # odd: all 65536 numbers come in turn; and no flipped bit makes one of its neighbours
_MBAP_HEADER = 6
_MBAP_LENGTHS = range(3, 255)  # unit, function and at least one byte; at most a PDU of 253 bytes
_RTU_REFUSAL = 5
_ECHO = b"\x08\0\0"  # diagnostics, return query data
_ECHO_REFUSED = 0x88
_ECHO_SIZE = 8


class Frames(Protocol):
    """One exchange after another on one line. What comes while nothing is asked for is never an answer."""

    silence_s: float
    """How long nothing may follow an answer before it is believed."""

    def begin(self) -> None:
        """The line was opened: nothing that came before counts."""
        ...

    def ask(self, request: Request) -> bytes:
        """The bytes that ask; what comes from now on is compared with this request."""
        ...

    def take(self, data: bytes) -> bytes | None:
        """The data of the answer when it is complete.

        Raises:
            NoAnswer: the device refused, or what came is not the answer to what was asked.
        """
        ...

    def forget(self) -> None:
        """Nobody waits for an answer any more."""
        ...


class MbapFrames:
    """Modbus TCP, plain or inside TLS."""

    silence_s = 0.0

    def __init__(self, number: int) -> None:
        self._number = number
        self._asked: Request | None = None
        self._head = b""
        self._size = 0
        self._buffer = b""

    def begin(self) -> None:
        self._buffer = b""

    def ask(self, request: Request) -> bytes:
        self._asked = request
        self._number = (self._number + _NUMBER_STEP) & 0xFFFF
        number = self._number.to_bytes(2, "big")
        self._head = b"%b\0\0\0%c%b" % (number, request.data_bytes + 3, request.head)
        self._size = len(self._head) + request.data_bytes
        return b"%b\0\0\0\6%c%b" % (number, request.unit, request.pdu)

    def take(self, data: bytes) -> bytes | None:
        if not self._buffer and len(data) == self._size and data.startswith(self._head):  # nearly always
            self.forget()
            return data[_MBAP_HEADER + 3 :]
        self._buffer += data
        while len(self._buffer) >= _MBAP_HEADER:
            length = int.from_bytes(self._buffer[4:6], "big")
            if self._buffer[2:4] != b"\0\0" or length not in _MBAP_LENGTHS:
                raise unproven("what comes is not Modbus TCP")
            if len(self._buffer) < _MBAP_HEADER + length:
                break
            number, frame = self._buffer[:2], self._buffer[_MBAP_HEADER : _MBAP_HEADER + length]
            self._buffer = self._buffer[_MBAP_HEADER + length :]
            if self._asked and number == self._head[:2]:
                return self._data(self._asked, frame)
        return None

    def _data(self, request: Request, frame: bytes) -> bytes:
        self.forget()
        if frame.startswith(request.head) and len(frame) == 3 + request.data_bytes:
            return frame[3:]
        if frame.startswith(request.refusal) and len(frame) == 3:
            raise refused(frame[2])
        raise unproven(f"unit {request.unit} answered something else than was asked for")

    def forget(self) -> None:
        self._asked, self._size = None, 0


class RtuFrames:
    """Modbus RTU on a serial line, or as it is on a serial line but inside TCP."""

    def __init__(self, silence_s: float) -> None:
        self.silence_s = silence_s
        self._asked: Request | None = None
        self._echoes: tuple[bytes, ...] = ()
        self._nonce = 0
        self._buffer = b""

    def begin(self) -> None:
        self.forget()

    def ask(self, request: Request) -> bytes:
        self._asked, self._buffer = request, b""
        return _checked(b"%c%b" % (request.unit, request.pdu))

    def echo(self, unit: int) -> bytes:
        """The bytes that ask for an echo of a number. `take` skips whatever comes before it and then gives the number.

        A unit that does not know the function says so with an exception, for which `take` gives b"": no read is
        refused like that, but it has no number.
        """
        self._nonce = (self._nonce + _NUMBER_STEP) & 0xFFFF
        echo = _checked(b"%c%b%b" % (unit, _ECHO, self._nonce.to_bytes(2, "big")))
        refusals = (_checked(bytes((unit, _ECHO_REFUSED, code))) for code in (1, 2, 3))
        self._echoes, self._buffer = (echo, *refusals), b""
        return echo

    def take(self, data: bytes) -> bytes | None:
        self._buffer += data
        if self._asked:
            return self._data(self._asked)
        if self._buffer.endswith(self._echoes):
            return self._nonce.to_bytes(2, "big") if self._buffer.endswith(self._echoes[0]) else b""
        self._buffer = self._buffer[-_ECHO_SIZE:]
        return None

    def _data(self, request: Request) -> bytes | None:
        came = self._buffer
        size = 5 + request.data_bytes
        if came.startswith(request.refusal):
            size = _RTU_REFUSAL
        elif came[:3] != request.head[: len(came)]:
            raise unproven(f"something else than the answer of unit {request.unit} came")
        if len(came) < size:
            return None
        if len(came) > size or _damaged(came):
            raise unproven(f"the answer of unit {request.unit} came damaged or not alone")
        if size == _RTU_REFUSAL and came.startswith(request.refusal):
            raise refused(came[2])
        return came[3:-2]

    def forget(self) -> None:
        self._asked, self._echoes, self._buffer = None, (), b""


def crc16(data: bytes) -> int:
    """The checksum of RTU; 0 over a frame that ends with its own, low byte first."""
    crc = 0xFFFF
    for byte in data:
        crc = crc >> 8 ^ _CRC[(crc ^ byte) & 0xFF]
    return crc


def _crc_of_byte(byte: int) -> int:
    for _ in range(8):
        byte = byte >> 1 ^ (0xA001 if byte & 1 else 0)
    return byte


_CRC = tuple(_crc_of_byte(byte) for byte in range(256))


def _checked(frame: bytes) -> bytes:
    return frame + crc16(frame).to_bytes(2, "little")


def _damaged(frame: bytes) -> bool:
    return crc16(frame) != 0
