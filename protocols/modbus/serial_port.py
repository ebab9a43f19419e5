"""A serial port as an asyncio transport: pyserial sets it up, the event loop watches its file descriptor.

open_serial ──► SerialTransport: write ──► port          port readable ──► protocol.data_received
"""

import asyncio
import os
from dataclasses import dataclass
from typing import Literal

import serial

_MOST_BYTES = 4096
_PARITIES = {"none": serial.PARITY_NONE, "even": serial.PARITY_EVEN, "odd": serial.PARITY_ODD}


@dataclass(frozen=True, slots=True)
class SerialFormat:
    """Speed and shape of a character; RTU always has eight data bits."""

    baudrate: int
    parity: Literal["none", "even", "odd"]
    stopbits: Literal[1, 2]

    @property
    def bits_per_character(self) -> int:
        """Start bit, data, parity, stop bits."""
        return 9 + (self.parity != "none") + self.stopbits


def open_serial(path: str, form: SerialFormat, protocol: asyncio.Protocol) -> None:
    """Open the port for nobody else; what stood in its buffers is thrown away.

    Raises:
        OSError: it is not there, not ours, or in use.
    """
    try:
        port = serial.Serial(
            path,
            form.baudrate,
            parity=_PARITIES[form.parity],
            stopbits=form.stopbits,
            timeout=0,
            exclusive=True,
        )
    except ValueError as error:
        raise OSError(f"{path}: {error}") from error
    SerialTransport(port, protocol)


class SerialTransport(asyncio.WriteTransport):
    """Writes at once: a question is a few bytes, the port's own buffer takes thousands."""

    def __init__(self, port: serial.Serial, protocol: asyncio.Protocol) -> None:
        super().__init__()
        self._port, self._protocol = port, protocol
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(port.fileno(), self._read)
        protocol.connection_made(self)

    def write(self, data: bytes | bytearray | memoryview) -> None:
        try:
            written = os.write(self._port.fileno(), data)
        except OSError as error:
            self._lose(error)
        else:
            if written < len(data):
                self._lose(OSError("the port takes no more bytes"))

    def abort(self) -> None:
        self._lose(None)

    def _read(self) -> None:
        try:
            data = os.read(self._port.fileno(), _MOST_BYTES)
        except BlockingIOError:
            return
        except OSError as error:
            self._lose(error)
            return
        if data:
            self._protocol.data_received(data)
        else:
            self._lose(OSError("the port is gone"))

    def _lose(self, error: Exception | None) -> None:
        if self._port.is_open:
            self._loop.remove_reader(self._port.fileno())
            self._port.close()
            self._loop.call_soon(self._protocol.connection_lost, error)
