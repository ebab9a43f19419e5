"""Names from elsewhere become names of ours."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.naming import id_slug, slug
from protocols.topics import GatewayAddress
from protocols.wire.catalog import ID


@pytest.mark.parametrize("name", ["temperature", "a", "motor-1.speed_rpm", "7", "x" * 64])
def test_a_name_that_fits_stays(name: str) -> None:
    assert slug(name) == name


@pytest.mark.parametrize(
    ("name", "start"),
    [("Spindle/Speed (rpm)", "spindle.speed-rpm-"), ("TEMP", "temp-"), ("温度", "x-"), ("-a", "a-"), ("", "x-")],
)
def test_another_name_becomes_readable_and_marked(name: str, start: str) -> None:
    assert re.fullmatch(re.escape(start) + "[0-9a-f]{6}", slug(name))


def test_names_that_look_alike_stay_apart() -> None:
    names = ["Temp", "temp", "TEMP", "temp ", "Temp/1", "temp.1", "Temp 1", "x" * 65, "x" * 66]
    assert len({slug(name) for name in names}) == len(names)
    assert len({id_slug(name) for name in names}) == len(names)


def test_the_slug_of_a_name_never_moves() -> None:
    assert slug("Node Info/Temp °C") == "node-info.temp-c-4caa8b"
    assert id_slug("Line_1") == "line-1-08a392"


@given(st.text(max_size=90))
def test_every_text_has_a_name(text: str) -> None:
    assert re.fullmatch(ID, slug(text))
    GatewayAddress(id_slug(text), id_slug(text))
