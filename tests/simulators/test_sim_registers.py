"""The register map against the gateway's codec, which was written apart from it: one value, every type, every order."""

import struct
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.modbus.codec import compile_block
from protocols.modbus.field import Field
from protocols.modbus.number import NUMBERS
from protocols.modbus.point import Order, Table, parse_point
from protocols.sample import ValueKind
from simulators.plant import MachineSettings, load_plant
from simulators.registers import RegisterBank

PLACES = {
    "discharge_pressure": ("holding:0", "int16", {"scale": 0.01}),
    "oil_level": ("holding:1", "uint16", {"scale": 0.1}),
    "power": ("holding:2", "int32", {"scale": 0.001, "offset": -5.0}),
    "energy": ("holding:4", "uint32", {"scale": 0.1}),
    "alarm_code": ("holding:6", "int64", {}),
    "load_cycles": ("holding:10", "uint64", {}),
    "motor_current": ("holding:14", "float32", {}),
    "run_hours": ("holding:16", "float64", {}),
    "state": ("holding:20", "string:5", {}),
    "running": ("holding:25.3", "bool", {}),
    "loaded": ("holding:25.12", "bool", {}),
    "oil_temperature": ("input:9", "float32", {"scale": 2.0, "offset": 1.0}),
}
COMPRESSOR = load_plant().machines[0]


def machine(word_order: str = "big", byte_order: str = "big") -> MachineSettings:
    registers = [{"tag": tag, "address": a, "type": t, **more} for tag, (a, t, more) in PLACES.items()]
    orders = {"word_order": word_order, "byte_order": byte_order}
    data = COMPRESSOR.model_dump() | orders | {"registers": registers, "map_size": 40, "holes": [(30, 33)]}
    return MachineSettings.model_validate(data)


def decode(settings: MachineSettings, bank: RegisterBank, tag: str):
    """What the gateway gets for one tag."""
    place, type_, more = PLACES[tag]
    point = parse_point(place, type_)
    words = bank.read(point.table, point.address, point.count)
    assert words is not None
    data = struct.pack(f">{len(words)}H", *words)
    field = Field(0, point, settings.word_order, settings.byte_order, more.get("scale", 1.0), more.get("offset", 0.0))
    (column,) = compile_block(point.address, [field]).decode(data, 1)
    assert column.code[0] == 0
    value = column.value.tolist()[0]
    return bool(value) if column.kind is ValueKind.BOOL else value


number = st.floats(-1e6, 1e6)


@pytest.mark.parametrize("word_order", Order)
@pytest.mark.parametrize("byte_order", Order)
@given(
    numbers=st.lists(number, min_size=9, max_size=9),
    flags=st.tuples(st.booleans(), st.booleans()),
    text=st.text("AZaz-é油 "),
)
def test_the_gateway_reads_what_the_bank_says_it_gives(word_order, byte_order, numbers, flags, text):
    settings = machine(word_order, byte_order)
    bank = RegisterBank(settings)
    tags = [tag for tag, (_, type_, _) in PLACES.items() if type_ != "bool" and tag != "state"]
    values = dict(zip(tags, numbers, strict=True)) | {"running": flags[0], "loaded": flags[1], "state": text.strip()}
    bank.show(values)
    told = dict(bank.given(Table.HOLDING, 0, 30)) | dict(bank.given(Table.INPUT, 9, 2))
    assert told.keys() == PLACES.keys()
    for tag, value in told.items():
        assert decode(settings, bank, tag) == value, tag
    assert (told["running"], told["loaded"]) == flags
    assert told["run_hours"] == values["run_hours"]
    assert told["motor_current"] == float(np.float32(values["motor_current"]))


@pytest.mark.parametrize("orders", [{"word_order": w, "byte_order": b} for w in Order for b in Order], ids=str)
@pytest.mark.parametrize("type_", NUMBERS)
def test_every_type_of_number_in_every_order(type_, orders):
    """The bank's own arithmetic against the codec's, at the ends of each type and between."""
    number = NUMBERS[type_]
    floating = number.kind is ValueKind.FLOAT
    tag = "energy" if floating else "load_cycles"
    places = [f"holding:5{half}" for half in (".high", ".low")] if number.size == 1 else ["holding:5"]
    wanted = [-2.5, 0.0, 1024.0] if floating else [number.limits[0], 7, min(number.limits[1], 2**53)]
    for place, value in product(places, wanted):
        registers = [{"tag": tag, "address": place, "type": type_}]
        settings = MachineSettings.model_validate(
            COMPRESSOR.model_dump() | orders | {"registers": registers, "holes": []}
        )
        bank = RegisterBank(settings)
        bank.show({tag: value})
        assert dict(bank.given(Table.HOLDING, 5, number.registers)) == {tag: value}
        words = bank.read(Table.HOLDING, 5, number.registers)
        field = Field(0, parse_point(place, type_), settings.word_order, settings.byte_order)
        (column,) = compile_block(5, [field]).decode(struct.pack(f">{len(words)}H", *words), 1)
        assert (column.code.tolist(), column.value.tolist()) == ([0], [value])


def test_a_value_beyond_its_register_is_clamped_not_wrapped():
    bank = RegisterBank(machine())
    values = dict.fromkeys(PLACES, 0.0) | {"discharge_pressure": 1e9, "oil_level": -3.0, "state": "", "energy": 1e30}
    bank.show(values)
    told = dict(bank.given(Table.HOLDING, 0, 30))
    assert told["discharge_pressure"] == 32767 * 0.01
    assert told["oil_level"] == 0
    assert told["energy"] == 0xFFFFFFFF * 0.1


@pytest.mark.parametrize(
    ("table", "address", "count", "there"),
    [
        (Table.HOLDING, 0, 30, True),
        (Table.HOLDING, 29, 2, False),  # runs into the hole
        (Table.HOLDING, 33, 1, False),  # the hole's last
        (Table.HOLDING, 34, 6, True),  # up to the end of the map
        (Table.HOLDING, 34, 7, False),
        (Table.HOLDING, 40, 1, False),
        (Table.COIL, 0, 1, False),  # a table without a single tag
        (Table.INPUT, 0, 8, True),  # zeros between tags can be read
    ],
)
def test_holes_and_ends_of_the_map(table, address, count, there):
    words = RegisterBank(machine()).read(table, address, count)
    assert (words is not None) is there
    assert words is None or len(words) == count


def test_only_tags_wholly_inside_an_answer_are_given():
    bank = RegisterBank(machine())
    bank.show(dict.fromkeys(PLACES, 1.0) | {"state": "UP"})
    assert [tag for tag, _ in bank.given(Table.HOLDING, 1, 3)] == ["oil_level", "power"]
    assert [tag for tag, _ in bank.given(Table.HOLDING, 3, 3)] == ["energy"]
    assert [tag for tag, _ in bank.given(Table.HOLDING, 3, 2)] == []


def test_a_block_read_before_a_tick_does_not_change_with_it():
    bank = RegisterBank(machine())
    bank.show(dict.fromkeys(PLACES, 1.0) | {"state": "OLD"})
    before = bank.read(Table.HOLDING, 0, 30)
    copy = list(before)
    bank.show(dict.fromkeys(PLACES, 2.0) | {"state": "NEW"})
    assert list(before) == copy
    assert list(bank.read(Table.HOLDING, 0, 30)) != copy
