"""Runs tests/cases/mapping: a message in, samples out."""

import tomllib
from pathlib import Path

import pytest

from tests.ingest_service.mapping.mapping_cases import ROOT, folders, outcome


@pytest.mark.parametrize("folder", folders(), ids=lambda folder: folder.name)
def test_case(folder: Path) -> None:
    expected = tomllib.loads((folder / "expected.toml").read_text(encoding="utf-8"))
    assert outcome(folder) == expected


def test_every_shipped_mapping_has_a_case() -> None:
    told = "".join((folder / "case.toml").read_text(encoding="utf-8") for folder in folders())
    shipped = sorted(path.name for path in (ROOT / "deploy/mappings").glob("*.toml"))
    assert shipped
    assert [name for name in shipped if f"deploy/mappings/{name}" not in told] == []


def test_a_wrong_expectation_is_found() -> None:
    folder = folders()[0]
    expected = tomllib.loads((folder / "expected.toml").read_text(encoding="utf-8"))
    expected["samples"][0][3] += 1
    assert outcome(folder) != expected
