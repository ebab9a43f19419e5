"""The probe: every decoding of known registers, and errors that say what to try."""

import struct
from collections.abc import AsyncIterator

import pytest

from protocols.modbus.probe import ProbeError, decodings, parse_url, probe
from tests.protocols.modbus_rig import FreePort, ModbusRig, Plc


@pytest.fixture
async def rig(free_port: FreePort) -> AsyncIterator[ModbusRig]:
    plc = Plc(1)
    plc.put("holding", 100, "f2sh", 123456.0, b"OK", -2)
    plc.memory["coil"] |= {3: 1, 5: 1}
    plc.refused |= {("holding", 200): 2, ("input", 0): 1, ("holding", 201): 6}
    rig = ModbusRig(free_port(), [plc, Plc(2)])
    rig.silent = {2}
    await rig.start()
    yield rig
    await rig.stop()


def test_decodings_of_a_float() -> None:
    row, second = decodings(struct.unpack(">2H", struct.pack(">f", 123456.0)), 40)
    assert (row.address, row.hex, row.uint16, row.int16) == (40, "47f1", "18417", "18417")
    assert (row.float32_big, row.uint32_big, row.uint32_little) == ("123456", "1206984704", "536889329")
    assert (row.text, row.bits, row.float64_big) == ("G.", "0100011111110001", "")
    assert (second.address, second.float32_big) == (41, "")


def test_decodings_of_a_swapped_float_and_a_double() -> None:
    high, low = struct.unpack(">2H", struct.pack(">f", -0.5))
    assert decodings([low, high])[0].float32_little == "-0.5"
    words = struct.unpack(">4H", struct.pack(">d", 2.25))
    assert decodings(words)[0].float64_big == "2.25"
    assert decodings(words[::-1])[0].float64_little == "2.25"


@pytest.mark.parametrize("address", ["holding:100", "40101", "400101"])
async def test_the_table(rig: ModbusRig, address: str) -> None:
    head, *rows = (await probe(f"modbus://127.0.0.1:{rig.port}/1/{address}", 4)).splitlines()
    assert head.split()[:4] == ["address", "hex", "uint16", "int16"]
    assert [row.split()[:2] for row in rows] == [["100", "47f1"], ["101", "2000"], ["102", "4f4b"], ["103", "fffe"]]
    assert "123456" in rows[0]
    assert " OK " in rows[2]
    assert "65534" in rows[3]
    assert rows[3].split()[3] == "-2"


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
    with pytest.raises(ProbeError, match="does not accept a Modbus TCP connection within 2"):
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
    ],
)
def test_urls_that_cannot_be(url: str, count: int, text: str) -> None:
    with pytest.raises(ProbeError, match=text):
        parse_url(url, count)


def test_the_usual_port_may_be_left_out() -> None:
    host, port, request = parse_url("modbus://plc/3/10017", 8)
    assert (host, port, request.unit, request.table.word, request.address) == ("plc", 502, 3, "discrete", 16)
