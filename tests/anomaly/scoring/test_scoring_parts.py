import numpy as np
import pytest

from anomaly.detectors.joint.independence import effective_rows, implied, smooth, widening
from anomaly.rows import Rows
from anomaly.scoring import BadMachineMap
from anomaly.scoring.alarm import AlarmState
from anomaly.scoring.aligning import Aligner, aligned_block
from anomaly.scoring.attribution import Attribution
from anomaly.scoring.budget import Budget, budget_for
from anomaly.scoring.judges import no_opinion
from anomaly.scoring.limits import Limits
from anomaly.scoring.machine_map import machine_map
from anomaly.scoring.verdicts import KINDS, CaseBook

SECOND = 1_000_000_000


def test_the_budget_picks_the_threshold():
    seconds = np.arange(50, dtype=np.int64) * SECOND
    assert budget_for(seconds).threshold == 5.8
    assert budget_for(seconds * 180).threshold == pytest.approx(4.53, abs=0.01)
    assert budget_for(seconds).on_rows == 8
    assert budget_for(seconds * 180).on_rows == 3
    assert budget_for(seconds[:1]) == budget_for(seconds)


def walk(surprises, budget):
    state, said = AlarmState(), []
    for surprise in surprises:
        state.step(surprise, budget)
        said.append(state.active)
    return said


def test_evidence_opens_and_patience_closes():
    budget = Budget(threshold=5.0, on_rows=6, off_rows=3)
    assert walk([6, 6, 4, 6, 6], budget) == [False] * 5
    assert walk([6, 6, 6, 6, 6, 6], budget)[-2:] == [True, True]
    assert walk([100, 100], budget) == [False, True]
    assert walk([10, 1, 10, 1], budget) == [False] * 4
    assert walk([100, 100, 100, 1, 1, float("nan"), 1], budget)[-3:] == [True, True, False]
    assert walk([100, 100, 100, 1, 1, 4, 1, 1, 1], budget)[-2:] == [True, False]


def test_early_rows_name_the_root():
    attribution = Attribution(3)
    attribution.begin()
    for _ in range(10):
        attribution.add(np.array([0.0, 0.9, 0.1]))
    for _ in range(30):
        attribution.add(np.array([0.0, 0.4, 0.6]))
    assert attribution.top() == (1, 2)
    attribution.begin()
    assert attribution.top() == ()


def test_late_rows_and_repeats_are_set_aside():
    counts, rising = Aligner().update(np.array([1, 2, 2, 1, 3]))
    assert counts.tolist() == [True, True, False, False, True]
    assert rising.tolist() == [1, 2, 2, 2, 3]


def test_rows_that_stay_late_are_a_clock_set_back():
    aligner = Aligner()
    times = np.array([100, 101, 102, 50, 51, 52, 53, 54, 55, 56])
    counts, rising = aligner.update(times)
    assert counts.tolist() == [True] * 3 + [False] * 4 + [True] * 3
    assert (np.diff(rising[counts]) > 0).all()
    pieces = Aligner()
    assert np.concatenate([pieces.update(times[at : at + 1])[0] for at in range(10)]).tolist() == counts.tolist()


def test_a_block_is_put_in_order():
    assert aligned_block(np.array([3, 1, 2, 1])).tolist() == [1, 2, 0]


def test_rows_that_resemble_each_other_are_worth_fewer():
    white = np.random.default_rng(0).normal(size=(2000, 1))
    slow = smooth(white, 0.05, np.zeros(1))
    assert effective_rows(white)[0] > 1200
    assert effective_rows(slow)[0] < 120
    assert effective_rows(np.arange(100.0)[:, None])[0] < 4


def test_little_knowledge_widens_more():
    wide = widening(np.array([3.0, 30.0, 3000.0]), 0.05)
    assert wide == pytest.approx([8.53, 1.62, 1.04], abs=0.02)


NAMES = ["Flow", "温度"]


def test_a_map_gives_limits_with_delays_by_kind():
    known = machine_map({"tags": {"温度": {"kind": "temperature", "high": 90, "high_high": 100}}}, NAMES)
    assert known.kinds == ("other", "temperature")
    assert [(rule.series, rule.kind, rule.on_delay_s) for rule in known.limits] == [
        (1, "high_high", 60.0), (1, "high", 60.0)
    ]  # fmt: skip
    assert known.mode_tag is None
    assert machine_map({"modes": {"tag": "Flow"}}, NAMES).mode_tag == 0


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        ({"tag": {}}, "unknown key 'tag'"),
        ({"tags": {"Flux": {}}}, "no column 'Flux'"),
        ({"tags": {"Flow": {"hi": 3}}}, "tag 'Flow': unknown key 'hi'"),
        ({"tags": {"Flow": {"kind": "flux"}}}, "no kind 'flux'"),
        ({"tags": {"Flow": {"high": "hot"}}}, "high wants a number"),
        ({"tags": {"Flow": {"high": 1, "low": 2}}}, "limits must fall"),
        ({"tags": {"Flow": {"range": [2, 1]}}}, "range wants"),
        ({"modes": {"tag": "State"}}, "no column 'State'"),
    ],
)
def test_a_map_that_contradicts_itself_is_told(raw, words):
    with pytest.raises(BadMachineMap, match=words):
        machine_map(raw, NAMES)


def test_a_tag_that_says_nothing_has_no_part_in_the_distance():
    values = np.random.default_rng(1).standard_normal((500, 3)) @ np.array([[1, 0.9, 0], [0, 0.3, 0], [0, 0, 1]])
    precision = np.linalg.inv(np.cov(values.T))
    filled = implied(precision, np.array([3.0, -50.0, 1.0]), np.array([False, True, False]))
    others = np.linalg.inv(np.cov(values[:, [0, 2]].T))
    assert filled @ precision @ filled == pytest.approx(np.array([3.0, 1.0]) @ others @ np.array([3.0, 1.0]))
    assert (filled @ precision)[1] == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize(("failed", "cases"), [(1, [1, 1, 1, 1]), (0, [1, 1, 2, 2])])
def test_a_case_on_a_sensor_that_turns_out_to_be_broken_becomes_its_case(failed, cases):
    machine, sensor = np.array([True, True, False, False]), np.array([False, False, True, True])
    said = no_opinion(4, 2)
    said.machine[:], said.sensor[:] = machine, sensor
    said.machine_tags[machine, 0], said.sensor_tags[sensor, 0] = 1, failed
    verdicts = CaseBook(("", "")).verdicts(said, Limits(()).update(Rows(np.arange(4), np.zeros((4, 2)))), 100)
    assert verdicts.case.tolist() == cases
    assert [KINDS[kind] for kind in verdicts.kind] == ["machine", "machine", "sensor", "sensor"]
