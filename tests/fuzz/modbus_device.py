"""A simulated device whose every value tells the question it answers, and a hand that spoils its answers.

question ──► what the registers hold for it ──► right answer ──mutation──► pieces, each at its time
"""

import asyncio
import struct
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from random import Random

import numpy as np
from numpy.typing import NDArray

from protocols.modbus.frames import crc16
from tests.fuzz.virtual_time import Memory

DEAF_UNIT = 2  # ignores function 8
Pieces = list[tuple[float, bytes]]  # seconds after the one before, bytes
Registers = NDArray[np.int64]


class Framing:
    """How a PDU goes over the line (Modbus TCP), and what of its frame may be damaged so that somebody can notice."""

    numbered = True

    def wrap(self, number: int, unit: int, pdu: bytes) -> bytes:
        return struct.pack(">HHHB", number, 0, len(pdu) + 1, unit) + pdu

    def unwrap(self, frame: bytes) -> tuple[int, int, bytes]:
        number, _, _, unit = struct.unpack_from(">HHHB", frame)
        return number, unit, frame[7:]

    def damageable(self, frame: bytes) -> int:
        """Of the first so many bytes. TCP has no checksum of its own: behind them stands the data."""
        return 9

    def broken_off(self, sent: bytes) -> bool:
        """Whether what would be sent next would be taken for a part of this."""
        while len(sent) >= 6 and len(sent) >= 6 + int.from_bytes(sent[4:6], "big"):
            sent = sent[6 + int.from_bytes(sent[4:6], "big") :]
        return bool(sent)

    def right_by_chance(self, came: bytes, right: bytes) -> bool:
        """Whether damage looks like a right answer: the checksum does not show it."""
        return False


class RtuFraming(Framing):
    numbered = False

    def wrap(self, number: int, unit: int, pdu: bytes) -> bytes:
        frame = bytes([unit]) + pdu
        return frame + crc16(frame).to_bytes(2, "little")

    def unwrap(self, frame: bytes) -> tuple[int, int, bytes]:
        if crc16(frame):
            raise RuntimeError("the driver asked with a wrong checksum")
        return 0, frame[0], frame[1:-2]

    def damageable(self, frame: bytes) -> int:
        return len(frame)

    def broken_off(self, sent: bytes) -> bool:
        return False  # silence ends it

    def right_by_chance(self, came: bytes, right: bytes) -> bool:
        return came[:3] == right[:3] and len(came) == len(right) and not crc16(came)


class Answer:
    """The right answer to one question, and how far it went."""

    def __init__(self, framing: Framing, number: int, unit: int, pdu: bytes) -> None:
        self.framing, self.number, self.unit, self.pdu = framing, number, unit, pdu
        self.frame = framing.wrap(number, unit, pdu)
        self.line: Memory | None = None
        self.sent = b""
        self.pieces_left = 0
        self.dropped = False

    def but(self, *, number: int | None = None, unit: int | None = None, pdu: bytes | None = None) -> bytes:
        """The frame with something else in it, and the checksum right."""
        return self.framing.wrap(
            self.number if number is None else number,
            self.unit if unit is None else unit,
            self.pdu if pdu is None else pdu,
        )


Mutation = Callable[[Random, Answer, "SimulatedDevice"], Pieces]


@dataclass
class _Line:
    """A connection, the answer that was begun on it and not ended, and what came since the last question."""

    transport: Memory
    begun: Answer | None = None
    since: bytes = b""


class SimulatedDevice:
    """All units of a line. `choose` gives the mutation of the next answer; None: it is right."""

    def __init__(self, loop: asyncio.AbstractEventLoop, dice: Random, framing: Framing) -> None:
        self._loop, self._dice, self.framing = loop, dice, framing
        self.choose: Callable[[], Mutation | None] = lambda: None
        self.questions = 0
        self.mutated = 0
        self.before: Answer | None = None
        self._free_at_s: dict[int, float] = {}
        self._held: dict[tuple[int, int], Registers] = {}
        self._line: _Line | None = None
        self._right: deque[bytes] = deque([b""], maxlen=100)

    def held(self, unit: int, function: int, addresses: Registers) -> Registers:
        """What these registers held for the last question that asked for them."""
        return self._held[unit, function][addresses]

    def busy_s(self, unit: int | None = None) -> float:
        """For how long it still answers earlier questions."""
        ends = self._free_at_s.values() if unit is None else [self._free_at_s.get(unit, 0.0)]
        return max(0.0, max(ends, default=0.0) - self._loop.time())

    def connected(self, transport: Memory) -> None:
        self._line = _Line(transport)

    def hang_up(self) -> None:
        if self._line:
            self._line.transport.abort()

    def asked(self, data: bytes) -> None:
        number, unit, pdu = self.framing.unwrap(data)
        self.questions += 1
        if self._line:
            self._line.since = b""
        if pdu[0] == 8:
            if unit == DEAF_UNIT:
                return
            answer = Answer(self.framing, number, unit, pdu)
        else:
            answer = Answer(self.framing, number, unit, self._read(unit, *struct.unpack(">BHH", pdu)))
        mutation = self.choose()
        self.mutated += mutation is not None
        self._right.append(answer.frame)
        self._send(answer, mutation(self._dice, answer, self) if mutation else [(0.0, answer.frame)])
        self.before = answer

    def _read(self, unit: int, function: int, address: int, count: int) -> bytes:
        held = self._held.setdefault((unit, function), np.zeros(1024, np.int64))
        values = (np.arange(address, address + count) * 7919 + self.questions * 40503 + unit * 131 + function) & 0xFFFF
        held[address : address + count] = values
        return struct.pack(">BB", function, 2 * count) + values.astype(">u2").tobytes()

    def _send(self, answer: Answer, pieces: Pieces) -> None:
        """A unit answers one question after another; a TCP device may answer them in any order."""
        at_s = self._loop.time() + self._dice.choice((0.0, 0.002, 0.02))
        if not self.framing.numbered:
            at_s = max(at_s, self._free_at_s.get(answer.unit, 0.0) + 0.006)
        answer.pieces_left = len(pieces)
        for delay_s, data in pieces:
            at_s += max(delay_s, 1e-5)  # timers of one moment have no order, a stream has
            self._loop.call_at(at_s, self._deliver, answer, data)
        self._free_at_s[answer.unit] = max(at_s, self._free_at_s.get(answer.unit, 0.0))

    def _deliver(self, answer: Answer, data: bytes) -> None:
        """On whatever connection there is: a gateway box keeps late answers for the next one, but not the rest of one.

        Nor does it put one answer into another: that would be changed data.
        """
        answer.pieces_left -= 1
        line = self._line
        if line is None or answer.dropped or line.begun not in (None, answer):
            answer.dropped = True
            return
        if answer.line not in (None, line.transport):
            return
        line.since += data
        if line.since not in self._right and self.framing.right_by_chance(line.since, self._right[-1]):
            return
        answer.line, answer.sent = line.transport, answer.sent + data
        line.begun = answer if answer.pieces_left or self.framing.broken_off(answer.sent) else None
        line.transport.deliver(data)
