"""Shipped templates: whole, usable, and still what their source says."""

import tomllib
from pathlib import Path

import pytest

from protocols.modbus.settings import ModbusDevice
from protocols.modbus.sunspec import each, parse, points_of
from protocols.modbus.sunspec_tags import table_of
from protocols.template import read_template, shipped, shipped_templates
from simulators.gateway_config import Endpoint, GatewayTarget, gateway_toml
from simulators.plant import DEMO, load_plant

MODELS = Path("/work/shared/datasets/sunspec_models/json")


def test_the_templates_that_are_shipped():
    assert shipped() == ["demo-compressor", "demo-pump", "sunspec-inverter-3ph", "sunspec-meter-3ph"]


@pytest.mark.parametrize("name", shipped())
def test_a_device_needs_no_more_than_the_template_and_where_it_is(name):
    device = {"name": "x", "protocol": "modbus", "template": name, "modbus": {"host": "127.0.0.1"}}
    assert len(ModbusDevice.model_validate(device).tags) == len(read_template(name, Path()).table.rows) > 10


def test_templates_say_where_their_map_is_published():
    for _, template in shipped_templates():
        assert "/" in template.head.source


@pytest.mark.parametrize(("name", "model"), [("sunspec-inverter-3ph", 103), ("sunspec-meter-3ph", 203)])
def test_sunspec_templates_are_what_the_models_say(name, model):
    path = MODELS / f"model_{model}.json"
    if not path.exists():
        pytest.skip("the SunSpec models are not on this machine")
    made = table_of(points_of(parse(path.read_text()), each(1)), 0).rows
    blank = (None, "")
    wanted = [{field: value for field, value in row.items() if value not in blank} for row in made]
    assert [dict(row.values) for row in read_template(name, Path()).table.rows] == wanted


@pytest.mark.parametrize("machine", ["compressor-1", "pump-1"])
def test_demo_templates_are_what_the_simulator_serves(machine):
    plant = load_plant(DEMO)
    endpoints = {server.name: Endpoint("127.0.0.1", 502) for server in plant.servers}
    devices = tomllib.loads(gateway_toml(plant, endpoints, GatewayTarget("demo")))["devices"]
    served = ModbusDevice.model_validate(next(device for device in devices if device["name"] == machine))
    template = f"demo-{machine.removesuffix('-1')}"
    where = {"host": "127.0.0.1", "unit": served.modbus.unit}
    used = ModbusDevice.model_validate({"name": machine, "protocol": "modbus", "template": template, "modbus": where})
    assert used.tags == served.tags
    assert used.modbus == served.modbus
