"""`make chaos` itself: its parts exist and are explained, take a seed, and write their results down."""

import json
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.chaos import __main__ as chaos
from tests.chaos.__main__ import PARTS, main
from tests.chaos.killing import VICTIMS, schedule

PAGE = (Path(__file__).parents[2] / "docs/how-to/chaos.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("part", PARTS, ids=lambda part: part.name)
def test_a_part_is_a_program_that_the_page_explains(part):
    assert find_spec(part.module)
    assert f"| `{part.name}` |" in PAGE


def test_the_result_of_a_seeded_part_is_kept(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(chaos, "RESULTS", tmp_path / "results")
    monkeypatch.setattr(sys, "argv", ["chaos", "--short", "--part", "ragged", "--seed", "3"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 0
    (line,) = map(json.loads, (tmp_path / "results/chaos.jsonl").read_text().splitlines())
    (shown,) = [json.loads(line) for line in PAGE.splitlines() if line.startswith("{")]
    assert (line["part"], line["passed"], line["result"]["seed"]) == ("ragged", True, 3)
    assert list(line) == list(shown)
    assert {"produced", "stored", "missing", "duplicated", "wrong"} <= line["result"].keys()
    assert "passed" in capsys.readouterr().out


def test_the_same_seed_is_the_same_schedule():
    assert schedule(40, 7, (2.0, 5.0)) == schedule(40, 7, (2.0, 5.0)) != schedule(40, 8, (2.0, 5.0))
    assert len(schedule(40, 7, (2.0, 5.0))) == 40 * len(VICTIMS) >= 200
    assert all(2.0 <= wait_s <= 5.0 for wait_s, _ in schedule(40, 7, (2.0, 5.0)))
