"""A machine under watch: limits and statistics become cases, across restarts and changes of configuration."""

import numpy as np
import pytest

from anomaly.detectors.block import Block
from anomaly.detectors.limits import LimitRule
from anomaly.detectors.robust import CALIBRATE_ROWS, LEARN_ROWS
from anomaly.records import ActiveAlarm, CauseRule, Tag
from anomaly.watch import UNUSUAL, MachineWatch

S = 1_000_000_000
TAGS = [Tag(1, "vibration", "Vibration", "mm/s", "float"), Tag(2, "starts", "Starts", "", "int")]


def rule(kind="high", threshold=4.5, priority="high", series=1, cause="bearing_wear") -> CauseRule:
    return CauseRule(LimitRule(f"{series}:{kind}", series, kind, threshold), cause, priority)


def samples(values, first=0, series=1) -> Block:
    n = len(values)
    return Block.of(np.full(n, series), (first + np.arange(n)) * S, np.array(values, float))


def told(changes):
    return [(change.action, change.case.cause, change.case.priority) for change in changes]


def alarm(**fields) -> ActiveAlarm:
    values = {
        "cause": "bearing_wear", "source": "limit", "priority": "high", "onset_ns": 5 * S, "score": 1.2,
        "tags": ("vibration",),
    }  # fmt: skip
    return ActiveAlarm(**values | fields)


def learned(seed=0) -> MachineWatch:
    watch = MachineWatch(TAGS, [rule()])
    watch.update(samples(np.random.default_rng(seed).normal(2.0, 0.1, LEARN_ROWS + CALIBRATE_ROWS)))
    return watch


def test_a_more_urgent_limit_grows_the_case():
    watch = MachineWatch(TAGS, [rule(), rule("high_high", 7.0, "critical")])
    changes = watch.update(samples([4, 5, 8, 5, 4]))
    assert told(changes) == [
        ("raise", "bearing_wear", "high"), ("grow", "bearing_wear", "critical"), ("clear", "bearing_wear", "critical"),
    ]  # fmt: skip


def test_what_is_unusual_is_advice_with_its_own_cause():
    watch = learned()
    (raised,) = watch.update(samples([4.0] * 30, first=1000))
    assert told([raised]) == [("raise", UNUSUAL, "advisory")]
    assert raised.case.source == "statistical"
    assert watch.expected(1) == pytest.approx(2.0, abs=0.1)
    assert watch.expected(2) is None


def test_counters_and_flags_are_not_watched_statistically():
    watch = MachineWatch(TAGS, [])
    assert watch.update(samples(np.random.default_rng(1).normal(0, 1, 2_000), series=2)) == []
    assert watch.expected(2) is None


@pytest.mark.parametrize("saved", [True, False])
def test_after_a_restart_the_stored_alarm_is_held_and_clears(saved):
    before = MachineWatch(TAGS, [rule(), rule("high_high", 7.0, "critical")])
    before.update(samples([5, 5]))
    watch = MachineWatch(TAGS, [rule(), rule("high_high", 7.0, "critical")])
    assert watch.restore(before.states() if saved else {}) == []
    assert watch.resume([alarm()], 10 * S) == []
    assert watch.update(samples([5, 6], first=20)) == []
    assert told(watch.update(samples([8], first=30))) == [("grow", "bearing_wear", "critical")]
    assert told(watch.update(samples([2], first=40))) == [("clear", "bearing_wear", "critical")]


def test_what_returned_while_nobody_watched_is_cleared_by_the_first_sample():
    watch = MachineWatch(TAGS, [rule()])
    watch.resume([alarm()], 10 * S)
    assert told(watch.update(samples([2], first=20))) == [("clear", "bearing_wear", "high")]


def test_what_was_cleared_and_is_beyond_again_is_raised_again():
    before = MachineWatch(TAGS, [rule()])
    before.update(samples([5]))
    watch = MachineWatch(TAGS, [rule()])
    watch.restore(before.states())
    watch.resume([], 10 * S)
    assert told(watch.update(samples([5], first=20))) == [("raise", "bearing_wear", "high")]


def test_after_a_restart_what_was_cleared_is_not_remembered_as_active():
    before = MachineWatch(TAGS, [rule()])
    before.update(samples([5]))
    watch = MachineWatch(TAGS, [rule()])
    watch.restore(before.states())
    assert watch.resume([], 10 * S) == []
    assert watch.update(samples([2], first=20)) == []
    assert told(watch.update(samples([5], first=30))) == [("raise", "bearing_wear", "high")]


def test_an_alarm_whose_limit_is_gone_is_cleared():
    assert told(MachineWatch(TAGS, []).resume([alarm()], S)) == [("clear", "bearing_wear", "high")]
    watch = MachineWatch(TAGS, [rule()])
    watch.update(samples([5]))
    assert told(watch.set_plant(TAGS, [], 9 * S)) == [("clear", "bearing_wear", "high")]


def test_an_unusual_tag_is_held_when_its_baseline_was_saved_and_cleared_when_not():
    before = learned()
    before.update(samples([4.0] * 30, first=1000))
    stored = [alarm(cause=UNUSUAL, source="statistical", priority="advisory")]
    watch = MachineWatch(TAGS, [rule()])
    watch.restore(before.states())
    assert watch.resume(stored, 2000 * S) == []
    assert watch.update(samples([4.0] * 30, first=2000)) == []
    assert told(watch.update(samples([2.0] * 100, first=3000))) == [("clear", UNUSUAL, "advisory")]
    assert told(MachineWatch(TAGS, [rule()]).resume(stored, S)) == [("clear", UNUSUAL, "advisory")]


def test_a_verdict_makes_the_tag_learn_anew_and_clears_the_case():
    watch = learned()
    watch.update(samples([4.0] * 30, first=1000))
    assert told(watch.relearn(["vibration"], 2000 * S)) == [("clear", UNUSUAL, "advisory")]
    assert watch.relearn(["vibration"], 2000 * S) == []
    assert watch.update(samples(np.random.default_rng(1).normal(4.0, 0.1, 1_000), first=3000)) == []


def test_new_tags_keep_what_the_others_have_learned():
    watch = learned()
    watch.set_plant([*TAGS, Tag(3, "flow", "Flow", "m³/h", "float")], [rule(), rule("low", 1.0, series=3)], 0)
    assert told(watch.update(samples([4.0] * 30, first=1000))) == [("raise", UNUSUAL, "advisory")]
    assert told(watch.update(samples([0.5], series=3))) == [("raise", "bearing_wear", "high")]


def test_a_damaged_state_starts_anew_and_is_told():
    watch = MachineWatch(TAGS, [rule()])
    assert watch.restore({"limits": b"rubbish", "robust": learned().states()["robust"]}) == ["limits"]
    assert watch.expected(1) is not None


def test_a_limit_of_a_tag_that_is_not_known_yet_waits():
    watch = MachineWatch(TAGS, [rule(series=77)])
    assert watch.rules == frozenset()
    assert watch.update(samples([99], series=77)) == []
