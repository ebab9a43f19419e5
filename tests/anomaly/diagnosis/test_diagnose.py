"""Known faults are found again in new runs, left-out ones are unknown; no order or unit of a column matters."""

import numpy as np
import pytest

from anomaly.diagnosis import UNKNOWN, BadHistory
from anomaly.diagnosis.diagnose import departure_of, diagnose, spread_of
from anomaly.diagnosis.episodes import Episode
from tests.anomaly.diagnosis.plant_runs import FAULTS, TAGS, library, run

TRAIN = 300


def answer(rows, known, train=TRAIN, tags=TAGS):
    episodes = [Episode(*one) for one in known]
    return diagnose(departure_of(rows, train, spread_of(rows, episodes)), tags, episodes)


def file(fault, seed, length=150, calm=60):
    return run(TRAIN + calm + length, seed, fault, TRAIN + calm)


@pytest.mark.parametrize("length", [40, 150, 600])
def test_known_faults_are_found_in_short_and_long_files(length):
    known = library()
    found = [answer(file(fault, 50 + at, length), known).ranked[0].label for at, fault in enumerate(FAULTS)]
    assert sum(label == fault for label, fault in zip(found, FAULTS, strict=True)) >= len(FAULTS) - 1


def test_a_fault_that_was_left_out_is_unknown():
    unknown = 0
    for at, fault in enumerate(FAULTS):
        known = library(tuple(other for other in FAULTS if other != fault))
        unknown += answer(file(fault, 90 + at), known).ranked[0].label == UNKNOWN
    assert unknown >= 5


def test_rows_without_a_fault_are_unknown_and_say_so():
    found = answer(run(600, 5), library())
    assert found.ranked[0].label == UNKNOWN
    assert found.found["fault_rows"] is None
    assert "do not differ" in found.ranked[0].sources[0].facts["note"]


def test_the_fault_rows_are_found():
    found = answer(file("shift_p", 3, length=150, calm=100), library()).found["fault_rows"]
    assert abs(found["first"] - (TRAIN + 100)) <= 10
    assert found["last"] >= TRAIN + 100 + 140


def test_order_and_unit_of_columns_do_not_matter():
    rng = np.random.default_rng(1)
    order, scale, offset = rng.permutation(len(TAGS)), rng.lognormal(0, 3, len(TAGS)), rng.normal(0, 1e3, len(TAGS))
    rows, known = file("both", 8), library()
    plain = answer(rows, known)
    changed = [(name, label, (one * scale + offset)[:, order]) for name, label, one in known]
    other = answer((rows * scale + offset)[:, order], changed, tags=[TAGS[at] for at in order])
    assert [place.label for place in other.ranked] == [place.label for place in plain.ranked]
    assert other.ranked[0].score == pytest.approx(plain.ranked[0].score, abs=1e-3)


def test_the_evidence_names_the_episode_and_the_tags():
    best = answer(file("shift_p", 8), library()).ranked[0]
    episode, *tags = best.sources
    assert episode.kind == "episode"
    assert episode.facts["episode"].startswith("shift_p")
    assert {source.facts["tag"] for source in tags} & {"p1", "p2"}
    assert all(source.facts["change"] * source.facts["in_episode"] > 0 for source in tags)


def test_labels_shuffled_among_episodes_find_nothing():
    """Negative control: what is found comes from the labels, not from leaked names or order."""
    names = [label for _, label, _ in library()]
    shuffled = np.random.default_rng(3).permutation(names)
    known = [(name, str(label), rows) for (name, _, rows), label in zip(library(), shuffled, strict=True)]
    found = [answer(file(fault, 50 + at), known).ranked[0].label for at, fault in enumerate(FAULTS)]
    assert sum(label == fault for label, fault in zip(found, FAULTS, strict=True)) <= 3


def test_missing_values_and_flat_tags_are_borne():
    rows, known = file("shift_t", 4), library()
    rows[::7, 1] = np.nan
    rows[:, 6] = 10.0
    known = [(name, label, np.where(np.arange(len(TAGS)) == 6, 10.0, one)) for name, label, one in known]
    known[0][2][5:20, 0] = np.nan
    assert answer(rows, known).ranked[0].label == "shift_t"


def test_a_single_known_fault_is_enough_to_answer():
    known = [(name, label, rows) for name, label, rows in library() if label == "shift_p"][:1]
    assert answer(file("shift_p", 8), known).ranked[0].label == "shift_p"
    assert answer(file("noise_vib", 8), known).ranked[0].label == UNKNOWN


@pytest.mark.parametrize("train", [5, 400, 401])
def test_too_few_rows_are_refused(train):
    with pytest.raises(BadHistory, match="normal rows of 400"):
        answer(run(400, 1), library(), train=train)
