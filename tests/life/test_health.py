"""Health falls towards the end, and the reasons name what is to blame."""

import numpy as np
import pytest

from anomaly.life.health import Sign, health, wear
from anomaly.life.training import train
from benchmarks.analytics.wear import COLUMNS
from tests.life.parts import aimless, fleet, model_of


def test_a_machine_without_signs_is_whole():
    assert health([]) == health([Sign(0.0, "nothing")])
    assert health([]).index == 100


def test_signs_add_up_as_chances_and_the_worst_is_told_first():
    told = health([Sign(0.1, "old"), Sign(0.5, "vibration in zone C")])
    assert told.index == pytest.approx(45)
    assert [sign.reason for sign in told.reasons] == ["vibration in zone C", "old"]


def test_more_signs_never_make_it_healthier():
    signs = [Sign(harm, "x") for harm in np.linspace(0, 1, 6)]
    indices = [health(signs[:count]).index for count in range(7)]
    assert indices == sorted(indices, reverse=True)
    assert indices[-1] == 0


@pytest.mark.parametrize("count", [6, 16])
def test_wear_grows_towards_the_end_and_names_the_columns_that_show_it(count):
    model = model_of(count)
    unit = fleet(1, seed=4)[0]
    harms = [wear(model, model.fitting(COLUMNS, unit.until(round(share * len(unit))))).harm for share in (0.2, 0.7, 1)]
    assert harms[0] < 0.35
    assert harms[2] > 0.8
    reason = wear(model, model.fitting(COLUMNS, unit)).reason
    assert "high_frequency" in reason
    assert "flow" not in reason


def test_without_telling_columns_age_is_the_reason():
    model = train(("a", "b", "c"), aimless(8))
    sign = wear(model, aimless(1)[0])
    assert "age" in sign.reason
    assert 0 < sign.harm < 1
