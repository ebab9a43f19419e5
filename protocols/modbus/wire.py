"""What a line is made of: TCP, TLS or a serial port; and how its bytes are framed.

LineSettings ──wire_of──► TcpWire │ TlsWire │ SerialWire ──connect──► Connection told of a transport
"""

import asyncio
import random
import re
import ssl
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Protocol

import structlog

from protocols.modbus.frames import Frames, MbapFrames, RtuFrames
from protocols.modbus.line_settings import LineSettings
from protocols.modbus.serial_port import SerialFormat, open_serial

log = structlog.get_logger()

_RTU_OVER_TCP_SILENCE_S = 0.005
_RTU_SILENCE_LEAST_S = 0.00175  # the standard's for 19200 baud and more
_RTU_SILENCE_CHARACTERS = 3.5
_RENUMBERED = re.compile(r"/dev/tty(USB|ACM)\d+")


class Wire(Protocol):
    """A way to the devices. Nothing is opened before `connect`."""

    @property
    def name(self) -> str:
        """What an error calls it."""
        ...

    @property
    def way_out(self) -> str:
        """What to look at when it cannot be opened."""
        ...

    @property
    def character_s(self) -> float:
        """How long a byte is on its way; 0 where that does not matter."""
        ...

    @property
    def hung_up_in_doubt(self) -> bool:
        """Whether to begin anew after a spoilt exchange: a connection may be dead without saying so."""
        ...

    def frames(self) -> Frames: ...

    async def connect(self, protocol: asyncio.Protocol) -> None:
        """Open it for `protocol`. Raises OSError (ssl.SSLError is one)."""
        ...


@dataclass(frozen=True)
class TcpWire:
    """A TCP connection, with Modbus TCP or RTU frames in it."""

    host: str
    port: int
    rtu: bool = False
    character_s = 0.0
    hung_up_in_doubt = True

    @property
    def name(self) -> str:
        return f"{self.host}:{self.port}"

    @property
    def way_out(self) -> str:
        return "check address, port, cabling, and whether the device already serves its only client"

    def frames(self) -> Frames:
        return RtuFrames(_RTU_OVER_TCP_SILENCE_S) if self.rtu else MbapFrames(random.randrange(1 << 16))

    async def connect(self, protocol: asyncio.Protocol) -> None:
        await asyncio.get_running_loop().create_connection(lambda: protocol, self.host, self.port)


@dataclass(frozen=True)
class TlsWire:
    """Modbus TCP inside TLS. The device is always verified; there is no way back to plain text."""

    host: str
    port: int
    ca_file: Path | None
    certificate_file: Path | None
    key_file: Path | None
    server_name: str
    character_s = 0.0
    hung_up_in_doubt = True

    @property
    def name(self) -> str:
        return f"{self.host}:{self.port} (TLS)"

    @property
    def way_out(self) -> str:
        return "check address, port, ca_file, server_name, the dates in both certificates and the clock of this machine"

    def frames(self) -> Frames:
        return MbapFrames(random.randrange(1 << 16))

    async def connect(self, protocol: asyncio.Protocol) -> None:
        context = self._context()
        name = self.server_name or self.host
        loop = asyncio.get_running_loop()
        await loop.create_connection(lambda: protocol, self.host, self.port, ssl=context, server_hostname=name)

    def _context(self) -> ssl.SSLContext:
        """Read from the files at each connecting, so that renewed certificates are used."""
        for file in (self.ca_file, self.certificate_file, self.key_file):
            if file:
                file.open("rb").close()  # ssl would not say which one is missing
        context = ssl.create_default_context(cafile=self.ca_file)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if self.certificate_file:
            context.load_cert_chain(self.certificate_file, self.key_file, password="")  # nobody is there to be asked
        return context


@dataclass(frozen=True)
class SerialWire:
    """RTU on a serial port of this machine."""

    path: str
    format: SerialFormat
    hung_up_in_doubt = False

    @property
    def name(self) -> str:
        return self.path

    @property
    def way_out(self) -> str:
        return (
            "check the cable, the path (ls -l /dev/serial/by-id), that this account is in the group dialout and that no"
            " other program uses the port"
        )

    @property
    def character_s(self) -> float:
        return self.format.bits_per_character / self.format.baudrate

    def frames(self) -> Frames:
        return RtuFrames(max(_RTU_SILENCE_LEAST_S, _RTU_SILENCE_CHARACTERS * self.character_s))

    async def connect(self, protocol: asyncio.Protocol) -> None:
        if _RENUMBERED.fullmatch(self.path):
            _warn_of_numbers(self.path)
        open_serial(self.path, self.format, protocol)


@cache
def _warn_of_numbers(path: str) -> None:
    log.warning(
        "the number of a USB port can change at the next start, and then another device is read",
        port=path,
        way_out="use its name in /dev/serial/by-id, or give the device an identity to be checked",
    )


def wire_of(settings: LineSettings) -> Wire:
    """The line that a device's section describes."""
    if settings.serial:
        return SerialWire(settings.serial, SerialFormat(settings.baudrate, settings.parity, settings.stopbits))
    if settings.transport == "tls":
        return TlsWire(
            settings.host,
            settings.port,
            settings.ca_file,
            settings.certificate_file,
            settings.key_file,
            settings.server_name,
        )
    return TcpWire(settings.host, settings.port, rtu=settings.transport == "rtu_over_tcp")
