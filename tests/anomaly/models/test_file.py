"""A model as a file: the same bytes and the same scores wherever it is read, and refused when it is damaged."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anomaly.energy.efficiency import EfficiencyDrift
from anomaly.models import UnreadableModel
from anomaly.models.file import Card, Difference, Figure, ModelFile, compare, read, train, write
from anomaly.rows import Rows

CARD = Card(
    "efficiency-1", "压缩机-1", ("power", "output"), 0, 0, 0, {"recall": Figure(0.9, "higher")}, "after the overhaul"
)


def rows(n=900, seed=0):
    rng = np.random.default_rng(seed)
    output = rng.uniform(50, 300, n)
    power = 9 + 0.1 * output + rng.normal(0, 0.5, n)
    return Rows(np.arange(n) * 60_000_000_000, np.column_stack([power, output]))


def trained():
    return train(EfficiencyDrift(2), CARD, rows())


def test_training_fills_in_the_card():
    card = trained().card
    assert (card.rows, card.from_ns, card.to_ns) == (600, 0, 599 * 60_000_000_000)
    assert card.figures["recall"] == Figure(0.9, "higher")
    assert card.figures["above_2"].value < 0.1
    with pytest.raises(UnreadableModel, match="29 rows"):
        train(EfficiencyDrift(2), CARD, rows(29))
    with pytest.raises(UnreadableModel, match="2 columns for 3"):
        train(EfficiencyDrift(2), replace(CARD, columns=("a", "b", "c")), rows())


def test_what_is_written_is_read_and_scores_the_same_elsewhere():
    model = trained()
    content = write(model)
    assert content == write(trained()), "the same rows give the same file"
    there = read(content, ["efficiency-1"])
    assert there == model
    here, gateway = EfficiencyDrift(2), EfficiencyDrift(2)
    here.restore(model.state)
    gateway.restore(there.state)
    later = rows(500, seed=1)
    np.testing.assert_allclose(here.update(later), gateway.update(later), atol=1e-9, equal_nan=True)


@given(st.integers(0, 10_000), st.integers(1, 255))
def test_one_changed_byte_is_noticed(at, change):
    content = bytearray(write(ModelFile(CARD, b"state of a detector")))
    at %= len(content)
    content[at] ^= change
    try:
        found = read(bytes(content))
    except UnreadableModel:
        return
    assert found.state == b"state of a detector"
    assert found.card != CARD, "a byte of the card, which the hash of the whole file covers"


@pytest.mark.parametrize("content", [b"", b"LWMODEL1", b"LWMODEL2" + bytes(50), b"PK" + bytes(50)])
def test_what_is_no_model_is_refused(content):
    with pytest.raises(UnreadableModel):
        read(content)


def test_a_kind_that_cannot_be_run_here_is_refused():
    with pytest.raises(UnreadableModel, match="kind efficiency-1; this program runs robust-1"):
        read(write(trained()), ["robust-1"])


def test_two_cards_are_compared_by_what_both_measured():
    other = replace(CARD, figures={"recall": Figure(0.95, "higher"), "above_2": Figure(0.01, "lower")})
    one = replace(CARD, figures=CARD.figures | {"above_2": Figure(0.005, "lower"), "only here": Figure(1, "lower")})
    assert compare(one, other) == [
        Difference("above_2", 0.005, 0.01, "worse"), Difference("recall", 0.9, 0.95, "better"),
    ]  # fmt: skip
    assert {one.verdict for one in compare(CARD, CARD)} == {"same"}
