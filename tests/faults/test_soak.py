"""`make soak` itself: its parts exist and are explained, a failed part fails all, every result is written down."""

import json
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.parts import Part, run
from tests.soak import __main__ as soak
from tests.soak.__main__ import PARTS, main

PAGE = Path(__file__).parents[2] / "docs/how-to/soak.md"

GOOD = Part("good", "A6", "tests.fuzz.modbus", "--answers 100", "--answers 50", 1)
FAILING = Part("failing", "A0", "tests.soak.outage", "--hours never", "--hours never", 1)
WORDLESS = Part("wordless", "A0", "this", "", "", 1)


@pytest.mark.parametrize("part", PARTS, ids=lambda part: part.name)
def test_a_part_is_a_program_that_the_page_explains(part):
    assert find_spec(part.module)
    assert f"| `{part.name}` |" in PAGE.read_text(encoding="utf-8")


def test_what_the_page_shows_as_a_result_is_one():
    (shown,) = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("{")]
    assert list(json.loads(shown)) == list(run(GOOD, GOOD.short, 1).line())


@pytest.mark.parametrize(
    ("part", "passed"), [(GOOD, True), (FAILING, False), (WORDLESS, False)], ids=["good", "failing", "wordless"]
)
def test_a_part_passes_only_with_0_and_an_object(part, passed):
    assert run(part, part.short, 1).passed is passed


@pytest.mark.parametrize(("parts", "code"), [((GOOD,), 0), ((FAILING, GOOD), 1)])
def test_all_results_are_kept_and_one_failure_fails_all(parts, code, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(soak, "PARTS", parts)
    monkeypatch.setattr(soak, "RESULTS", tmp_path / "results")
    monkeypatch.setattr(sys, "argv", ["soak", "--short"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == code
    lines = [json.loads(line) for line in (tmp_path / "results/soak.jsonl").read_text().splitlines()]
    assert [(line["part"], line["passed"]) for line in lines] == [(part.name, part is GOOD) for part in parts]
    assert capsys.readouterr().out.count("FAILED") == 2 * code
