"""Look at registers whose meaning is not known yet: every plausible decoding side by side.

modbus://plc:502/1/40101 ──read──► registers ──decodings──► table, to be compared with the machine's own display
"""

import re
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from urllib.parse import urlsplit

from protocols import DeviceUnavailable, ProtocolsError
from protocols.modbus.client import Line, NoAnswer, Request
from protocols.modbus.point import Table
from protocols.sample import reason_of
from runtime.clock import SystemClock

_TIMEOUT_S = 2.0
_USAGE = "write modbus://<host>:<port>/<unit>/<address>, the address as holding:100 (0-based) or 40101 (manual)"
_MANUAL_TABLES = {"0": Table.COIL, "1": Table.DISCRETE, "3": Table.INPUT, "4": Table.HOLDING}
_EXCEPTIONS = {
    1: "illegal function: this device does not serve that table; try input: (3xxxx) instead of holding: (4xxxx)",
    2: "illegal address: not all of these addresses exist; try fewer, or one lower (many manuals count from 1)",
    3: "illegal value: the device does not give that many at once; try fewer",
    4: "device failure: it failed while answering; look at its own diagnosis",
    5: "acknowledge: it needs longer; try again later",
    6: "busy: it is doing something else; try again later",
    10: "gateway path unavailable: the gateway box does not know this unit; check the unit number",
    11: "gateway target silent: the unit behind the gateway box does not answer; check unit, baud rate and wiring",
}


class ProbeError(ProtocolsError):
    """Nothing could be read; the text says what to try."""


@dataclass(frozen=True, slots=True)
class Decoding:
    """All that the register at `address` may mean, alone or with those that follow; "" where too few follow.

    big and little are the word orders; the byte order is the usual one (big).
    """

    address: int
    hex: str
    uint16: str
    int16: str
    uint32_big: str
    int32_big: str
    float32_big: str
    uint32_little: str
    int32_little: str
    float32_little: str
    float64_big: str
    float64_little: str
    text: str
    bits: str


def decodings(registers: Sequence[int], address: int = 0) -> list[Decoding]:
    """One row a register."""
    words = [register.to_bytes(2, "big") for register in registers]
    rows = []
    for i, word in enumerate(words):
        two, four = words[i : i + 2], words[i : i + 4]
        cells = [word.hex(), _shown("H", [word], 1), _shown("h", [word], 1)]
        cells += [_shown(layout, pair, 2) for pair in (two, two[::-1]) for layout in "Iif"]
        cells += [_shown("d", quad, 4) for quad in (four, four[::-1])]
        cells += ["".join(chr(byte) if 32 <= byte < 127 else "." for byte in word), f"{registers[i]:016b}"]
        rows.append(Decoding(address + i, *cells))
    return rows


def _shown(layout: str, words: Sequence[bytes], wanted: int) -> str:
    if len(words) < wanted:
        return ""
    (value,) = struct.unpack(">" + layout, b"".join(words))
    return f"{value:.7g}" if isinstance(value, float) else str(value)


def _table(rows: Sequence[Decoding]) -> str:
    names = [field.name for field in fields(Decoding)]
    lines = [names, *([str(getattr(row, name)) for name in names] for row in rows)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(names))]
    return "\n".join(
        "  ".join(cell.rjust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines
    )


def parse_url(url: str, count: int) -> tuple[str, int, Request]:
    """Host, port and request. Raises ProbeError."""
    parts = urlsplit(url)
    path = re.fullmatch(r"/(\d{1,3})/(?:(coil|discrete|input|holding):(\d{1,5})|([0134])(\d{4,5}))", parts.path)
    if parts.scheme != "modbus" or not parts.hostname or not path:
        raise ProbeError(f"{url!r} is not understood; {_USAGE}")
    table = Table[path[2].upper()] if path[2] else _MANUAL_TABLES[path[4]]
    address = int(path[3]) if path[2] else int(path[5]) - 1
    most = 125 if table.of_registers else 2000
    if int(path[1]) > 255 or not 0 <= address <= 65536 - count or not 1 <= count <= most:
        raise ProbeError(
            f"unit {path[1]}, {table.word}:{address}, count {count} is not possible; units go to 255,"
            f" addresses to 65535 (manuals start at 1), and one request brings 1 to {most}"
        )
    return parts.hostname, parts.port or 502, Request(int(path[1]), table, address, count)


async def probe(url: str, count: int) -> str:
    """Read `count` registers (or coils) and show what they may mean.

    Raises:
        ProbeError: bad URL, unreachable, or refused; with what to try.
    """
    host, port, request = parse_url(url, count)
    line = Line(host, port, _TIMEOUT_S, 1, SystemClock())
    try:
        await line.open()
        data = await line.read(request)
    except DeviceUnavailable as error:
        raise ProbeError(str(error)) from error
    except NoAnswer as error:
        raise ProbeError(_why(error, request)) from error
    finally:
        await line.close()
    show: Callable[[bytes, Request], str] = _registers if request.table.of_registers else _coils
    return show(data, request)


def _registers(data: bytes, request: Request) -> str:
    values = struct.unpack(f">{request.count}H", data)
    return _table(decodings(values, request.address))


def _coils(data: bytes, request: Request) -> str:
    bits = (data[i // 8] >> i % 8 & 1 for i in range(request.count))
    return "\n".join(f"{request.table.word}:{request.address + i}  {bit}" for i, bit in enumerate(bits))


def _why(error: NoAnswer, request: Request) -> str:
    if error.exception is not None:
        words = _EXCEPTIONS.get(error.exception, "not in the Modbus standard; see the device's manual")
        return f"unit {request.unit} refused with exception {error.exception}, {words}"
    if reason_of(error.code) == "timeout":
        return f"{error}; check the unit number: a device ignores questions to another unit"
    return f"{error}; is there something else than a Modbus TCP device at this address?"
