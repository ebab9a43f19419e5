"""tests/sparkplug/ids.toml and host_ids.toml: every statement of the specification is accounted for, truthfully."""

import ast
import hashlib
import re
import tomllib
from pathlib import Path

import pytest

from tests.sparkplug.edge_complex import COMPLEX_RULES
from tests.sparkplug.edge_rules import RULES

FOLDER = Path(__file__).parent
IDS = tomllib.loads((FOLDER / "ids.toml").read_text(encoding="utf-8"))
HOST_IDS = tomllib.loads((FOLDER / "host_ids.toml").read_text(encoding="utf-8"))

# Of all ids of the specification in alphabetical order, a line each, without the `tck-id-` before them.
COUNT, SHA256 = 299, "947745251309b39dcd65ba9cbe80cc59fad80366acf92a291de976fac02c9b7e"
LEAST_TESTED = 0.95

EDGE = {name: entry for name, entry in IDS.items() if entry["role"] in {"edge", "both"}}
ENTRIES = [*EDGE.items(), *HOST_IDS.items()]


def test_every_id_is_there_in_order():
    assert len(IDS) == COUNT
    assert hashlib.sha256("\n".join(IDS).encode()).hexdigest() == SHA256


def test_every_id_has_one_role_and_its_place():
    assert {entry["role"] for entry in IDS.values()} == {"edge", "host", "broker", "both"}
    of_hosts = {name for name, entry in IDS.items() if entry["role"] == "host"}
    of_both = {name for name, entry in IDS.items() if entry["role"] == "both"}
    assert of_hosts <= set(HOST_IDS) <= of_hosts | of_both
    assert not any("tests" in entry or "why_not" in entry for name, entry in IDS.items() if name not in EDGE)


@pytest.mark.parametrize(("name", "entry"), ENTRIES, ids=[name for name, _ in ENTRIES])
def test_what_an_entry_says_is_so(name, entry):
    """A test that is there, or a reason."""
    assert bool(entry.get("tests")) is not bool(entry.get("why_not"))
    for test in entry.get("tests", []):
        file, function, parameter = re.fullmatch(r"(?:tests/sparkplug/)?([^:]+)::(\w+)(?:\[(.+)\])?", test).groups()
        assert function in _functions(file), test
        if function == "test_a_mutation_is_caught":
            rules = COMPLEX_RULES if "complex" in file else RULES
            assert name in rules[parameter].ids, test


def test_what_a_rule_stands_for_names_the_rule():
    for rules, file in ((RULES, "rules"), (COMPLEX_RULES, "complex")):
        for rule, (*_, ids) in rules.items():
            for one in ids:
                assert f"test_sparkplug_edge_{file}.py::test_a_mutation_is_caught[{rule}]" in IDS[one]["tests"]


def test_nearly_all_are_tested():
    tested = sum("tests" in entry for _, entry in ENTRIES)
    assert tested / len(ENTRIES) >= LEAST_TESTED


def _functions(file: str) -> set[str]:
    tree = ast.parse((FOLDER / file).read_text(encoding="utf-8"))
    return {node.name for node in ast.walk(tree) if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))}
