"""The rules themselves: an edge node keeps them without disk and wire, and each of them can be broken."""

import copy

import pytest

from tests.sparkplug.edge_mutations import MUTATIONS
from tests.sparkplug.edge_parts import a_day
from tests.sparkplug.edge_rig import good_values
from tests.sparkplug.edge_rules import RULES, broken

MORE_THAN_THE_NUMBERS_THERE_ARE = 300


@pytest.fixture(scope="module")
def day():
    return a_day(turns=25)


def test_an_edge_node_keeps_every_rule():
    sessions = a_day(MORE_THAN_THE_NUMBERS_THERE_ARE)
    assert broken(sessions) == {}
    said = {one.verb for session in sessions for one in session.sent}
    assert said == {"NBIRTH", "DBIRTH", "NDATA", "DDATA", "DDEATH", "NDEATH"}


@pytest.mark.parametrize("name", RULES)
def test_a_mutation_is_caught(name, day):
    changed = copy.deepcopy(day)
    MUTATIONS[name](changed)
    assert name in broken(changed)


def test_every_statement_stands_in_one_rule_only():
    ids = [one for rule in RULES.values() for one in rule.ids]
    assert len(ids) == len(set(ids))


def test_a_value_that_is_missing_is_noticed(day):
    """The negative control of the comparison with what our own ingest stores."""
    said = [one for session in day for one in session.of("DBIRTH", "DDATA")]
    assert good_values(said) - good_values([*said[:10], *said[11:]])
