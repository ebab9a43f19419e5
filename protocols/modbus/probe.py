"""Look at registers whose meaning is not known yet: every plausible one, and which look likely.

modbus://plc:502/1/40101 ──read──► registers ──guesses──► text or JSON, to be compared with the machine's own display
"""

import json
import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import SplitResult, parse_qsl, urlsplit

from pydantic import ValidationError

from protocols import DeviceUnavailable, ProtocolsError
from protocols.modbus import probe_report
from protocols.modbus.client import Line
from protocols.modbus.guesses import guesses, likely, showing
from protocols.modbus.line_settings import LineSettings
from protocols.modbus.point import Table
from protocols.modbus.request import NoAnswer, Request
from protocols.sample import reason_of
from runtime.clock import SystemClock

_TIMEOUT_S = 2.0
_USAGE = (
    "write modbus://<host>:<port>/<unit>/<address>, the address as holding:100 (0-based) or 40101 (manual);"
    " modbus+rtu:// for RTU behind a converter, modbus+tls:// for TLS, modbus+serial:///dev/ttyUSB0/<unit>/<address>"
    "?baudrate=9600&parity=none for a serial port"
)
_SCHEMES = {"modbus": "tcp", "modbus+rtu": "rtu_over_tcp", "modbus+tls": "tls", "modbus+serial": ""}
_PATH = re.compile(
    r"(?P<port>/\S+)?/(?P<unit>\d{1,3})/"
    r"(?:(?P<table>coil|discrete|input|holding):(?P<address>\d{1,5})|(?P<digit>[0134])(?P<manual>\d{4,5}))"
)
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
class Target:
    """Where to look."""

    line: LineSettings
    request: Request


def parse_url(url: str, count: int) -> Target:
    """The line and what to ask for. Raises ProbeError."""
    parts = urlsplit(url)
    path = _PATH.fullmatch(parts.path)
    if parts.scheme not in _SCHEMES or not path or bool(path["port"]) != (parts.scheme == "modbus+serial"):
        raise ProbeError(f"{url!r} is not understood; {_USAGE}")
    table = Table[path["table"].upper()] if path["table"] else _MANUAL_TABLES[path["digit"]]
    address = int(path["address"]) if path["table"] else int(path["manual"]) - 1
    unit, most = int(path["unit"]), 125 if table.of_registers else 2000
    if unit > 255 or not 0 <= address <= 65536 - count or not 1 <= count <= most:
        raise ProbeError(
            f"unit {unit}, {table.word}:{address}, count {count} is not possible; units go to 255,"
            f" addresses to 65535 (manuals start at 1), and one request brings 1 to {most}"
        )
    return Target(_line(parts, path["port"]), Request(unit, table, address, count))


def _line(parts: SplitResult, port: str) -> LineSettings:
    try:
        said: dict[str, Any] = {name: int(v) if v.isdecimal() else v for name, v in parse_qsl(parts.query)}
        where: dict[str, Any] = {"serial": port} if port else {"host": parts.hostname or ""}
        if not port and parts.scheme != "modbus":
            where["transport"] = _SCHEMES[parts.scheme]
        if parts.port:
            where["port"] = parts.port
        return LineSettings.model_validate(where | said)
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, e['loc'])) or parts.scheme}: {e['msg']}" for e in error.errors())
        raise ProbeError(f"this line cannot be used: {wrong}; {_USAGE}") from error
    except ValueError as error:
        raise ProbeError(f"{error}; {_USAGE}") from error


async def probe(url: str, count: int, *, display: str | None = None, as_json: bool = False) -> str:
    """Read `count` registers (or coils) and show what they may mean; with `display`, what would make it show that.

    Raises:
        ProbeError: bad URL, unreachable, or refused; with what to try.
    """
    target = parse_url(url, count)
    request, data = target.request, await _read(target)
    if not request.table.of_registers:
        bits = [data[i // 8] >> i % 8 & 1 for i in range(count)]
        return json.dumps({"bits": bits}) if as_json else probe_report.coils_as_text(bits, request)
    found = guesses(data, request.table, request.address)
    if display is not None:
        return probe_report.matches_as_text(display, showing(found, display))
    if as_json:
        return json.dumps(probe_report.as_json(data, request, found, likely(found)), ensure_ascii=False)
    return probe_report.as_text(data, request, found, likely(found))


async def _read(target: Target) -> bytes:
    line = Line(target.line, {target.request.unit: _TIMEOUT_S}, SystemClock())
    try:
        await line.open()
        return await line.read(target.request)
    except DeviceUnavailable as error:
        raise ProbeError(str(error)) from error
    except NoAnswer as error:
        raise ProbeError(_why(error, target.request)) from error
    finally:
        await line.close()


def _why(error: NoAnswer, request: Request) -> str:
    if error.exception is not None:
        words = _EXCEPTIONS.get(error.exception, "not in the Modbus standard; see the device's manual")
        return f"unit {request.unit} refused with exception {error.exception}, {words}"
    if reason_of(error.code) == "timeout":
        return f"{error}; check the unit number: a device ignores questions to another unit"
    return f"{error}; is there something else than a Modbus device at this address?"
