"""Limits against a plain scalar reading of the rule, in every cut into blocks, after every restart."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anomaly import UnreadableState
from anomaly.detectors.block import Block
from anomaly.detectors.limits import LimitDetector, LimitRule

S = 1_000_000_000


def block(series, times_s, values) -> Block:
    n = len(values)
    return Block.of(np.full(n, series), (np.array(times_s, float) * S).astype(np.int64), np.array(values, float))


def changes(rule, values, period_s=1.0):
    """(second, active) of every transition of one rule."""
    times = [number * period_s for number in range(len(values))]
    found = LimitDetector([rule]).update(block(rule.series, times, values))
    return [(transition.time_ns / S, transition.active) for transition in found]


def high(**fields) -> LimitRule:
    return LimitRule(**{"key": "r", "series": 1, "kind": "high", "threshold": 10.0} | fields)


@pytest.mark.parametrize(
    ("rule", "values", "expected"),
    [
        pytest.param(high(), [9, 11, 9], [(1, True), (2, False)], id="no delay, no deadband: at once, both ways"),
        pytest.param(high(), [10, 10, 10], [], id="at the limit is not beyond it"),
        pytest.param(high(), [9.999999] * 50, [], id="just under never alarms"),
        pytest.param(high(deadband=2), [11, 9, 8.5, 8, 9], [(0, True), (3, False)], id="back by the whole deadband"),
        pytest.param(high(deadband=2), [11, 9, 11, 9, 11], [(0, True)], id="swinging inside the deadband is one alarm"),
        pytest.param(high(on_delay_s=3), [11] * 5, [(3, True)], id="beyond for the whole on-delay"),
        pytest.param(high(on_delay_s=3), [11, 11, 11, 9, 11, 11, 11, 11], [(7, True)], id="a dip starts it anew"),
        pytest.param(high(on_delay_s=3), [11, 11, 11, 9] * 20, [], id="never beyond for long enough"),
        pytest.param(high(off_delay_s=2), [11, 9, 9, 9], [(0, True), (3, False)], id="back for the whole off-delay"),
        pytest.param(high(off_delay_s=2), [11, 9, 9, 11, 9, 9, 9], [(0, True), (6, False)], id="a spike keeps it"),
        pytest.param(high(off_delay_s=2, deadband=2), [11, 7, 9, 7, 7, 7], [(0, True), (5, False)], id="deadband too"),
        pytest.param(high(kind="low"), [11, 9, 11], [(1, True), (2, False)], id="low is the mirror image"),
        pytest.param(high(kind="low", deadband=2), [9, 11, 11.9, 12], [(0, True), (3, False)], id="low with deadband"),
        pytest.param(high(kind="low_low", threshold=-5.0), [-4, -6, -4], [(1, True), (2, False)], id="negative limits"),
        pytest.param(high(), [np.nan, np.inf, -np.inf], [], id="what is no number says nothing"),
    ],
)
def test_the_rule(rule, values, expected):
    assert changes(rule, values) == expected


def test_onset_is_the_first_sample_beyond_and_the_score_grows_with_it():
    detector = LimitDetector([high(on_delay_s=2)])
    (raised,) = detector.update(block(1, [0, 1, 2, 3], [9, 11, 12, 15]))
    assert (raised.onset_ns, raised.time_ns, raised.value, raised.score) == (1 * S, 3 * S, 15.0, 1.5)


def test_a_dip_in_a_later_block_starts_the_delay_anew():
    detector = LimitDetector([high(on_delay_s=3)])
    for times, values in (([0], [11]), ([1, 2], [9, 9]), ([3], [11])):
        assert detector.update(block(1, times, values)) == []
    (raised,) = detector.update(block(1, [6], [11]))
    assert raised.onset_ns == 3 * S


def test_noise_around_a_limit_with_deadband_and_delays_does_not_chatter():
    noise = np.random.default_rng(1).normal(10.0, 0.3, 20_000)
    bare = changes(high(), noise, 0.1)
    damped = changes(high(deadband=2.0, on_delay_s=1.0, off_delay_s=1.0), noise, 0.1)
    assert len(bare) > 5_000
    assert len(damped) <= 1


def test_late_and_repeated_samples_change_nothing():
    detector = LimitDetector([high()])
    assert detector.update(block(1, [10, 11], [9, 9])) == []
    assert detector.update(block(1, [5, 10, 11], [99, 99, 99])) == []
    assert len(detector.update(block(1, [12], [99]))) == 1


def test_a_clock_that_was_set_back_is_believed_after_a_rewind():
    detector = LimitDetector([high()])
    detector.update(block(1, [1000], [9]))
    assert detector.update(block(1, [10], [11])) == []
    detector.rewind()
    assert len(detector.update(block(1, [11], [11]))) == 1


class TestOtherRules:
    def test_a_rule_that_keeps_its_key_keeps_its_state(self):
        detector = LimitDetector([high(), high(key="gone", threshold=5.0), high(key="calm", threshold=50.0)])
        detector.update(block(1, [0], [11]))
        assert detector.replace([high(threshold=8.0), high(key="calm", threshold=60.0)]) == {"gone"}
        assert detector.active == {"r"}
        assert [transition.active for transition in detector.update(block(1, [1, 2], [9, 7]))] == [False]

    def test_the_stored_alarms_decide_what_is_active(self):
        detector = LimitDetector([high(), high(key="other")])
        detector.update(block(1, [0], [11]))
        detector.assume_active(frozenset({"other"}))
        found = detector.update(block(1, [1], [11]))
        assert [(transition.key, transition.active) for transition in found] == [("r", True)]

    def test_a_machine_without_rules_is_quiet(self):
        detector = LimitDetector([])
        assert detector.update(block(1, [0], [1e9])) == []
        detector.restore(detector.snapshot())


def reference(rule, samples):
    """The rule, one sample after another, as one would write it on paper."""
    active, since, found = False, None, []
    for time_s, value in samples:
        signed, limit = (value, rule.threshold) if rule.kind == "high" else (-value, -rule.threshold)
        holds = signed <= limit - rule.deadband if active else signed > limit
        if not holds:
            since = None
            continue
        since = time_s if since is None else since
        if time_s - since >= (rule.off_delay_s if active else rule.on_delay_s):
            active, since = not active, None
            found.append((rule.key, round(time_s * S), active))
    return found


rules = st.builds(
    LimitRule, key=st.just("r"), series=st.integers(0, 3), kind=st.sampled_from(["high", "low"]),
    threshold=st.integers(-3, 3).map(float), deadband=st.sampled_from([0.0, 1.0, 2.0]),
    on_delay_s=st.sampled_from([0.0, 1.0, 3.0]), off_delay_s=st.sampled_from([0.0, 2.0]),
)  # fmt: skip
signals = st.lists(st.tuples(st.integers(0, 3), st.integers(-5, 5)), min_size=1, max_size=60)


@settings(max_examples=300, deadline=None)
@given(st.lists(rules, min_size=1, max_size=6), signals, st.lists(st.integers(1, 60), max_size=6), st.booleans())
def test_any_cut_and_any_restart_gives_what_the_paper_says(some_rules, signal, cuts, restarted):
    some_rules = [LimitRule(f"r{i}", *list(_fields(rule))[1:]) for i, rule in enumerate(some_rules)]
    series = np.array([one for one, _ in signal])
    time_ns = np.arange(len(signal), dtype=np.int64) * S
    value = np.array([float(number) for _, number in signal])
    detector, found = LimitDetector(some_rules), []
    for part in np.split(np.arange(len(signal)), sorted({cut for cut in cuts if cut < len(signal)})):
        if restarted:
            state, detector = detector.snapshot(), LimitDetector(some_rules)
            detector.restore(state)
        found += detector.update(Block.of(series[part], time_ns[part], value[part]))
    expected = []
    for rule in some_rules:
        own = [(t / S, v) for s, t, v in zip(series, time_ns.tolist(), value.tolist(), strict=True) if s == rule.series]
        expected += reference(rule, own)
    got = [(transition.key, transition.time_ns, transition.active) for transition in found]
    assert sorted(got) == sorted(expected)


def _fields(rule):
    return (getattr(rule, name) for name in rule.__slots__)


@pytest.mark.parametrize("state", [b"", b"rubbish", b"PK\x03\x04" + bytes(50)])
def test_a_damaged_state_is_refused(state):
    with pytest.raises(UnreadableState):
        LimitDetector([high()]).restore(state)
