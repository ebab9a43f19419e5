"""docs/how-to/connect-modbus.md: every sample is a gateway.toml that is accepted; all lines there are, are shown."""

import re
import tomllib
from pathlib import Path

import pytest

from edge_gateway.settings import GatewaySettings
from protocols.modbus.driver import ModbusDriver
from protocols.modbus.settings import ModbusDevice
from protocols.modbus.wire import SerialWire, TcpWire, TlsWire, wire_of
from tests.protocols.modbus_rig import make

PAGE = (Path(__file__).parents[2] / "docs/how-to/connect-modbus.md").read_text(encoding="utf-8")
SAMPLES = [
    GatewaySettings.model_validate(tomllib.loads(block)) for block in re.findall(r"```toml\n(.*?)```", PAGE, re.S)
]


def modbus_devices(sample: GatewaySettings) -> list[ModbusDevice]:
    return [device for device in sample.devices if isinstance(device, ModbusDevice)]


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.devices[0].name)
def test_a_driver_can_be_made_of_it(sample: GatewaySettings) -> None:
    devices = modbus_devices(sample)
    assert len({device.endpoint for device in devices}) == 1
    assert isinstance(make(*devices), ModbusDriver)


def test_all_lines_are_shown() -> None:
    wires = [wire_of(device.modbus) for sample in SAMPLES for device in modbus_devices(sample)]
    assert {type(wire) for wire in wires} == {TcpWire, TlsWire, SerialWire}
    assert {wire.rtu for wire in wires if isinstance(wire, TcpWire)} == {True, False}
