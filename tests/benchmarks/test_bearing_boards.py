"""The counting of the bearing boards, with rules that are right, wrong and silent on purpose."""

import numpy as np
import pytest

from anomaly.vibration.bearing import parse
from anomaly.vibration.waveform import Waveform
from benchmarks.analytics.cwru import Record, count
from benchmarks.analytics.pronostia import Life, shares

WAVE = Waveform.of(np.arange(600.0), 100)
TRUTHS = ["outer race", "outer race", "inner race", "ball", "healthy", "healthy"]
RECORDS = [Record(truth, WAVE, 1000, parse("n=9,d=1,D=5")) for truth in TRUTHS]


def test_a_perfect_rule_a_stubborn_one_and_a_silent_one():
    perfect = count(RECORDS, lambda one: one.truth)
    assert (perfect.accuracy, perfect.answered, perfect.false_faults) == (1, 1, 0)
    stubborn = count(RECORDS, lambda _: "outer race")
    assert (stubborn.accuracy, stubborn.answered, stubborn.false_faults) == (0.5, 1, 2)
    silent = count(RECORDS, lambda _: "unknown")
    assert (silent.accuracy, silent.answered, silent.false_faults) == (0, 0, 0)
    assert (silent.damaged, silent.sound) == (4, 2)


def test_healthy_on_a_damaged_bearing_is_a_wrong_answer():
    blind = count(RECORDS, lambda _: "healthy")
    assert (blind.accuracy, blind.answered, blind.false_faults) == (0, 1, 0)


@pytest.mark.parametrize(("at", "expected"), [(None, (0, 0, 0)), (0, (1, 1, 1)), (100, (1, 1, 0)), (199, (1, 0, 0))])
def test_alarms_count_by_their_moment(at, expected):
    lives = [Life(np.ones((200, 2, 4)), 10.0 * np.arange(200))]
    assert shares(lives, lambda _: at) == expected
