"""Excess power of simulated weeks whose excess is known."""

import numpy as np
import pytest

from anomaly.energy import NotEnoughData
from anomaly.energy.excess import Load, excess
from tests.anomaly.energy.machines import compressor


def week(seed, more_kw=0.0, output=True):
    """Ten-minute means of a simulated week."""
    _, value = compressor(seed, weeks=1)
    means = value.reshape(-1, 10, 3).mean(axis=1)
    works = means[:, 1] > 0
    return Load(means[:, 0] + more_kw * works, means[:, 1] if output else None)


@pytest.mark.parametrize("more_kw", [-2.0, 0.0, 3.0])
def test_the_excess_is_found_whatever_is_made(more_kw):
    found = [excess(week(seed), week(seed + 100, more_kw)) for seed in range(8)]
    assert [one.kw for one in found] == pytest.approx([more_kw] * 8, abs=0.6)
    assert sum(one.lower - 0.3 <= more_kw <= one.upper + 0.3 for one in found) >= 7
    assert found[0].share == pytest.approx(80 / 168, abs=0.02)


def test_without_an_output_another_product_looks_like_excess():
    quiet, busy = week(1), week(2)
    busy = Load(busy.power_kw + 10.0 * (busy.output > 0), busy.output + 10.0 / 0.11 * (busy.output > 0))
    assert abs(excess(quiet, busy).kw) < 1.5
    assert excess(Load(quiet.power_kw, None), Load(busy.power_kw, None)).kw > 5


def test_what_cannot_be_compared_is_said():
    known = week(1)
    stands = Load(np.zeros(144), np.zeros(144))
    far = Load(known.power_kw, known.output * 10)
    for before, since in ((known, stands), (stands, known), (known, far)):
        with pytest.raises(NotEnoughData, match="at least 24"):
            excess(before, since)
