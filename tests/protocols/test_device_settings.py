"""Devices in the configuration: what is understood, and what an error says."""

import subprocess
import sys
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from protocols import BadPointTable
from protocols.device import NumberedDevice
from protocols.registry import PROTOCOLS, Device, make_driver
from protocols.sample import ValueKind

DEVICE = TypeAdapter[Any](Device)


def modbus(*tags: dict[str, Any], **settings: Any) -> dict[str, Any]:
    return {"name": "pump-1", "protocol": "modbus", "modbus": {"host": "127.0.0.1", **settings}, "tags": list(tags)}


def opcua(*tags: dict[str, Any], **settings: Any) -> dict[str, Any]:
    url = {"url": "opc.tcp://127.0.0.1:4840"}
    return {"name": "cnc-1", "protocol": "opcua", "opcua": {**url, **settings}, "tags": list(tags)}


PRESSURE = {"tag": "pressure", "address": "holding:100", "type": "float32"}
SPEED = {"tag": "speed", "node": "nsu=urn:x;s=speed", "type": "float64"}


def test_a_device_is_its_own_machine_unless_told() -> None:
    assert DEVICE.validate_python(modbus(PRESSURE)).machine == "pump-1"
    assert DEVICE.validate_python({**modbus(PRESSURE), "machine": "line-2"}).machine == "line-2"


def test_devices_of_one_endpoint() -> None:
    one, two = (DEVICE.validate_python(modbus(PRESSURE, unit=unit)) for unit in (1, 2))
    assert one.endpoint == two.endpoint == "modbus://127.0.0.1:502"
    assert DEVICE.validate_python(opcua(SPEED)).endpoint == "opc.tcp://127.0.0.1:4840"


@pytest.mark.parametrize(
    ("tag", "kind"),
    [
        ({"type": "float32"}, ValueKind.FLOAT),
        ({"type": "uint16"}, ValueKind.INT),
        ({"type": "uint16", "scale": 0.1}, ValueKind.FLOAT),
        ({"type": "int64", "offset": 3}, ValueKind.FLOAT),
        ({"type": "bool", "address": "holding:3.15"}, ValueKind.BOOL),
        ({"type": "bool", "address": "coil:3"}, ValueKind.BOOL),
        ({"type": "string:8"}, ValueKind.TEXT),
    ],
)
def test_kind_on_the_wire(tag: dict[str, Any], kind: ValueKind) -> None:
    assert DEVICE.validate_python(modbus({**PRESSURE, **tag})).tags[0].kind is kind


@pytest.mark.parametrize(
    ("tag", "text"),
    [
        ({"address": "holdin:100"}, "tag pressure: address 'holdin:100' is not understood; write table:address"),
        ({"address": "40101"}, "tag pressure: address '40101' is not understood"),
        ({"address": "holding:65535"}, "tag pressure: address holding:65535 of 2 registers runs past 65535"),
        ({"type": "float"}, "tag pressure: type 'float' is not known; use bool, int8"),
        ({"type": "string:0"}, "tag pressure: type 'string:0' is not known"),
        ({"type": "bool"}, "tag pressure: holding:100 is a register: say which bit is meant"),
        ({"address": "holding:1.16", "type": "bool"}, "tag pressure: holding:1.16: only a bool has a bit, 0 to 15"),
        ({"address": "coil:5"}, "tag pressure: coil:5 is a single bit: its type is bool"),
        ({"scale": 0}, "tag pressure: scale 0 makes every value the same"),
        ({"range": [5, 1]}, r"tag pressure: range \[5.0, 1.0\] is upside down"),
        ({"type": "string:4", "scale": 2}, "tag pressure: a string:4 has no scale, offset or range"),
    ],
)
def test_a_wrong_modbus_tag_is_named(tag: dict[str, Any], text: str) -> None:
    with pytest.raises(ValidationError, match=text):
        DEVICE.validate_python(modbus({**PRESSURE, **tag}))


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"max_registers": 1}, "tag pressure of pump-1: float32 is 2 registers long, the device gives at most"),
        ({"forbidden": [[101, 120]]}, r"tag pressure of pump-1: holding:100 stands in the forbidden hole \[101, 120\]"),
        ({"forbidden": [[9, 1]]}, r"forbidden \[9, 1\] is upside down"),
        ({"unit": 256}, "less than or equal to 255"),
        ({"word_oder": "big"}, "Extra inputs are not permitted"),
    ],
)
def test_a_wrong_modbus_section_is_explained(settings: dict[str, Any], text: str) -> None:
    with pytest.raises(ValidationError, match=text):
        DEVICE.validate_python(modbus(PRESSURE, **settings))


@pytest.mark.parametrize(
    ("device", "text"),
    [
        (modbus(), "device pump-1 has no tags"),
        (modbus(PRESSURE, PRESSURE), "tag pressure of device pump-1 is there twice"),
        (opcua({**SPEED, "node": "speed"}), "tag speed: node 'speed' is not understood; write nsu="),
        (opcua({**SPEED, "type": "double"}), "tag speed: type 'double' is not known; use bool, int8"),
        (opcua(SPEED, username="plc"), "would show the login to everybody on the line"),
        (opcua(SPEED, url="opc.tcp://user:secret@host"), "pattern"),
        (opcua(SPEED, silence_s=1), "at least four publishing intervals"),
    ],
)
def test_wrong_devices_are_explained(device: dict[str, Any], text: str) -> None:
    with pytest.raises(ValidationError, match=text):
        DEVICE.validate_python(device)


def test_units_that_contradict_each_other_are_refused_when_the_driver_is_made() -> None:
    one = DEVICE.validate_python(modbus(PRESSURE))
    two = DEVICE.validate_python({**modbus({**PRESSURE, "address": "holding:7"}, forbidden=[[90, 110]]), "name": "x"})
    with pytest.raises(BadPointTable, match="holding:100 of unit 1 cannot be read: another device"):
        make_driver([NumberedDevice(one, [0]), NumberedDevice(two, [1])])


def test_servers_that_contradict_each_other_are_refused_when_the_driver_is_made() -> None:
    one = DEVICE.validate_python(opcua(SPEED))
    two = DEVICE.validate_python({**opcua(SPEED, timeout_s=9), "name": "cnc-2"})
    with pytest.raises(BadPointTable, match=r"make their \[devices.opcua\] sections equal"):
        make_driver([NumberedDevice(one, [0]), NumberedDevice(two, [1])])


def test_every_protocol_stands_in_the_table_and_in_the_union() -> None:
    assert set(PROTOCOLS) == {"modbus", "opcua"}
    for name, row in PROTOCOLS.items():
        assert name in row.device.model_fields


def test_configuration_loads_no_protocol_library() -> None:
    code = "import sys, protocols.registry; print([m for m in ('asyncua', 'pymodbus') if m in sys.modules])"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert shown.stdout.strip() == "[]"
