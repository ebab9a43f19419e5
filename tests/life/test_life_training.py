"""What is learned from units that failed, what is said about units that run, and what is refused."""

import numpy as np
import pytest

from anomaly.life import BadHistory, WrongColumns
from anomaly.life.histories import History
from anomaly.life.training import train
from benchmarks.analytics.life_scores import judge, random_cuts, rmse
from benchmarks.analytics.wear import COLUMNS
from tests.life.parts import aimless, fleet, model_of


@pytest.fixture(scope="module")
def asked():
    return random_cuts(fleet(20, seed=2), 3, seed=5)


def test_with_few_failures_a_line_is_taken_and_beats_a_constant(asked):
    model = model_of(6)
    assert model.kind == "line"
    judged = judge(model, COLUMNS, asked)
    left = np.minimum(judged.left, model.cap)
    assert rmse(judged.rul, left) < 0.85 * rmse(np.full(len(left), left.mean()), left)


def test_intervals_hold_and_known_faults_are_familiar(asked):
    judged = judge(model_of(16), COLUMNS, asked)
    assert judged.covered(judged.left).mean() >= 0.8
    assert judged.unfamiliar.mean() <= 0.05


def test_trees_are_tried_from_ten_units_on():
    assert "trees" not in model_of(6).card["held_out_log_error"]
    assert "trees" in model_of(16).card["held_out_log_error"]


def test_a_fault_that_was_never_seen_is_unfamiliar_and_the_interval_wide():
    model = model_of(16)
    strangers = fleet(6, "impeller", seed=2)
    told = [model.forecast(model.fitting(COLUMNS, one)) for one in strangers]
    assert all(one.unfamiliar for one in told)
    assert all("moved as in no unit before" in one.reason for one in told)
    assert all(one.lower == 0 and one.upper >= model.cap for one in told)


def test_columns_that_tell_nothing_are_refused_for_age():
    model = train(("a", "b", "c"), aimless(8))
    assert model.kind == "age"
    told = model.forecast(History("x", np.arange(90.0), np.zeros((90, 3))))
    assert "no column told wear" in told.reason
    assert told.lower < 15
    assert told.upper > 60


def test_a_young_unit_has_no_trend_yet_and_the_upper_end_is_open():
    model = model_of(16)
    young = fleet(1, seed=9)[0].until(12)
    told = model.forecast(model.fitting(COLUMNS, young))
    assert told.reason.startswith("no clear trend yet")
    assert told.upper > model.cap


def test_other_names_order_and_scale_change_nothing(asked):
    order = np.random.default_rng(1).permutation(len(COLUMNS))
    scale, offset = np.linspace(0.01, 50, len(COLUMNS)), np.linspace(-5, 900, len(COLUMNS))
    names = [f"tag {at}" for at in range(len(COLUMNS))]

    def changed(one):
        return History(one.unit, one.time, (one.value * scale + offset)[:, order])

    plain, other = model_of(6), train(names, [changed(one) for one in fleet(6)])
    for cut in asked[:10]:
        mine = plain.forecast(plain.fitting(COLUMNS, cut.seen))
        its = other.forecast(other.fitting(names, changed(cut.seen)))
        assert its.rul == pytest.approx(mine.rul, rel=1e-6)


def test_every_second_row_gives_much_the_same(asked):
    model = model_of(16)
    thin = [History(cut.seen.unit, cut.seen.time[::-2][::-1], cut.seen.value[::-2][::-1]) for cut in asked]
    whole = np.array([model.forecast(model.fitting(COLUMNS, cut.seen)).rul for cut in asked])
    half = np.array([model.forecast(model.fitting(COLUMNS, one)).rul for one in thin])
    assert np.median(np.abs(half - whole)) < 0.1 * model.cap


def test_missing_columns_are_named():
    model = model_of(6)
    with pytest.raises(WrongColumns, match="missing: flow, head"):
        model.fitting(COLUMNS[2:], fleet(1)[0])


def test_one_row_is_too_little():
    model = model_of(6)
    told = model.forecast(model.fitting(COLUMNS, fleet(1)[0].until(1)))
    assert np.isnan(told.rul)
    assert "too little" in told.reason


@pytest.mark.parametrize("count", [0, 1, 2])
def test_too_few_units_are_refused(count):
    with pytest.raises(BadHistory, match="at least 3"):
        train(COLUMNS, fleet(count))


def test_constant_columns_cannot_teach():
    still = [History(f"u{at}", np.arange(50.0), np.ones((50, 2))) for at in range(4)]
    with pytest.raises(BadHistory, match="no column"):
        train(("a", "b"), still)


@pytest.mark.parametrize("count", [6, 12])
def test_holes_and_columns_that_some_units_lack_do_no_harm(count):
    rng = np.random.default_rng(3)

    def holed(one, lacking):
        value = np.where(rng.random(one.value.shape) < 0.2, np.nan, one.value)
        value[:, 0] = np.nan if lacking else value[:, 0]
        return History(one.unit, one.time, value)

    model = train(COLUMNS, [holed(one, at % 2) for at, one in enumerate(fleet(count))])
    for one in fleet(4, seed=2):
        told = model.forecast(model.fitting(COLUMNS, holed(one, lacking=True)))
        assert 0 <= told.lower <= told.rul <= told.upper
        assert told.rul < 0.4 * model.cap
