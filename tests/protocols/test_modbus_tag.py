"""A Modbus tag in the configuration: what goes together, what does not, and which registers it needs."""

from typing import Any

import pytest
from pydantic import ValidationError

from protocols.modbus.point import Order
from protocols.modbus.settings import ModbusDevice
from protocols.modbus.tag import ModbusTag
from protocols.sample import ValueKind


def tag(type_: str, address: str = "holding:100", **more: Any) -> ModbusTag:
    return ModbusTag.model_validate({"tag": "t", "address": address, "type": type_, **more})


@pytest.mark.parametrize(
    ("made", "count", "kind"),
    [
        (tag("int8", "holding:100.high"), 1, ValueKind.INT),
        (tag("uint8", "input:100.low"), 1, ValueKind.INT),
        (tag("int48"), 3, ValueKind.INT),
        (tag("float16"), 1, ValueKind.FLOAT),
        (tag("bcd16"), 1, ValueKind.INT),
        (tag("bcd64"), 4, ValueKind.INT),
        (tag("mod10_48"), 3, ValueKind.INT),
        (tag("bcd32", scale=0.1), 2, ValueKind.FLOAT),
        (tag("int16", scale_register="holding:103"), 1, ValueKind.FLOAT),
        (tag("uint16", enum={"0": "stop"}), 1, ValueKind.TEXT),
        (tag("string:3", encoding="gbk"), 3, ValueKind.TEXT),
    ],
)
def test_registers_and_kind(made: ModbusTag, count: int, kind: ValueKind) -> None:
    assert (made.point.count, made.kind) == (count, kind)


@pytest.mark.parametrize(
    ("missing", "type_", "raw"),
    [
        (0x8000, "int16", -32768),
        (-32768, "int16", -32768),
        (-1, "uint16", 0xFFFF),
        (1 << 47, "int48", -(1 << 47)),
        (0xFF, "bcd16", 0xFF),
        (-9999, "float32", -9999.0),
    ],
)
def test_the_marker_as_the_register_holds_it(missing: float, type_: str, raw: float) -> None:
    assert tag(type_, missing=missing).field(0, Order.BIG, Order.BIG).missing == raw


@pytest.mark.parametrize(
    ("said", "text"),
    [
        ({"type": "uint8"}, "say which byte is meant, holding:100.high or holding:100.low"),
        ({"type": "uint16", "address": "holding:100.high"}, "only an int8 or uint8 is .high or .low"),
        ({"type": "bool", "address": "holding:100.low"}, "only a bool has a bit, 0 to 15"),
        ({"type": "uint8", "address": "coil:3"}, "is a single bit: its type is bool"),
        ({"type": "bcd8"}, "type 'bcd8' is not known; use bool, int8, .*mod10_64 or string"),
        (
            {"type": "int16", "missing": 65536},
            "missing = 65536 is no raw int16; write the whole number in the",
        ),
        ({"type": "int16", "missing": 1.5}, "missing = 1.5 is no raw int16"),
        ({"type": "float16", "missing": 1e9}, "missing = 1000000000.0 does not fit a float16"),
        ({"type": "string:2", "missing": 0}, "a string:2 has no scale, offset or range, nor .*; leave missing out"),
        ({"type": "bool", "address": "coil:1", "enum": {0: "off"}}, "a bool has no scale.*; leave enum out"),
        ({"type": "float32", "enum": {0: "off"}}, "only whole numbers have words, holding:100 is a float32"),
        ({"type": "uint16", "enum": {0: "off"}, "scale": 0.1}, "a text; leave enum or scale out"),
        ({"type": "uint16", "enum": {}}, "enum needs a word for each number"),
        ({"type": "uint16", "enum": {0: " "}}, "enum needs a word for each number"),
        ({"type": "bcd16", "enum": {10000: "x"}}, "enum has a word for 10000, a bcd16 goes from 0 to 9999"),
        ({"type": "uint16", "enum": {"run": 1}}, "valid integer"),
        ({"type": "int16", "encoding": "gbk"}, "only a string has an encoding"),
        ({"type": "string:2", "encoding": "ebcdic"}, "'utf-8', 'gbk' or 'latin-1'"),
        ({"type": "int16", "scale_register": "input:101"}, "must be in the table of holding:100"),
        ({"type": "int16", "scale_register": "holding:225"}, "are 126 registers apart; one answer brings 125"),
        ({"type": "int16", "scale_register": "40102"}, "address '40102' is not understood"),
        ({"type": "int16", "missing": float("nan")}, "finite number"),
    ],
)
def test_what_does_not_go_together_is_named_with_a_way_out(said: dict[str, Any], text: str) -> None:
    with pytest.raises(ValidationError, match=text):
        tag(**{"type_" if name == "type" else name: value for name, value in said.items()})


def device(tags: list[dict[str, Any]], **modbus: Any) -> ModbusDevice:
    section = {"host": "plc", **modbus}
    return ModbusDevice.model_validate({"name": "meter", "protocol": "modbus", "modbus": section, "tags": tags})


CURRENT = {"tag": "current", "address": "holding:72", "type": "int16", "scale_register": "holding:75"}


def test_the_power_of_ten_comes_in_the_same_answer() -> None:
    meter = device([CURRENT], byte_order="little")
    field = meter.field(3, meter.tags[0])
    assert (field.alias, field.span, field.byte_order) == (3, (72, 4), Order.LITTLE)


@pytest.mark.parametrize(
    ("modbus", "text"),
    [
        ({"max_registers": 3}, "int16 is 4 registers long, the device gives at most max_registers = 3"),
        ({"forbidden": [[74, 74]]}, r"holding:72 stands in the forbidden hole \[74, 74\]"),
    ],
)
def test_a_device_must_give_a_number_and_its_power_of_ten_together(modbus: dict[str, Any], text: str) -> None:
    with pytest.raises(ValidationError, match=text):
        device([CURRENT], **modbus)
