"""Who is proposed and why; what a reporter is offered."""

from uuid import UUID

from maintenance.dispatch import pick
from maintenance.records import Candidate
from maintenance.symptoms import BY_MACHINE_CLASS, SYMPTOMS, priority_of, symptoms_of


def technician(number: int, open_orders: int, *roles: str) -> Candidate:
    return Candidate(UUID(int=number), f"T{number}", frozenset(roles or ("technician",)), open_orders)


def test_the_least_loaded_technician_is_proposed_with_the_reason():
    choice = pick([technician(1, 3), technician(2, 1), technician(3, 0, "planner"), technician(4, 2)])
    assert choice.person == technician(2, 1)
    assert choice.why == "T2 has the least open work: 1 (then T4 2, T1 3)"


def test_equal_load_is_decided_the_same_way_in_any_order():
    crew = [technician(number, 1) for number in range(1, 8)]
    assert pick(crew).person == pick(crew[::-1]).person == crew[0]
    assert pick(crew).why.endswith("and 3 more)")


def test_nobody_able_is_told():
    assert pick([technician(1, 0, "operator")]).person is None
    assert pick([]).why == "nobody active has the role technician"


def test_two_hundred_technicians_and_a_thousand_orders_take_under_a_second():
    load = dict.fromkeys(range(200), 0)
    for _ in range(1000):
        choice = pick([technician(number, load[number]) for number in load])
        assert choice.person
        load[choice.person.id.int] += 1
    assert set(load.values()) == {5}


def test_every_class_offers_six_to_eight_known_symptoms():
    for symptoms in BY_MACHINE_CLASS.values():
        assert 6 <= len(symptoms) <= 8
        assert set(symptoms) <= set(SYMPTOMS)
        assert len(set(symptoms)) == len(symptoms)
        assert symptoms[-1] == "other" or "other" in symptoms
    assert symptoms_of(None) == symptoms_of("windmill") == BY_MACHINE_CLASS["other"]


def test_smoke_is_more_urgent_than_noise():
    assert priority_of("smell_smoke") == "critical"
    assert priority_of("noise") == "medium"
