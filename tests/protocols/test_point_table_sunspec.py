"""SunSpec models: every published one becomes tags, at the registers that a person counts."""

import csv
import json
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest

from protocols.modbus.sunspec import BadSunspecModel, as_in, each, parse, points_of
from protocols.modbus.sunspec_tags import FIELDS, table_of
from protocols.modbus.tag import ModbusTag
from protocols.point_table import read_table, write_table
from protocols.point_table.tags import tags_of

MODELS = Path("/work/shared/datasets/sunspec_models/json")
GOLDEN = Path(__file__).parents[1] / "golden" / "sunspec_points.csv"
FILES = sorted(MODELS.glob("model_*.json"))
needs_models = pytest.mark.skipif(not FILES, reason="the SunSpec models are not on this machine")

METER = """{"id": 64999, "group": {"name": "m", "points": [
  {"name": "ID", "type": "uint16", "size": 1}, {"name": "L", "type": "uint16", "size": 1},
  {"name": "W", "type": "int16", "size": 1, "sf": "W_SF", "units": "W", "label": "Power"},
  {"name": "W_SF", "type": "sunssf", "size": 1},
  {"name": "T", "type": "int16", "size": 1, "sf": -1}, {"name": "Pad", "type": "pad", "size": 1},
  {"name": "St", "type": "enum16", "size": 1, "symbols": [{"name": "OFF", "value": 1}, {"name": "ON", "value": 4}]},
  {"name": "Evt", "type": "bitfield32", "size": 2, "symbols": [{"name": "FIRE", "value": 0}]},
  {"name": "MAC", "type": "eui48", "size": 4}, {"name": "IP", "type": "ipv6addr", "size": 8},
  {"name": "Wh", "type": "acc64", "size": 4, "static": "S"}, {"name": "w", "type": "float32", "size": 2},
  {"name": "N", "type": "count", "size": 1}],
  "groups": [{"name": "ph", "count": "N", "points": [{"name": "A", "type": "uint16", "size": 1, "sf": "A_SF"},
    {"name": "A_SF", "type": "sunssf", "size": 1}]},
   {"name": "fix", "count": 2, "points": [{"name": "X", "type": "uint16", "size": 1}]},
   {"name": "rest", "count": 0, "points": [{"name": "Y", "type": "uint16", "size": 3, "sf": "W_SF"}]}]}}"""


def golden() -> list[dict[str, str]]:
    lines = GOLDEN.read_text().splitlines()
    return list(csv.DictReader(line for line in lines if not line.startswith("#")))


@needs_models
@pytest.mark.parametrize("model", sorted({row["model"] for row in golden()}, key=int))
def test_points_stand_where_a_person_counts(model: str) -> None:
    rows = [row for row in golden() if row["model"] == model]
    text = (MODELS / f"model_{model}.json").read_text()
    found = {point.path: point for point in points_of(parse(text), each(int(rows[0]["repeat"])))}
    for row in rows:
        point = found[row["path"]]
        place = "" if point.exponent_offset is None else str(point.exponent_offset)
        told = (str(point.offset), point.definition.type, str(point.definition.size), place)
        assert told == (row["offset"], row["type"], row["size"], row["exponent_offset"]), row["path"]


@needs_models
@pytest.mark.parametrize("hundred", [key for key, _ in groupby(FILES, lambda path: path.stem[:7])])
def test_every_published_model_becomes_valid_tags(hundred: str, tmp_path: Path) -> None:
    for path in (path for path in FILES if path.stem.startswith(hundred)):
        for repeat in (1, 3):
            points = points_of(parse(path.read_text()), each(repeat))
            made = table_of(points, 40070)
            write_table(tmp_path / "map.csv", made.rows, FIELDS)
            table = read_table(tmp_path / "map.csv")
            tags = tags_of(table.rows, ModbusTag, table.problems)
            assert [tag.tag for tag in tags] == [row["tag"] for row in made.rows]
            silent = sum(point.definition.type in ("pad", "sunssf") for point in points)
            head = [point.path for point in points[:2]] == ["ID", "L"]
            assert len(tags) + len(made.left_out) + silent + 2 * head == len(points), "no point is lost unsaid"
            assert all(row["type"] != "string" for row in made.rows)


@needs_models
def test_models_are_as_long_as_they_say() -> None:
    checked = 0
    for path in FILES:
        model = parse(path.read_text())
        points = points_of(model, each(1))
        lengths = [point["value"] for point in _raw_points(path) if point["name"] == "L" and "value" in point]
        if lengths and not any(group.count is not None for group in model.group.groups):
            assert points[-1].offset + points[-1].definition.size == lengths[0] + 2, path.name
            checked += 1
    assert checked >= 6


def _raw_points(path: Path) -> list[dict[str, Any]]:
    return json.loads(path.read_text())["group"]["points"]


def test_the_parts_of_a_row() -> None:
    made = table_of(points_of(parse(METER), each(1)), 100, "x.")
    rows = {row["tag"]: {name: value for name, value in row.items() if value not in (None, "")} for row in made.rows}
    assert rows["x.w"] == {
        "tag": "x.w", "address": "holding:102", "type": "int16", "missing": -0x8000, "unit": "W",
        "note": "Power", "scale_register": "holding:103",
    }  # fmt: skip
    assert rows["x.t"]["scale"] == 0.1
    assert rows["x.st"]["enum"] == {"1": "OFF", "4": "ON"}
    assert rows["x.evt"]["note"] == "Evt; bits: 0 FIRE"
    assert (rows["x.mac"]["address"], rows["x.mac"]["type"]) == ("holding:110", "uint48")
    assert (rows["x.wh"]["period_s"], rows["x.wh"]["missing"]) == (60, 0)
    assert rows["x.w-2"]["type"] == "float32", "W and w are two points"
    assert rows["x.ph_1.a"]["scale_register"] == "holding:129", "the nearest group's scale factor"
    assert [name for name in rows if "fix" in name] == ["x.fix_1.x", "x.fix_2.x"]
    assert made.left_out == ["IP left out: a ipv6addr is no value that a tag can have"]
    assert not {"x.pad", "x.id", "x.l", "x.w_sf"} & set(rows)


def test_a_device_says_how_often_groups_repeat() -> None:
    registers = [0] * 43
    registers[27] = 4
    found = points_of(parse(METER), as_in(registers))
    assert sum(point.path.startswith("ph_") for point in found) == 8
    assert sum(point.path.startswith("rest_") for point in found) == (43 - 28 - 8 - 2) // 3


def test_a_point_too_far_from_its_scale_factor_is_said_to_be_left_out() -> None:
    made = table_of(points_of(parse(METER), each(45)), 0)
    far = [line for line in made.left_out if line.startswith("rest_")]
    assert far
    assert far[0].startswith("rest_")
    assert far[0].endswith("one answer brings 125")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{}", "id: Field required"),
        ("no json", "file: Invalid JSON"),
        (METER.replace('"sf": "A_SF"', '"sf": "B_SF"'), "point ph_1.A has the scale factor B_SF, which is no point"),
        (METER.replace('"count": "N"', '"count": "M"'), "group ph is counted by M, which is no point"),
    ],
)
def test_what_is_no_model(text: str, told: str) -> None:
    with pytest.raises(BadSunspecModel, match=told):
        points_of(parse(text), each(1))
    if "ph" in told:
        return
    with pytest.raises(BadSunspecModel):
        parse(text)


def test_a_model_that_would_not_fit_into_the_address_space() -> None:
    with pytest.raises(BadSunspecModel, match="repeat less"):
        points_of(parse(METER), each(20_000))
