"""docs/how-to/connect-opcua.md: every sample is a gateway.toml that is accepted, and all types are in its table."""

import re
import tomllib
from pathlib import Path

import pytest

from edge_gateway.settings import GatewaySettings
from protocols.opcua.driver import OpcuaDriver
from protocols.opcua.settings import KINDS, OpcuaDevice
from tests.protocols.opcua_rig import make

PAGE = (Path(__file__).parents[2] / "docs/how-to/connect-opcua.md").read_text(encoding="utf-8")
SAMPLES = [
    GatewaySettings.model_validate(tomllib.loads(block)) for block in re.findall(r"```toml\n(.*?)```", PAGE, re.S)
]


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.devices[0].name)
def test_a_driver_can_be_made_of_it(sample: GatewaySettings) -> None:
    (one,) = sample.devices
    assert isinstance(one, OpcuaDevice)
    assert isinstance(make(one), OpcuaDriver)


def test_both_ways_are_shown_and_all_types_are_named() -> None:
    assert {tag.mode for sample in SAMPLES for tag in sample.devices[0].tags} == {"subscribe", "poll"}
    named = set(re.findall(r"`([a-z]+[0-9]*)`", PAGE.partition("## Types")[2].partition("A value of another")[0]))
    assert set(KINDS) <= named | {"int16", "int32", "uint16", "uint32"}
