"""The probe: what registers look like, what a display shows, and errors that say what to try."""

import json
import math
import random
import struct
from collections.abc import AsyncIterator
from itertools import product

import pytest

from protocols.modbus.encode import encode
from protocols.modbus.field import Field
from protocols.modbus.guesses import guesses, likely
from protocols.modbus.number import NUMBERS
from protocols.modbus.point import Order, Table, parse_point
from protocols.modbus.probe import ProbeError, parse_url, probe
from tests.protocols.modbus_rig import FreePort, ModbusRig, Plc


@pytest.fixture
async def rig(free_port: FreePort) -> AsyncIterator[ModbusRig]:
    plc = Plc(1)
    plc.put("holding", 100, f"{len(NAMEPLATE)}s", NAMEPLATE)
    plc.memory["coil"] |= {3: 1, 5: 1}
    plc.refused |= {("holding", 200): 2, ("input", 0): 1, ("holding", 201): 6}
    rig = ModbusRig(free_port(), [plc, Plc(2)])
    rig.silent = {2}
    await rig.start()
    yield rig
    await rig.stop()


def pack(layout: str, *values: object) -> bytes:
    return struct.pack(">" + layout, *values)


def words_swapped(data: bytes) -> bytes:
    return b"".join(data[i : i + 2] for i in range(len(data) - 2, -2, -2))


NAMEPLATE = (
    pack("f", 23.47) + words_swapped(pack("f", 50.01)) + pack("hH", -12, 235) + b"SK 37-A\0" + pack("d", 1013.25)
)


def test_what_looks_likely() -> None:
    rows = likely(guesses(NAMEPLATE, Table.HOLDING, 100))
    found = [(g.point.address, g.point.type, g.word_order.value, g.value) for row in rows for g in row.guesses]
    assert found == [
        (100, "float32", "big", pytest.approx(23.47)),
        (102, "float32", "little", pytest.approx(50.01)),
        (104, "int16", "big", -12),
        (105, "int16", "big", 235),
        (106, "string:4", "big", "SK 37-A"),
        (110, "float64", "big", 1013.25),
    ]
    assert all(row.bits >= 6 for row in rows)


@pytest.mark.parametrize(("word_order", "byte_order"), list(product(Order, Order)))
def test_a_row_of_measured_values_is_found_in_every_order(word_order: Order, byte_order: Order) -> None:
    """Full mantissas say little one by one; eight voltages in a row say it all."""
    volts, data = [230 + math.sin(i) * i for i in range(8)], b""
    for value in volts:
        of = Field(0, parse_point("holding:0", "float32"), word_order, byte_order)
        data += pack("2H", *encode(value, of))
    (row,) = likely(guesses(data, Table.HOLDING, 0))
    assert {guess.meant for guess in row.guesses} == {("float32", word_order, byte_order)}
    assert [guess.value for guess in row.guesses] == pytest.approx(volts)


def test_noise_is_called_noise() -> None:
    """The control: registers without a meaning seldom look like one (many tries make odds of 2^6 less than certain)."""
    noise = random.Random(4)
    found = [likely(guesses(noise.randbytes(16), Table.HOLDING, 0)) for _ in range(60)]
    assert sum(map(len, found)) < 30
    assert max(row.bits for rows in found for row in rows) < 20
    assert likely(guesses(bytes(40), Table.HOLDING, 0)) == []


@pytest.mark.parametrize(
    ("display", "line"),
    [
        ("23.47", 'address = "holding:100", type = "float32"'),
        ("50", 'address = "holding:102", type = "float32", word_order = "little"'),
        ("-1.2", 'address = "holding:104", type = "int16", scale = 0.1'),
        ("2.35", 'address = "holding:105", type = "uint16", scale = 0.01'),
        ("SK 37", 'address = "holding:106", type = "string:4"'),
    ],
)
async def test_what_the_display_shows(rig: ModbusRig, display: str, line: str) -> None:
    shown = await probe(f"modbus://127.0.0.1:{rig.port}/1/holding:100", 14, display=display)
    assert shown.splitlines()[1].strip() == line


async def test_what_no_register_shows(rig: ModbusRig) -> None:
    for display in ("777.77", "nan"):
        shown = await probe(f"modbus://127.0.0.1:{rig.port}/1/holding:100", 14, display=display)
        assert shown.startswith(f"No register here shows {display}, in no type, order or scale: read more with --count")


@pytest.mark.parametrize("address", ["holding:100", "40101", "400101"])
async def test_the_report(rig: ModbusRig, address: str) -> None:
    shown = await probe(f"modbus://127.0.0.1:{rig.port}/1/{address}", 14)
    lines = shown.splitlines()
    assert max(map(len, lines)) <= 120
    assert lines[0].split()[:6] == ["address", "manual", "hex", "bits", "uint16", "int16"]
    assert lines[1].split()[:3] == ["holding:100", "40101", "41bb"]
    assert "  holding:102  float32, words swapped: 50.01" in lines
    assert any(line.split() == ["100", "ABCD", "-", "-", "23.47", "-", "-"] for line in lines)
    assert 'CDAB: word_order = "little"' in shown
    assert "looks like a measured value; noise looks so once in 7,000" in shown


async def test_the_report_of_nothing(rig: ModbusRig) -> None:
    shown = await probe(f"modbus://127.0.0.1:{rig.port}/1/holding:500", 4)
    assert "Nothing stands out: these registers look like noise, or like zeros." in shown


async def test_the_report_for_programs(rig: ModbusRig) -> None:
    shown = json.loads(await probe(f"modbus://127.0.0.1:{rig.port}/1/holding:100", 4, as_json=True))
    assert (shown["unit"], shown["table"], shown["address"], shown["registers"][0]) == (1, "holding", 100, 0x41BB)
    assert shown["likely"][1]["tags"][0].items() >= {"address": "holding:102", "word_order": "little"}.items()
    types = {(m["address"], m["type"], m.get("word_order"), m.get("byte_order")) for m in shown["meanings"]}
    longer = [type_ for type_, number in NUMBERS.items() if number.registers > 1]
    for type_, words, octets in product(longer, (None, "little"), (None, "little")):
        assert ("holding:100", type_, words, octets) in types


async def test_coils(rig: ModbusRig) -> None:
    shown = await probe(f"modbus://127.0.0.1:{rig.port}/1/coil:3", 3)
    assert shown.splitlines() == ["coil:3  1", "coil:4  0", "coil:5  1"]


@pytest.mark.parametrize(
    ("address", "text"),
    [
        ("1/holding:200", "exception 2, illegal address: not all of these addresses exist; try fewer, or one lower"),
        ("1/30001", "exception 1, illegal function: this device does not serve that table; try input"),
        ("1/holding:201", "exception 6, busy: it is doing something else; try again later"),
        ("2/holding:0", "no answer from unit 2 in 0.2 s; check the unit number"),
    ],
)
async def test_refusals_in_words(rig: ModbusRig, monkeypatch: pytest.MonkeyPatch, address: str, text: str) -> None:
    monkeypatch.setattr("protocols.modbus.probe._TIMEOUT_S", 0.2)
    with pytest.raises(ProbeError, match=text):
        await probe(f"modbus://127.0.0.1:{rig.port}/{address}", 1)


async def test_nobody_there(free_port: FreePort) -> None:
    with pytest.raises(ProbeError, match=r"cannot be opened.*check address, port, cabling"):
        await probe(f"modbus://127.0.0.1:{free_port()}/1/40001", 1)


@pytest.mark.parametrize(
    ("url", "count", "text"),
    [
        ("127.0.0.1:502/1/40001", 1, "write modbus://"),
        ("modbus://plc/1/50001", 1, "write modbus://"),
        ("modbus://plc/40001", 1, "write modbus://"),
        ("modbus://plc/1/40000", 1, "manuals start at 1"),
        ("modbus://plc/256/40001", 1, "units go to 255"),
        ("modbus://plc/1/40001", 126, "1 to 125"),
        ("modbus://plc/1/holding:65535", 2, "addresses to 65535"),
        ("modbus://plc:70000/1/40001", 1, "write modbus://"),
        ("modbus://plc/dev/ttyS0/1/40001", 1, "write modbus://"),
        ("modbus+serial://plc/1/40001", 1, "write modbus://"),
        ("modbus+serial:///dev/ttyS0/1/40001?baud=9600", 1, "cannot be used: baud: Extra inputs"),
        ("modbus:///1/40001", 1, "either host"),
    ],
)
def test_urls_that_cannot_be(url: str, count: int, text: str) -> None:
    with pytest.raises(ProbeError, match=text):
        parse_url(url, count)


def test_the_usual_port_may_be_left_out() -> None:
    target = parse_url("modbus://plc/3/10017", 8)
    request = target.request
    assert (target.line.endpoint, target.line.transport) == ("modbus://plc:502", "tcp")
    assert (request.unit, request.table.word, request.address, request.count) == (3, "discrete", 16, 8)


def test_other_lines() -> None:
    rtu = parse_url("modbus+rtu://box:4001/7/holding:2", 1).line
    assert (rtu.transport, rtu.endpoint) == ("rtu_over_tcp", "modbus://box:4001")
    tls = parse_url("modbus+tls://plc/1/40001?server_name=plc.plant", 1).line
    assert (tls.transport, tls.port, tls.server_name) == ("tls", 802, "plc.plant")
    target = parse_url("modbus+serial:///dev/serial/by-id/usb-1/17/30002?baudrate=9600&parity=none&stopbits=2", 1)
    assert (target.line.serial, target.line.baudrate) == ("/dev/serial/by-id/usb-1", 9600)
    assert (target.line.parity, target.line.stopbits) == ("none", 2)
    assert (target.request.unit, target.request.table, target.request.address) == (17, Table.INPUT, 1)
