"""Runs tests/cases/shaping: reads in, reports out, sample by sample."""

import tomllib
from pathlib import Path

import pytest

from protocols.sample import Quality, Reason, quality_of, reason_of
from tests.edge_gateway.shaping_parts import Rig, device

FOLDER = Path(__file__).parent.parent / "cases" / "shaping"
CASES = sorted(FOLDER.glob("*.toml"), key=lambda path: path.stem)


def given(value):
    """A value, or the reason why there is none."""
    return Reason[value.upper()] if isinstance(value, str) and value.upper() in Reason.__members__ else value


def shown(samples) -> list[list]:
    """As in the files."""
    rows = []
    for tag, second, value, code in samples:
        made = [tag.removeprefix("tag")] if tag != "tag" else []
        told = [value] if quality_of(code) is not Quality.BAD else []
        why = [reason_of(code)] if quality_of(code) is not Quality.GOOD else []
        rows.append([*made, second, *told, *why])
    return rows


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_exactly_what_is_expected_is_reported(path):
    case = tomllib.loads(path.read_text())
    rig = Rig([device({"tag": "tag", **case["tag"]})])
    expected = case["expected"]
    events = [(second, rig.read, {"tag": given(value)}) for second, value in expected["read"]]
    ticks = [(second, rig.look, {}) for second in expected.get("ticks", [])]
    if ticks:
        events = sorted(events + ticks, key=lambda event: event[0])
    reported = [row for second, act, values in events for row in shown(act(second, **values))]
    assert reported == expected["reported"]
    assert "rest" not in expected or shown(rig.listed(rig.shape.rest())) == expected["rest"]


def test_there_are_cases():
    assert len(CASES) >= 14
