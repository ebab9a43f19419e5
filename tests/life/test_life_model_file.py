"""A model that was written says the same when it is read, and nothing else is taken for one."""

import dataclasses
import io

import numpy as np
import pytest

from anomaly.life import BadModelFile
from anomaly.life.model_file import dump_model, load_model
from anomaly.life.training import train
from benchmarks.analytics.wear import COLUMNS
from tests.life.parts import aimless, fleet, model_of


@pytest.mark.parametrize("count", [6, 16])
def test_the_same_forecasts_after_reading(count):
    model = model_of(count)
    again = load_model(dump_model(model))
    assert again.kind == model.kind
    for one in fleet(4, seed=3):
        seen = model.fitting(COLUMNS, one.until(2 * len(one) // 3))
        mine, its = model.forecast(seen), again.forecast(seen)
        np.testing.assert_allclose(
            [its.rul, its.lower, its.upper], [mine.rul, mine.lower, mine.upper], rtol=0, atol=1e-9
        )
        assert its.reason == mine.reason


def test_a_model_of_age_alone_is_written_too():
    model = train(("a", "b", "c"), aimless(8))
    assert load_model(dump_model(model)).learned is None


def test_the_same_training_gives_the_same_bytes():
    assert dump_model(train(COLUMNS, fleet(6))) == dump_model(model_of(6))


def test_the_card_says_where_it_comes_from():
    card = load_model(dump_model(model_of(6).carded({"file": "pumps.csv"}))).card
    assert card["file"] == "pumps.csv"
    assert card["units"] == 6
    assert card["columns"] == list(COLUMNS)
    assert card["held_out_log_error"]["line"] < card["held_out_log_error"]["age"]


def test_changed_numbers_are_noticed():
    model = model_of(6)
    content = dump_model(model)
    changed = dataclasses.replace(model.fleet, scale=model.fleet.scale * 2)
    other = dump_model(dataclasses.replace(model, fleet=changed))
    with np.load(_file(content)) as mine, np.load(_file(other)) as its:
        mixed = {**dict(mine), "fleet.scale": its["fleet.scale"]}
    memory = _file(b"")
    np.savez(memory, **mixed)
    with pytest.raises(BadModelFile, match="damaged"):
        load_model(memory.getvalue())


@pytest.mark.parametrize("content", [b"", b"unit,time,x\n", b"PK\x03\x04 cut off"])
def test_what_is_no_model_is_said_to_be_none(content):
    with pytest.raises(BadModelFile, match="model of remaining life"):
        load_model(content)


def test_half_a_file_is_said_to_be_none():
    with pytest.raises(BadModelFile):
        load_model(dump_model(model_of(6))[:5000])


def _file(content):
    return io.BytesIO(content)
