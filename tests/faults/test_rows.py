"""rows.toml against the tests that there are: nothing is promised twice, forgotten, or shown by a test that is gone."""

import ast
import tomllib
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.soak.__main__ import PARTS

ROOT = Path(__file__).parents[2]
ROWS: dict[str, dict[str, Any]] = tomllib.loads((ROOT / "tests/faults/rows.toml").read_text(encoding="utf-8"))
LISTED = [row | {"at": f"{kind}.{number}"} for kind, rows in ROWS.items() for number, row in rows.items()]


@cache
def names_in(path: Path) -> frozenset[str]:
    """Tests and classes of tests in a file; without a single one it shows nothing."""
    if not path.is_file():
        return frozenset()
    defined = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    names = [node.name for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, defined)]
    return frozenset(name for name in names if name.startswith(("test_", "Test")))


def problems(row: dict[str, Any]) -> list[str]:
    """What is wrong with a row."""
    found = [f"no part {part} of the soak" for part in row.get("soak", []) if part not in {each.name for each in PARTS}]
    if bool(row.get("tests")) == bool(row.get("later")):
        found.append("either tests or later")
    for test in row.get("tests", []):
        path, _, name = test.partition("::")
        if not (names_in(ROOT / path) if name == "*" else name in names_in(ROOT / path)):
            found.append(f"no test {test}")
    return found


def test_every_number_is_there():
    assert list(ROWS["pain"]) == [str(number) for number in range(1, 30)]
    assert list(ROWS["measured"]) == [f"A{number}" for number in range(1, 28)]


@pytest.mark.parametrize("row", LISTED, ids=lambda row: row["at"])
def test_what_a_row_names_is_there(row):
    assert not problems(row)
    assert row["pain"]


@pytest.mark.parametrize(
    "row",
    [
        {},
        {"tests": []},
        {"tests": ["tests/faults/test_rows.py::*"], "later": "never"},
        {"tests": ["tests/faults/test_rows.py::test_that_is_gone"]},
        {"tests": ["tests/faults/test_gone.py::*"]},
        {"tests": ["tests/faults/road.py::*"]},
        {"tests": ["tests/faults/test_rows.py::*"], "soak": ["nothing"]},
    ],
)
def test_a_promise_that_nothing_keeps_is_found(row):
    """The control of the check."""
    assert problems(row)
