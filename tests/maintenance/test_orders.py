"""The state machine against its table in tests/golden/order_transitions.csv, and every guard by itself."""

import csv
import itertools
from datetime import timedelta
from pathlib import Path

import pytest

from maintenance import Forbidden, Missing, NotAllowed, Refused, orders
from maintenance.records import HOUSE, VERDICTS, Source, State
from tests.maintenance.plant import (
    ACTORS,
    ADMIN,
    ASSIGNEE,
    NOW,
    OPERATOR,
    PLANNER,
    TECHNICIAN,
    candidate,
    facts,
    order,
    request,
)

TABLE = Path(__file__).parents[1] / "golden" / "order_transitions.csv"
LINES = {(line["state"], line["action"]): line for line in csv.DictReader(TABLE.open(encoding="utf-8"))}
ACTIONS = sorted({action for _, action in LINES})


def test_the_table_and_the_code_name_the_same_actions():
    assert set(orders.ACTIONS) == set(ACTIONS)


@pytest.mark.parametrize(("state", "action", "actor"), list(itertools.product(State, ACTIONS, ACTORS)))
def test_every_triple_is_as_the_table_says(state, action, actor):
    line = LINES.get((state, action))
    expected = "not_allowed" if line is None else line["to"] if line[actor] == "yes" else "forbidden"
    try:
        outcome = orders.apply(order(state), request(action), ACTORS[actor], facts())[0].state
    except NotAllowed:
        outcome = "not_allowed"
    except Forbidden:
        outcome = "forbidden"
    assert outcome == expected
    offered = {choice.action: choice.to for choice in orders.allowed(order(state), ACTORS[actor], NOW)}
    assert offered.get(action) == (expected if expected in tuple(State) else None)


def test_nothing_is_closed_without_having_been_done():
    reached, edge = {State.NEW}, [State.NEW]
    while edge:
        state = edge.pop()
        for step in orders.TRANSITIONS:
            if step.source is state and step.to not in (*reached, State.DONE):
                reached.add(step.to)
                edge.append(step.to)
    assert State.CLOSED not in reached
    assert State.ON_HOLD in reached


def test_a_refusal_names_what_can_be_done():
    with pytest.raises(Refused) as refused:
        orders.apply(order(State.NEW), request("close"), PLANNER, facts())
    assert refused.value.allowed == ["request_approval", "assign", "cancel"]


def test_the_house_itself_takes_no_action():
    assert all(orders.allowed(order(state), HOUSE, NOW) == [] for state in State)


class TestAssign:
    def test_a_planner_gives_it_to_a_technician(self):
        after, event = orders.apply(order(), request("assign"), PLANNER, facts())
        assert (after.assignee_id, after.assigned_at) == (ASSIGNEE.id, NOW)
        assert event.data == {"assignee_id": str(ASSIGNEE.id), "assignee_name": "assignee"}

    def test_a_planner_must_name_an_active_technician(self):
        for nobody in (None, candidate(OPERATOR)):
            with pytest.raises(Missing) as missing:
                orders.apply(order(), request("assign"), PLANNER, facts(assignee=nobody))
            assert missing.value.fields == ["assignee_id"]

    def test_a_technician_takes_it_and_needs_nothing(self):
        (choice,) = orders.allowed(order(), TECHNICIAN, NOW)
        assert (choice.action, choice.needs) == ("assign", ())
        after, _ = orders.apply(order(), request("assign"), TECHNICIAN, facts(assignee=None))
        assert after.assignee_id == TECHNICIAN.id

    def test_a_technician_gives_it_to_nobody_else(self):
        with pytest.raises(Forbidden):
            orders.apply(order(), request("assign", assignee_id=ASSIGNEE.id), TECHNICIAN, facts())


class TestGuards:
    @pytest.mark.parametrize(
        ("state", "action", "actor"),
        [
            (State.ASSIGNED, "decline", ASSIGNEE),
            (State.IN_PROGRESS, "hold", ASSIGNEE),
            (State.DONE, "reject", PLANNER),
            (State.CLOSED, "reopen", PLANNER),
            (State.NEW, "cancel", PLANNER),
        ],
    )
    @pytest.mark.parametrize("reason", [None, "", "  "])
    def test_a_reason_is_needed(self, state, action, actor, reason):
        with pytest.raises(Missing) as missing:
            orders.apply(order(state), request(action, reason=reason), actor, facts())
        assert missing.value.fields == ["reason"]

    def test_start_needs_the_label_of_the_machine_or_a_reason(self):
        accepted = order(State.ACCEPTED)
        with pytest.raises(Missing) as missing:
            orders.apply(accepted, request("start", reason=None), ASSIGNEE, facts(scan_matches=False))
        assert missing.value.fields == ["scan"]
        _, scanned = orders.apply(accepted, request("start", reason=None), ASSIGNEE, facts())
        _, excused = orders.apply(accepted, request("start"), ASSIGNEE, facts(scan_matches=False))
        assert (scanned.data, excused.data) == ({"scanned": True}, {"scanned": False})

    def test_complete_needs_a_verdict_when_an_alarm_made_the_order(self):
        for nothing in (None, "", "looks fine"):
            with pytest.raises(Missing) as missing:
                orders.apply(order(State.IN_PROGRESS), request("complete", verdict=nothing), ASSIGNEE, facts())
            assert missing.value.fields == ["verdict"]
        for verdict in VERDICTS:
            after, _ = orders.apply(order(State.IN_PROGRESS), request("complete", verdict=verdict), ASSIGNEE, facts())
            assert after.verdict == verdict

    def test_complete_needs_no_verdict_when_a_person_made_the_order(self):
        reported = order(State.IN_PROGRESS, source=Source.REPORT)
        assert orders.allowed(reported, ASSIGNEE, NOW)[1].needs == ()
        after, event = orders.apply(reported, request("complete", verdict=None), ASSIGNEE, facts())
        assert (after.state, after.verdict, event.data) == (State.DONE, None, {})

    def test_on_a_critical_machine_another_person_verifies(self):
        both = orders.replace(ASSIGNEE, roles=frozenset({"technician", "planner"}))
        assert orders.apply(order(State.DONE), request("close"), both, facts())[0].state is State.CLOSED
        critical = order(State.DONE, criticality="A")
        with pytest.raises(Forbidden) as refused:
            orders.apply(critical, request("close"), both, facts())
        assert refused.value.allowed == ["reject"]
        assert orders.apply(critical, request("close"), PLANNER, facts())[0].state is State.CLOSED

    def test_closing_while_the_alarm_is_active_needs_a_reason(self):
        alarmed = order(State.DONE, alarm_active=True)
        assert orders.allowed(alarmed, PLANNER, NOW)[0].needs == ("reason",)
        with pytest.raises(Missing):
            orders.apply(alarmed, request("close", reason=None), PLANNER, facts())
        assert orders.allowed(order(State.DONE), PLANNER, NOW)[0].needs == ()

    def test_reopening_ends_after_thirty_days(self):
        closed = order(State.CLOSED)
        just = facts(now=NOW + orders.REOPEN_WITHIN)
        assert orders.apply(closed, request("reopen"), ADMIN, just)[0].reopen_count == 1
        late = facts(now=NOW + orders.REOPEN_WITHIN + timedelta(seconds=1))
        with pytest.raises(NotAllowed):
            orders.apply(closed, request("reopen"), ADMIN, late)
        assert orders.allowed(closed, ADMIN, late.now) == []


def test_counters_count_what_went_back():
    declined, _ = orders.apply(order(State.ASSIGNED), request("decline"), ASSIGNEE, facts())
    assert (declined.reassign_count, declined.assignee_id) == (1, None)
    rejected, _ = orders.apply(order(State.DONE), request("reject"), PLANNER, facts())
    assert (rejected.rework_count, rejected.assignee_id) == (1, ASSIGNEE.id)


@pytest.mark.parametrize(
    ("reason", "code"),
    [("PART", "PART"), ("part: bearing 6205", "PART"), ("VENDOR:", "VENDOR"), ("tea", "OTHER"), ("", "OTHER")],
)
def test_the_code_of_a_hold_stands_at_the_front(reason, code):
    assert orders.hold_reason(reason) == code
