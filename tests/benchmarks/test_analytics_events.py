import math

import numpy as np
import pytest

from benchmarks.analytics.__main__ import table
from benchmarks.analytics.events import Said, always, average_precision, episodes, judged, one_tag
from benchmarks.analytics.line import Line


def flags(text):
    return np.array([sign == "#" for sign in text])


def test_average_precision_of_known_rankings():
    label = flags("##..")
    assert average_precision(label, np.array([4.0, 3, 2, 1])) == 1.0
    assert average_precision(label, np.array([1.0, 2, 3, 4])) == pytest.approx((1 / 3 + 2 / 4) / 2)
    assert average_precision(label, np.ones(4)) == 0.5


def test_events_found_false_and_late():
    label = flags("....####..")
    alarm = flags(".#...##..#")
    said = judged([label], [Said(alarm.astype(float), alarm)])
    assert (said.found, said.onsets_false, said.delay) == (1, 2, 1)
    assert said.false_share == pytest.approx(2 / 6)
    assert said.f1 == pytest.approx(2 * 2 / (2 * 2 + 2 + 2))
    assert episodes(alarm) == [(1, 2), (5, 7), (9, 10)]
    missed = judged([label], [Said(np.zeros(10), np.zeros(10, bool))])
    assert missed.found == 0
    assert math.isnan(missed.delay)
    assert judged([label], [always(10)]).false_share == 1.0


def test_the_one_tag_rule_sees_a_jump():
    values = np.random.default_rng(0).normal(size=(300, 2))
    values[200:250, 1] += 20
    said = one_tag(values, 100)
    assert said.alarm[215:249].all()
    assert not said.alarm[100:195].any()


def test_a_line_says_whether_the_target_is_met():
    lines = [
        Line("b", "high", 0.9, 0.8, 0.7, "higher", {"random": 0.5}, 3, 1.0),
        Line("b", "low", 0.9, 0.8, None, "lower"),
        Line("b", "told", 1.0),
    ]
    assert [line.reached for line in lines] == [True, False, None]
    assert "| b | high | 0.9 | ≥ 0.8 | 0.7 | met | random 0.5 | 3 | 1 |" in table(lines)
