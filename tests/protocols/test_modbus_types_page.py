"""docs/reference/modbus-types.md says what the code does: every type with registers and range, a sample that loads."""

import re
import tomllib
from pathlib import Path
from typing import get_args

import pytest

from protocols.modbus.field import Encoding
from protocols.modbus.number import NUMBERS
from protocols.modbus.settings import ModbusDevice
from protocols.modbus.tag import ModbusTag
from protocols.sample import ValueKind

PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "modbus-types.md").read_text(encoding="utf-8")
ROWS = {
    cells[0]: cells[1:]
    for cells in re.findall(r"^\| `([a-z0-9_:<>]+)` \| (.+?) \| (.+?) \| (.+?) \|", PAGE, re.MULTILINE)
}


def test_every_type_stands_in_the_table() -> None:
    assert set(ROWS) >= {*NUMBERS, "bool", "string:<n>"}


@pytest.mark.parametrize("type_", NUMBERS)
def test_registers_orders_and_range(type_: str) -> None:
    number, (registers, orders, limits) = NUMBERS[type_], ROWS[type_]
    assert registers == ("half, `.high` or `.low`" if number.size == 1 else str(number.registers))
    assert orders == ("word, byte" if number.registers > 1 else "byte")
    if number.kind is ValueKind.INT:
        assert limits == "{} to {}".format(*number.limits)


def test_every_setting_and_encoding_is_explained() -> None:
    about_meaning = set(ModbusTag.model_fields) - set(ModbusTag.__base__.model_fields)
    for name in about_meaning:
        assert re.search(rf"\b{name}\b", PAGE), name
    for encoding in get_args(Encoding):
        assert encoding in PAGE


def test_the_sample_loads() -> None:
    (sample,) = re.findall(r"```toml\n(.+?)```", PAGE, re.DOTALL)
    (said,) = tomllib.loads(sample)["devices"]
    device = ModbusDevice.model_validate(said)
    assert len(device.tags) == 7
    assert {tag.kind for tag in device.tags} == set(ValueKind)
