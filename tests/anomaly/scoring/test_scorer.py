import numpy as np
import pytest

from anomaly import UnreadableState
from anomaly.rows import Rows
from anomaly.scoring.budget import Budget
from anomaly.scoring.columns import arrays_of, joined, picked
from anomaly.scoring.machine import Machine
from anomaly.scoring.machine_map import machine_map
from anomaly.scoring.scorer import Scorer
from anomaly.scoring.verdicts import KINDS
from tests.anomaly.scoring.plants import SECOND, faulty, machine, taken

LEARN = 500
CLOSE = {"rtol": 1e-9, "atol": 1e-9}


def said_of(rows, learn=LEARN, known=None):
    scorer = Scorer(rows.tags, known)
    return joined([scorer.learn(rows.part(0, learn)), scorer.update(rows.part(learn))])


def same(one, other):
    for name, array in arrays_of(one).items():
        np.testing.assert_allclose(array, getattr(other, name), err_msg=name, **CLOSE)


@pytest.fixture(scope="module")
def broken():
    return faulty(machine(), tag=4, start=900, stop=1200)


@pytest.fixture(scope="module")
def whole(broken):
    return said_of(broken)


def test_a_fault_is_one_case_of_the_machine_with_its_root_first(whole):
    onsets = np.flatnonzero(np.diff(whole.alarm.astype(int)) == 1) + 1
    assert len(onsets) == 1
    assert 900 <= onsets[0] < 915
    assert KINDS[whole.kind[onsets[0]]] == "machine"
    assert set(whole.case[whole.alarm].tolist()) == {1}
    assert (whole.tags[whole.alarm, 0] == 4).all()
    assert not whole.alarm[1300:].any()


def test_a_calm_machine_is_left_alone():
    assert not said_of(machine(6000, seed=3)).alarm.any()


def test_what_a_row_says_does_not_depend_on_later_rows(broken, whole):
    same(picked(whole, slice(0, 950)), said_of(broken.part(0, 950)))


@pytest.mark.parametrize("size", [1, 7, 333])
def test_in_pieces_as_in_one(broken, whole, size):
    short = broken.part(0, 1100)
    scorer = Scorer(short.tags)
    parts = [scorer.learn(short.part(0, LEARN))] + [scorer.update(one) for one in short.part(LEARN).chunks(size)]
    same(picked(whole, slice(0, 1100)), joined(parts))


@pytest.mark.parametrize("cut", [0, 250, 500, 503, 905, 950, 1205])
def test_saved_and_restored_at_any_row(broken, whole, cut):
    first = Scorer(broken.tags)
    learn = min(cut, LEARN)
    parts = [first.learn(broken.part(0, LEARN))] if cut >= LEARN else []
    parts += [first.update(broken.part(LEARN, cut))] if cut > LEARN else []
    second = Scorer(broken.tags)
    second.restore(first.snapshot())
    if cut < LEARN:
        parts, learn = [second.learn(broken.part(0, LEARN))], LEARN
    parts += [second.update(broken.part(max(cut, learn)))]
    same(whole, joined([part for part in parts if len(part)]))


def test_the_order_of_the_tags_does_not_matter(broken, whole):
    order = np.random.default_rng(0).permutation(broken.tags)
    other = said_of(broken.holding(broken.value[:, order]))
    np.testing.assert_allclose(whole.score, other.score, rtol=1e-6, atol=1e-6)
    assert (order[other.tags[other.alarm, 0]] == 4).all()


def test_units_do_not_matter(broken, whole):
    rng = np.random.default_rng(0)
    factor, offset = rng.choice([-1, 1], broken.tags) * 10.0 ** rng.uniform(-3, 3, broken.tags), rng.normal(size=8)
    other = said_of(broken.holding(broken.value * factor + offset * factor))
    np.testing.assert_allclose(whole.score, other.score, rtol=1e-5, atol=1e-5)
    np.testing.assert_array_equal(whole.case, other.case)


def test_rows_that_are_held_say_the_same_again(broken, whole):
    times = (broken.time_ns[:, None] + np.arange(3) * SECOND // 3).ravel()
    other = said_of(Rows(times, np.repeat(broken.value, 3, axis=0)), 3 * LEARN)
    np.testing.assert_array_equal(other.case[::3], whole.case)
    np.testing.assert_allclose(other.score[::3], whole.score, rtol=1e-6, atol=1e-9)


def test_every_second_row_is_enough(broken):
    said = said_of(taken(broken, np.arange(0, 1500, 2)), LEARN // 2)
    assert not said.alarm[:450].any()
    assert said.alarm[470:600].all()


def test_a_row_out_for_a_row_in_when_rows_come_twice_late_or_not(broken, whole):
    rng = np.random.default_rng(5)
    kept = np.sort(rng.choice(1500, 1200, replace=False))
    twice = np.sort(np.r_[kept, rng.choice(kept, 100)])
    late = twice.copy()
    for at in rng.choice(len(late) - 3, 60, replace=False):
        late[[at, at + 2]] = late[[at + 2, at]]
    said = said_of(taken(broken, late), int((late < LEARN).sum()))
    assert len(said) == len(late)
    inside = (late >= 930) & (late < 1190)
    assert said.alarm[inside].mean() > 0.95
    assert not said.alarm[late < 890].any()


def test_a_clock_that_is_set_back_is_believed(broken):
    times = broken.time_ns.copy()
    times[700:] -= 3600 * SECOND
    said = said_of(Rows(times, broken.value))
    assert said.alarm[950:1190].all()
    assert not said.alarm[:890].any()


def test_holes_cost_little(broken):
    values = broken.value.copy()
    values[np.random.default_rng(2).random(values.shape) < 0.2] = np.nan
    said = said_of(broken.holding(values))
    assert not said.alarm[:895].any()
    assert said.alarm[930:1190].all()


def test_nothing_but_limits_is_said_while_learning():
    rows = faulty(machine(600), tag=2, start=100, stop=200, sizes=20.0)
    names = [f"t{number}" for number in range(8)]
    high = float(rows.value[:, 2].mean() + 12 * machine(600).value[:, 2].std())
    known = machine_map({"tags": {"t2": {"high_high": high}}}, names)
    assert not said_of(rows, 300).alarm[:300].any()
    said = said_of(rows, 300, known)
    assert said.alarm[100:200].all()
    assert not said.alarm[:100].any()
    assert (said.tags[100:200, 0] == 2).all()
    assert set(said.priority[100:200].tolist()) == {1}
    assert (said.score[:300] == 0).all()


@pytest.mark.parametrize("learn", [0, 50])
def test_too_short_a_block_is_made_longer(learn):
    rows = faulty(machine(), tag=4, start=900, stop=1200)
    said = said_of(rows, learn)
    assert (said.score[:300] == 0).all()
    assert said.score[300:800].any()
    assert not said.alarm[:895].any()
    assert said.alarm[930:1190].all()


def test_a_stuck_sensor_is_no_fault_of_the_machine():
    rows = machine(2000, seed=7)
    values = rows.value.copy()
    values[1000:1400, 3] = values[999, 3]
    said = said_of(rows.holding(values))
    kinds = {KINDS[kind] for kind in said.kind[said.alarm]}
    assert kinds == {"sensor"}
    assert (said.tags[said.alarm, 0] == 3).all()
    assert 1000 <= np.flatnonzero(said.alarm)[0] < 1200


def test_constant_and_empty_tags_are_carried_along():
    rows = machine(900)
    values = np.column_stack([rows.value, np.full(900, 7.0), np.full(900, np.nan)])
    values[700:, 8] = 9.0
    said = said_of(rows.holding(values))
    assert not said.alarm.any()
    assert np.isfinite(said.score).all()


def test_rows_without_any_value_change_nothing(broken):
    values = broken.value.copy()
    values[1000:1005] = np.nan
    said = said_of(broken.holding(values))
    assert said.alarm[1000:1005].all()


def test_one_tag_is_judged_by_itself():
    rng = np.random.default_rng(0)
    values = rng.normal(size=(3000, 1))
    values[2500:2510] += 30
    said = said_of(Rows(np.arange(3000, dtype=np.int64) * 300 * SECOND, values), 450)
    assert said.score.shape == (3000,)
    assert said.alarm[2500:2512].any()
    assert said.alarm[1000:2490].mean() < 0.05


def test_one_tag_is_saved_and_restored():
    values = np.random.default_rng(0).normal(size=(1200, 1))
    rows = Rows(np.arange(1200, dtype=np.int64) * SECOND, values)
    whole = said_of(rows)
    first, second = Scorer(1), Scorer(1)
    parts = [first.learn(rows.part(0, LEARN)), first.update(rows.part(LEARN, 777))]
    second.restore(first.snapshot())
    same(whole, joined([*parts, second.update(rows.part(777))]))


def test_a_state_of_another_machine_is_refused():
    with pytest.raises(UnreadableState, match="8 tags, not 5"):
        Scorer(5).restore(Scorer(8).snapshot())
    with pytest.raises(UnreadableState):
        Scorer(5).restore(b"what")


def test_the_state_of_32_tags_is_small():
    rows = machine(700, tags=32)
    scorer = Scorer(32)
    scorer.learn(rows.part(0, 500))
    scorer.update(rows.part(500))
    assert len(scorer.snapshot()) < 256 * 1024


def test_a_case_that_stood_on_a_broken_sensor_ends_when_that_is_known():
    rows = machine(900)
    values, broken = rows.value.copy(), np.zeros((900, 8), bool)
    values[500:700, 2] += 8 * rows.value[:, 2].std()
    broken[540:700, 2] = True
    values[broken] = np.nan
    one = Machine(8)
    one.learn(rows.value[:400], np.zeros(400, np.int64))
    judged = one.update(values[400:], broken[400:], np.zeros(500, np.int64), Budget())
    assert judged.active[110:140].all()
    assert not judged.active[140:].any()
    one.learn(rows.value[:400], np.zeros(400, np.int64))
    unknown = one.update(values[400:], np.zeros((500, 8), bool), np.zeros(500, np.int64), Budget())
    assert unknown.active[140:150].any()
