"""The alarm's states against tests/golden/alarm_states.csv: every transition, every refusal, every state reached."""

import csv
import itertools
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from anomaly import NotPossible
from anomaly.alarm_state import EVENTS, Facts, after, state

NOW = datetime(2026, 3, 1, tzinfo=UTC)
TABLE = Path(__file__).parents[1] / "golden" / "alarm_states.csv"
LINES = {(line["state"], line["event"]): line["to"] for line in csv.DictReader(TABLE.open(encoding="utf-8"))}

# The states that lie above the others stand here over an active alarm that nobody has acknowledged.
FACTS = {
    "norm": Facts(),
    "unack_active": Facts(active=True, acked=False),
    "ack_active": Facts(active=True),
    "rtn_unack": Facts(acked=False),
    "latched_unack": Facts(acked=False, latched=True),
    "latched_ack": Facts(latched=True),
    "shelved": Facts(active=True, acked=False, suppression="shelved", suppressed_until=NOW + timedelta(hours=1)),
    "suppressed": Facts(active=True, acked=False, suppression="by_design"),
    "out_of_service": Facts(active=True, acked=False, suppression="out_of_service"),
}


def take(facts: Facts, event: str) -> Facts:
    until = NOW + timedelta(hours=1) if event == "shelve" else None
    return after(facts, event.removesuffix("_latching"), latching=event.endswith("_latching"), until=until)


@pytest.mark.parametrize("name", FACTS)
def test_every_state_has_its_facts(name):
    assert state(FACTS[name], NOW) == name


@pytest.mark.parametrize(("name", "event"), list(itertools.product(FACTS, [*EVENTS, "rtn_latching"])))
def test_every_transition_is_as_the_table_says(name, event):
    try:
        outcome = state(take(FACTS[name], event), NOW)
    except NotPossible:
        outcome = None
    assert outcome == LINES.get((name, event))


def test_every_state_is_reached_from_norm_and_every_line_of_the_table_is_walked():
    reached, edge, walked = {FACTS["norm"]}, [FACTS["norm"]], set()
    while edge:
        facts = edge.pop()
        for event in (*EVENTS, "rtn_latching"):
            try:
                following = take(facts, event)
            except NotPossible:
                continue
            walked.add((state(facts, NOW), event))
            if following not in reached:
                reached.add(following)
                edge.append(following)
    assert {state(facts, NOW) for facts in reached} == set(FACTS)
    assert set(LINES) <= walked


def test_evaluation_goes_on_under_a_shelf_and_shows_when_it_ends():
    shelved = take(FACTS["unack_active"], "shelve")
    assert state(take(take(shelved, "rtn"), "unshelve"), NOW) == "rtn_unack"
    assert state(take(take(take(shelved, "ack"), "rtn"), "unshelve"), NOW) == "norm"
    returned = take(take(shelved, "rtn"), "onset")
    assert (returned.active, state(returned, NOW)) == (True, "shelved")


def test_a_shelf_ends_by_itself():
    shelved = take(FACTS["ack_active"], "shelve")
    assert state(shelved, NOW + timedelta(minutes=59)) == "shelved"
    assert state(shelved, NOW + timedelta(minutes=60)) == "ack_active"
