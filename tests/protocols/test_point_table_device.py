"""Devices of a gateway.toml whose tags stand in files: found beside it, layered, moved, left out."""

from pathlib import Path

import pytest

from edge_gateway.settings import GatewaySettings
from runtime.settings import SettingsError, load

TABLE = "tag,address,type,unit,period_s\npressure,holding:100,float32,bar,0.5\nflow,holding:102.3,bool,,\n"
TEMPLATE = """
title = "Pump"
source = "its manual"
protocol = "modbus"
base_address = 1000
[modbus]
word_order = "little"
gap_fill = 3
forbidden = [[200, 209]]
[[tags]]
tag = "pressure"
address = "holding:1"
type = "int16"
scale_register = "holding:2"
[[tags]]
tag = "phase_a"
address = "input:7.15"
type = "bool"
[[tags]]
tag = "phase_b"
address = "input:8"
type = "int16"
"""
HEAD = 'tenant = "t"\ngateway = "g"\n[[devices]]\nname = "pump-1"\nprotocol = "modbus"\n'
OWN = '[[devices.tags]]\ntag = "own"\naddress = "coil:1"\ntype = "bool"\n'
SECTION = '[devices.modbus]\nhost = "127.0.0.1"\n'


@pytest.fixture
def gateway(tmp_path: Path):
    (tmp_path / "pump.csv").write_text(TABLE)
    (tmp_path / "machine.toml").write_text(TEMPLATE)

    def loaded(device: str, tail: str = ""):
        path = tmp_path / "gateway.toml"
        path.write_text(f"{HEAD}{device}\n{SECTION}{tail}")
        return load(GatewaySettings, path, {})

    return loaded


def device(settings):
    (found,) = settings.devices
    return found


def refused(gateway, text: str, tail: str = "") -> list[str]:
    with pytest.raises(SettingsError) as caught:
        gateway(text, tail)
    return str(caught.value).splitlines()


def by_name(settings):
    return {tag.tag: tag for tag in device(settings).tags}


def test_a_table_beside_the_configuration_gives_the_tags(gateway, monkeypatch, tmp_path_factory):
    monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))
    tags = by_name(gateway('points = "pump.csv"'))
    assert list(tags) == ["pressure", "flow"]
    assert (tags["pressure"].period_s, tags["pressure"].unit, tags["flow"].address) == (0.5, "bar", "holding:102.3")


def test_a_template_brings_tags_and_device_settings(gateway):
    settings = gateway('template = "./machine.toml"', "gap_fill = 9\n")
    tags = by_name(settings)
    assert [tag.address for tag in tags.values()] == ["holding:1001", "input:1007.15", "input:1008"]
    assert tags["pressure"].scale_register == "holding:1002"
    modbus = device(settings).modbus
    assert (modbus.word_order, modbus.gap_fill, modbus.forbidden) == ("little", 9, ((1200, 1209),))


def test_layers_override_field_by_field(gateway):
    tail = OWN + '[[devices.tags]]\ntag = "phase_b"\nunit = "A"\n'
    tags = by_name(gateway('template = "machine.toml"\npoints = "pump.csv"\nbase_address = 10', tail))
    assert list(tags) == ["own", "phase_b", "pressure", "phase_a", "flow"]
    assert (tags["phase_b"].address, tags["phase_b"].unit) == ("input:18", "A")
    # The table overrides address and type; the template's scale register stays.
    assert tags["pressure"].address == "holding:110"
    assert (tags["pressure"].type, tags["pressure"].scale_register) == ("float32", "holding:12")
    assert tags["own"].address == "coil:1", "what the device says itself is where it says"


def test_a_table_with_two_columns_is_enough_over_a_template(gateway, tmp_path):
    (tmp_path / "fast.csv").write_text("tag,period_s\npressure,0.1\n")
    tags = by_name(gateway('template = "machine.toml"\npoints = "fast.csv"'))
    assert {name: tag.period_s for name, tag in tags.items()} == {"pressure": 0.1, "phase_a": 1, "phase_b": 1}


def test_prefix_and_exclude(gateway):
    tags = by_name(gateway('template = "machine.toml"\nprefix = "m1."\nexclude = ["m1.phase_*"]'))
    assert list(tags) == ["m1.pressure"]


def test_errors_name_both_files(gateway, tmp_path):
    (tmp_path / "pump.csv").write_text(TABLE.replace("0.5", "often").replace("flow,", "pressure,"))
    tail = '[[devices.tags]]\ntag = "pressure"\nscale = 0\n'
    told = refused(gateway, 'points = "pump.csv"\nexclude = ["presure"]', tail)
    where = f"{tmp_path}/gateway.toml:6: devices.0.points: "
    assert told[0] == f"{where}pump.csv:3: tag: pressure is already at pump.csv:2; give one another name"
    assert told[1] == f"{where}exclude: no tag is called 'presure', did you mean 'pressure'?"
    assert told[2].startswith(f"{where}pump.csv:2: period_s: Input should be a valid number")
    assert len(told) == 3


def test_an_error_of_a_tag_that_overrides_names_the_device(gateway, tmp_path):
    (told,) = refused(gateway, 'points = "pump.csv"', '[[devices.tags]]\ntag = "pressure"\nscale = 0\n')
    assert "devices.0.points: [[devices.tags]] pressure: tag pressure: scale 0 makes every value" in told


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('points = "nowhere.csv"', "nowhere.csv: cannot be read"),
        ('template = "energy-meter"', "no template 'energy-meter'; shipped: "),
        ('template = "pump.csv/x.toml"', "cannot be read"),
        ('template = "sunspec-meter-3ph"\nbase_address = 65530', "moved by base_address 65530 would be 65536"),
        ("points = 3", "devices.0.points: Input should be a valid string"),
        ('points = "pump.csv"\nexclude = "x"', "devices.0.exclude: Input should be a valid tuple"),
        ('points = "pump.csv"\ntags = 3', "devices.0.tags: Input should be a valid tuple"),
    ],
)
def test_what_cannot_be_used_is_told(gateway, text, told):
    assert told in refused(gateway, text)[0]


def test_what_is_about_files_needs_one(gateway):
    for setting in ('exclude = ["x"]', 'prefix = "a."', "base_address = 0"):
        told = refused(gateway, setting, OWN)[0]
        assert "exclude, prefix and base_address are about the tags of a template or of points; name one" in told


def test_a_template_for_another_protocol_is_refused(gateway, tmp_path):
    (tmp_path / "machine.toml").write_text(TEMPLATE.replace("modbus", "opcua"))
    assert "template machine.toml is for opcua, not modbus" in refused(gateway, 'template = "machine.toml"')[0]
    (tmp_path / "machine.toml").write_text(TEMPLATE.replace("source", "sauce"))
    assert "machine.toml: source: Field required" in refused(gateway, 'template = "machine.toml"')[0]


def test_opcua_nodes_have_no_addresses_to_move(gateway, tmp_path):
    path = tmp_path / "opcua.toml"
    (tmp_path / "cnc.csv").write_text("tag,node\nspeed,i=1\n")
    section = '[devices.opcua]\nurl = "opc.tcp://127.0.0.1:4840"\n'
    head = HEAD.replace("modbus", "opcua") + 'points = "cnc.csv"\n'
    path.write_text(head + section)
    assert list(by_name(load(GatewaySettings, path, {}))) == ["speed"]
    path.write_text(f"{head}base_address = 3\n{section}")
    with pytest.raises(SettingsError, match="base_address moves Modbus addresses; leave it out here"):
        load(GatewaySettings, path, {})


def test_ten_thousand_rows_are_looked_at_once_each(gateway, tmp_path):
    """Not in quadratic time: with it, this would take minutes."""
    lines = [f"tag_{i},holding:{i},int16,,\n" for i in range(10_000)]
    (tmp_path / "pump.csv").write_text(TABLE.splitlines(keepends=True)[0] + "".join(lines))
    assert len(device(gateway('points = "pump.csv"')).tags) == 10_000
