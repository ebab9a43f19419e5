"""docs/how-to/sparkplug-edge.md: its samples are accepted and mean what the page says; wrong ones are explained."""

import re
from pathlib import Path

import pytest

from edge_gateway.settings import GatewaySettings
from edge_gateway.sparkplug.settings import SparkplugSettings
from protocols.broker import BrokerSettings
from runtime.settings import SettingsError, load

PAGE = (Path(__file__).parents[2] / "docs/how-to/sparkplug-edge.md").read_text(encoding="utf-8")
HEAD = """
tenant = "acme"
gateway = "gw-1"
"""
DEVICE = """
[[devices]]
name = "press-1"
protocol = "modbus"
modbus = { host = "127.0.0.1" }
tags = [{ tag = "a", address = "holding:0", type = "float32" }]
"""


def loaded(tmp_path: Path, section: str, environ: dict[str, str] | None = None) -> GatewaySettings:
    path = tmp_path / "gateway.toml"
    path.write_text(HEAD + section + DEVICE)
    return load(GatewaySettings, path, environ or {})


def test_without_the_section_it_is_off(tmp_path):
    assert loaded(tmp_path, "").sparkplug is None


def test_the_samples_of_the_page_are_accepted(tmp_path):
    short, whole = (loaded(tmp_path, sample).sparkplug for sample in re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL))
    usual = SparkplugSettings(host="scada")
    assert short == usual
    assert (whole.again_s, whole.history_batches_per_s, whole.only) == (
        usual.again_s,
        usual.history_batches_per_s,
        usual.only,
    )
    assert [(server.host, server.port, server.tls) for server in whole.servers(BrokerSettings())] == [
        ("10.0.0.5", 8883, True),
        ("10.0.0.6", 8883, True),
    ]


def test_the_usual_server_is_that_of_the_gateway():
    ours = BrokerSettings(host="broker.example", port=8883, tls=True)
    assert SparkplugSettings().servers(ours) == [ours]


def test_the_password_comes_from_the_environment(tmp_path):
    environ = {"LINEWRIGHT_SPARKPLUG__BROKER__PASSWORD": "word"}
    section = '[sparkplug.broker]\nusername = "edge"\n'
    settings = loaded(tmp_path, section, environ)
    assert settings.sparkplug.broker.password.get_secret_value() == "word"
    with pytest.raises(SettingsError, match="a secret does not stand in this file"):
        loaded(tmp_path, f'{section}password = "word"\n')


def test_no_server_gets_a_password_that_everybody_could_read(tmp_path):
    section = '[sparkplug]\nmore_servers = ["10.0.0.6:1883"]\n[sparkplug.broker]\nusername = "edge"\n'
    with pytest.raises(SettingsError, match=r"everybody on the way to 10\.0\.0\.6 would read"):
        loaded(tmp_path, section, {"LINEWRIGHT_SPARKPLUG__BROKER__PASSWORD": "word"})


@pytest.mark.parametrize(
    ("section", "told"),
    [
        ('group = "a/b"', "sparkplug.group"),
        ('edge_node = "line+"', "sparkplug.edge_node"),
        ('group = "STATE"', "give another name"),
        ('more_servers = ["10.0.0.6"]', "sparkplug.more_servers"),
        ('more_servers = ["10.0.0.6:99999"]', "less than or equal to 65535"),
        ("hots = 1", "did you mean `host`"),
    ],
)
def test_what_is_wrong_is_named(tmp_path, section, told):
    with pytest.raises(SettingsError, match=re.escape(told)):
        loaded(tmp_path, f"[sparkplug]\n{section}\n")


def test_the_rights_of_the_page_are_all_that_the_node_uses():
    """Compared with what tests/sparkplug/edge_rules.py lets a node say and hear."""
    acl = re.search(r"```\nuser(.*?)```", PAGE, re.DOTALL)[1]
    rights = re.findall(r"topic (\w+) spBv1.0/(?:Plant 1/(\w+)/Line 3|(STATE)/scada)(/\+)?", acl)
    assert {(way, verb or state, bool(device)) for way, verb, state, device in rights} == {
        *(("write", f"N{what}", False) for what in ("BIRTH", "DATA", "DEATH")),
        *(("write", f"D{what}", True) for what in ("BIRTH", "DATA", "DEATH")),
        ("read", "NCMD", False),
        ("read", "DCMD", True),
        ("read", "STATE", False),
    }
