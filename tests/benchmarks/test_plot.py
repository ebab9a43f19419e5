"""The plot of the benchmarks: its exponent is the one of the data, its SVG is one."""

from xml.etree import ElementTree

import pytest

from benchmarks.plot import growth, log_log_svg

SIZES = (1_000, 10_000, 100_000, 1_000_000)


@pytest.mark.parametrize("exponent", [-0.5, 0.0, 1.0, 1.7])
def test_the_growth_of_a_power_is_its_exponent(exponent):
    assert growth([(n, 3 * n**exponent) for n in SIZES]) == pytest.approx(exponent)


def test_every_point_of_every_line_is_drawn_inside_the_frame():
    lines = {"ours < theirs": [(n, 0.7) for n in SIZES], "theirs": [(n, n / 1000) for n in SIZES]}
    drawn = ElementTree.fromstring(log_log_svg("Cost & series", "series", "µs", lines))
    dots = [element for element in drawn.iter() if element.tag.endswith("circle")]
    assert len(dots) == 8
    assert all(0 <= float(dot.get("cx")) <= 720 and 0 <= float(dot.get("cy")) <= 420 for dot in dots)
    assert "ours < theirs" in "".join(drawn.itertext())
