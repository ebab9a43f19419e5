"""One case a machine and cause, root first, raised by the first tag and cleared by the last."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from anomaly.cases import CaseBook
from anomaly.records import Signal


def signal(tag="vibration", active=True, at=10, **fields) -> Signal:
    values = {
        "key": f"limit:{tag}", "tag": tag, "cause": "bearing_wear", "source": "limit", "priority": "high",
        "active": active, "onset_ns": at, "time_ns": at, "score": 1.0,
    }  # fmt: skip
    return Signal(**values | fields)


def test_the_first_tag_raises_the_second_joins_and_the_last_clears():
    book = CaseBook()
    (raised,) = book.apply([signal(score=3.0)])
    (grown,) = book.apply([signal("temperature", at=20, score=1.0)])
    assert (raised.action, raised.case.contributions) == ("raise", (("vibration", 1.0),))
    assert (grown.action, grown.case.contributions) == ("grow", (("vibration", 0.75), ("temperature", 0.25)))
    assert book.apply([signal(active=False, at=30)]) == []
    (cleared,) = book.apply([signal("temperature", active=False, at=40)])
    assert (cleared.action, cleared.time_ns, book.open) == ("clear", 40, frozenset())


def test_the_earliest_onset_is_the_root_whoever_was_told_first():
    book = CaseBook()
    book.apply([signal("temperature", onset_ns=50, time_ns=60, score=9.0)])
    (grown,) = book.apply([signal("vibration", onset_ns=10, time_ns=70)])
    assert [tag for tag, _ in grown.case.contributions] == ["vibration", "temperature"]
    assert grown.case.onset_ns == 10


def test_a_second_limit_of_the_same_tag_grows_the_case_only_when_it_is_more_urgent():
    book = CaseBook()
    book.apply([signal(priority="medium")])
    assert book.apply([signal(key="limit:low2", priority="low", at=11)]) == []
    (grown,) = book.apply([signal(key="limit:hh", priority="critical", at=12, score=2.0)])
    assert (grown.action, grown.case.priority, grown.case.contributions) == ("grow", "critical", (("vibration", 1.0),))
    # Its urgency stays until the case is over.
    assert book.apply([signal(key="limit:hh", active=False, at=13)]) == []
    book.apply([signal(key="limit:low2", active=False, at=14)])
    (cleared,) = book.apply([signal(active=False, at=15)])
    assert cleared.case.priority == "critical"
    (again,) = book.apply([signal(priority="medium", at=16)])
    assert again.case.priority == "medium"


def test_two_causes_are_two_cases():
    changes = CaseBook().apply([signal(), signal("flow", cause="seal_leak")])
    assert [(change.action, change.case.cause) for change in changes] == [
        ("raise", "bearing_wear"),
        ("raise", "seal_leak"),
    ]


def test_a_limit_that_joins_advice_makes_it_a_matter_of_limits():
    book = CaseBook()
    (raised,) = book.apply([signal(source="statistical", priority="advisory")])
    (grown,) = book.apply([signal("temperature", at=11)])
    assert (raised.case.source, grown.case.source, grown.case.priority) == ("statistical", "limit", "high")


def test_what_was_never_raised_cannot_clear_and_a_repeated_signal_changes_nothing():
    book = CaseBook()
    assert book.apply([signal(active=False)]) == []
    book.apply([signal()])
    assert book.apply([signal(at=11)]) == []


def test_a_resumed_case_is_not_raised_again_and_clears_as_any_other():
    book = CaseBook()
    book.resume("high", [signal()])
    assert book.open == {"bearing_wear"}
    assert book.apply([signal(at=50)]) == []
    (cleared,) = book.apply([signal(active=False, at=60)])
    assert cleared.action == "clear"


@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(["x", "y"]), st.booleans()), max_size=60))
def test_raises_and_clears_of_a_cause_alternate_whatever_comes(told):
    book, state = CaseBook(), {}
    for at, (tag, cause, active) in enumerate(told):
        each = replace(signal(tag, active, at), cause=cause, key=f"{tag}:{cause}")
        for change in book.apply([each]):
            was_open = state.get(change.case.cause, False)
            assert was_open == (change.action != "raise")
            state[change.case.cause] = change.action != "clear"
            assert abs(sum(share for _, share in change.case.contributions) - 1) < 0.001
    assert book.open == {cause for cause, is_open in state.items() if is_open}
