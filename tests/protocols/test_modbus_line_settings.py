"""The line in the configuration: what is understood, what an error says, and who shares a line with whom."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError
from structlog.testing import capture_logs

from protocols import BadPointTable, DeviceUnavailable
from protocols.modbus.line_settings import LineSettings
from protocols.modbus.settings import ModbusDevice
from protocols.modbus.wire import SerialWire, TcpWire, TlsWire, wire_of
from tests.protocols.modbus_rig import make

BY_ID = "/dev/serial/by-id/usb-FTDI_FT232R_A50285BI-if00-port0"


def test_the_four_lines() -> None:
    assert isinstance(wire_of(LineSettings(host="plc")), TcpWire)
    assert wire_of(LineSettings(host="plc", transport="rtu_over_tcp")) == TcpWire("plc", 502, rtu=True)
    tls = wire_of(LineSettings(host="plc", transport="tls"))
    assert isinstance(tls, TlsWire)
    assert tls.port == 802
    serial = wire_of(LineSettings(serial=BY_ID, baudrate=9600, parity="none"))
    assert isinstance(serial, SerialWire)
    assert serial.character_s == 10 / 9600


@pytest.mark.parametrize(
    ("line", "silence_ms"),
    [
        ({"baudrate": 9600}, 4.01),  # 3.5 characters of 11 bits
        ({"baudrate": 1200, "parity": "none"}, 29.17),
        ({"baudrate": 115_200}, 1.75),  # the least
    ],
)
def test_silence_around_a_serial_frame(line: dict[str, Any], silence_ms: float) -> None:
    frames = wire_of(LineSettings(serial=BY_ID, **line)).frames()
    assert frames.silence_s * 1000 == pytest.approx(silence_ms, abs=0.01)


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ({}, "write either host"),
        ({"host": "plc", "serial": BY_ID}, "write either host"),
        ({"serial": "COM3"}, "String should match pattern"),
        ({"serial": BY_ID, "port": 502}, "port means nothing for a serial line; leave it out"),
        ({"serial": BY_ID, "transport": "tls"}, "transport means nothing for a serial line"),
        ({"host": "plc", "baudrate": 9600, "parity": "odd"}, "baudrate, parity means nothing for a TCP line"),
        ({"host": "plc", "ca_file": "ca.pem"}, "ca_file means nothing without transport = \"tls\": nothing would be"),
        ({"host": "plc", "transport": "tls", "key_file": "k"}, "certificate_file and key_file belong together"),
        ({"serial": BY_ID, "bytesize": 7}, "Input should be 8"),
        ({"serial": BY_ID, "parity": "E"}, "'none', 'even' or 'odd'"),
        ({"host": "plc", "transport": "rtu"}, "'tcp', 'rtu_over_tcp' or 'tls'"),
    ],
)  # fmt: skip
def test_a_wrong_line_is_explained(line: dict[str, Any], text: str) -> None:
    with pytest.raises(ValidationError, match=text):
        LineSettings(**line)


def test_files_stand_beside_the_configuration() -> None:
    line = LineSettings.model_validate(
        {"host": "plc", "transport": "tls", "ca_file": "tls/ca.pem", "certificate_file": "/c.pem", "key_file": "k.pem"},
        context={"folder": Path("/etc/linewright")},
    )
    assert line.ca_file == Path("/etc/linewright/tls/ca.pem")
    assert line.certificate_file == Path("/c.pem")


def device(name: str, unit: int, **line: Any) -> ModbusDevice:
    tag = {"tag": "a", "address": "holding:0", "type": "uint16"}
    settings = {"name": name, "protocol": "modbus", "modbus": {"unit": unit, **line}, "tags": [tag]}
    return ModbusDevice.model_validate(settings)


def test_who_shares_a_line() -> None:
    assert device("a", 1, serial=BY_ID).endpoint == device("b", 2, serial=BY_ID).endpoint == f"modbus://{BY_ID}"
    assert device("a", 1, host="plc", port=4001).endpoint == "modbus://plc:4001"
    make(device("a", 1, serial=BY_ID, timeout_s=3), device("b", 2, serial=BY_ID, gap_fill=0))


@pytest.mark.parametrize(
    ("one", "two", "what"),
    [
        ({"serial": BY_ID}, {"serial": BY_ID, "baudrate": 9600}, "baudrate"),
        ({"host": "p"}, {"host": "p", "transport": "rtu_over_tcp"}, "transport"),
        ({"host": "p", "port": 802}, {"host": "p", "transport": "tls", "ca_file": "/ca.pem"}, "transport, ca_file"),
        ({"host": "p", "pause_s": 0.1}, {"host": "p"}, "pause_s"),
    ],
)
def test_devices_that_contradict_each_other_about_their_line(
    one: dict[str, Any], two: dict[str, Any], what: str
) -> None:
    with pytest.raises(BadPointTable, match=f"pump and fan share the line modbus://.* in {what}; make them equal"):
        make(device("pump", 1, **one), device("fan", 2, **two))


async def test_a_port_whose_number_may_change_is_told_once() -> None:
    with capture_logs() as logs:
        for _ in range(2):
            driver = make(device("a", 1, serial="/dev/ttyUSB77"))
            with pytest.raises(DeviceUnavailable, match=r"/dev/ttyUSB77.*check the cable.*group dialout"):
                await driver.open()
    (told,) = logs
    assert told["port"] == "/dev/ttyUSB77"
    assert "/dev/serial/by-id" in told["way_out"]
