"""PLANT.toml is checked when it is read; an error says what is wrong and what would be right."""

import pytest

from runtime.settings import SettingsError
from simulators.plant import DEMO, Plant, load_plant


def test_the_demo_has_its_four_machines_behind_three_servers():
    plant = load_plant()
    assert [(machine.slug, plant.server(machine.server).protocol) for machine in plant.machines] == [
        ("compressor-1", "modbus"),
        ("pump-1", "modbus"),
        ("cnc-1", "opcua"),
        ("press-1", "opcua"),
    ]
    assert plant.tenant == "demo"
    assert plant.site == "plant-1"
    vibration = next(spec for spec in plant.machines[1].tags if spec.slug == "vibration_rms")
    assert {(limit.kind, limit.threshold, limit.cause) for limit in vibration.limits} == {
        ("high", 4.5, "bearing_wear"),
        ("high_high", 7.1, "bearing_wear"),
    }


def test_every_limit_has_hysteresis_and_a_cause_and_high_high_is_the_worse():
    for machine in load_plant().machines:
        for spec in machine.tags:
            by_kind = {limit.kind: limit for limit in spec.limits}
            assert all(limit.deadband > 0 and limit.on_delay_s > 0 and limit.cause for limit in spec.limits)
            if "high_high" in by_kind:
                assert by_kind["high_high"].threshold > by_kind["high"].threshold
                assert by_kind["high_high"].priority == "critical"


def test_speed_and_seed_can_be_given():
    plant = load_plant(speed=3.0, seed=99)
    assert (plant.speed, plant.seed) == (3.0, 99)


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('tag = "flow", address', 'tag = "flo", address', "a pump has no tag 'flo'"),
        ('address = "input:3", type = "float32"', 'address = "input:1", type = "float32"', "both stand at input:1"),
        ('address = "input:7"', 'address = "input:22"', "stands in the hole [20, 29]"),
        ('address = "input:7"', 'address = "input:120"', "stands behind the map"),
        ('address = "input:7"', 'address = "inputs:7"', "is not understood"),
        ('"input:7", type = "uint16", scale = 0.1', '"input:7", type = "uint16"', "it is a float64"),
        ('"holding:10.0", type = "bool"', '"holding:10", type = "int16"', "it is a bool"),
        ('fault = "bearing_wear"', 'fault = "oil_leak"', "a pump cannot suffer from oil_leak"),
        ('fault = "bearing_wear"', 'fault = "stuck_sensor"', "`tag` belongs to sensor faults"),
        ('severity = 1.0', 'severity = 1.0\nend_s = 10.0', "ends before it begins"),
        ('server = "hall-1"', 'server = "hall-2"', "there is no server 'hall-2'"),
        ('unit = 3', 'unit = 3\npolled = ["flow"]', "leave `polled` out"),
        ('slug = "press-1"', 'slug = "cnc-1"', "machine cnc-1 is there twice"),
        ('tick_s = 0.1', 'tick = 0.1', "did you mean `tick_s`"),
    ],
)  # fmt: skip
def test_a_wrong_plant_is_refused_with_the_reason(tmp_path, old, new, says):
    text = DEMO.read_text()
    assert old in text
    path = tmp_path / "plant.toml"
    path.write_text(text.replace(old, new, 1))
    with pytest.raises(SettingsError) as caught:
        load_plant(path)
    assert says in str(caught.value)


def test_two_units_on_one_line_need_two_numbers():
    data = load_plant().model_dump()
    data["machines"] = [machine | {"server": "compressor-1", "unit": 1} for machine in data["machines"][:2]]
    data["faults"] = []
    with pytest.raises(ValueError, match="unit of compressor-1 1 is there twice"):
        Plant.model_validate(data)
