"""What a master asks for, and what it is told when there is no answer. Pure.

Request ──► pdu on the wire          an answer is right when it begins with `head` and is `size` bytes long
"""

import struct
from dataclasses import dataclass
from functools import cached_property

from protocols import ProtocolsError
from protocols.modbus.point import Table
from protocols.sample import Reason, bad


class NoAnswer(ProtocolsError):
    """A request brought no data. `code` is the quality code of all its tags."""

    def __init__(self, code: int, text: str, exception: int | None = None) -> None:
        super().__init__(text)
        self.code = code
        self.exception = exception


def refused(exception: int) -> NoAnswer:
    """The device said why it gives nothing."""
    code = min(exception, 0xFF - Reason.EXCEPTION_0)
    return NoAnswer(bad(Reason.EXCEPTION_0 + code), f"exception {exception}", code)


def unproven(text: str) -> NoAnswer:
    """Something came that is not certainly the answer."""
    return NoAnswer(bad(Reason.UNDECODABLE), text)


@dataclass(frozen=True)
class Request:
    """`count` registers or bits of a table of a unit."""

    unit: int
    table: Table
    address: int
    count: int

    @cached_property
    def data_bytes(self) -> int:
        """Length of the data of a right answer."""
        return 2 * self.count if self.table.of_registers else (self.count + 7) // 8

    @cached_property
    def pdu(self) -> bytes:
        """Function code, first address, count."""
        return struct.pack(">BHH", self.table.value, self.address, self.count)

    @cached_property
    def head(self) -> bytes:
        """How the right answer begins: unit, function, length of its data."""
        return bytes((self.unit, self.table.value, self.data_bytes))

    @cached_property
    def refusal(self) -> bytes:
        """How the answer begins that gives a reason instead of data."""
        return bytes((self.unit, self.table.value | 0x80))
