"""Rhythms of a bearing by its geometry, against published ones; texts that describe none."""

import json
import math
from pathlib import Path

import pytest

from anomaly.vibration import BadBearing
from anomaly.vibration.bearing import Bearing, parse

GOLDEN = json.loads((Path(__file__).parents[2] / "golden" / "bearing_frequencies.json").read_text())


@pytest.mark.parametrize("known", GOLDEN["bearings"], ids=lambda known: known["name"])
def test_orders_are_those_that_the_makers_publish(known):
    bearing = Bearing(known["balls"], known["ball"], known["pitch"], known["angle_deg"])
    for part in ("inner", "outer", "cage", "ball_twice"):
        assert getattr(bearing, part) == pytest.approx(known[part], rel=3e-4)


def test_a_text_becomes_a_bearing_and_only_ratios_matter():
    bearing = parse("n=9,d=7.94,D=39.04,angle=0")
    assert bearing == Bearing(9, 7.94, 39.04, 0.0)
    assert parse(" D=390.4; d=79.4 n=9") == Bearing(9, 79.4, 390.4)
    assert parse("n=9,d=79.4,D=390.4").inner == pytest.approx(bearing.inner)


def test_what_passes_both_rings_are_all_balls():
    bearing = Bearing(16, 8.407, 71.501, 15.17)
    assert bearing.inner + bearing.outer == pytest.approx(16)
    assert bearing.outer == pytest.approx(16 * bearing.cage)
    assert bearing.cage == pytest.approx(0.5 * (1 - 8.407 / 71.501 * math.cos(math.radians(15.17))))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "n and d and D missing"),
        ("9,7.94,39.04", "says nothing"),
        ("n=9,d=7.94", "D missing"),
        ("n=9,d=7.94,D=39.04,d=8", "stands twice"),
        ("n=9.5,d=7.94,D=39.04", "counts the balls"),
        ("n=nine,d=7.94,D=39.04", "no number"),
        ("n=9,d=nan,D=39.04", "no number"),
        ("n=2,d=7.94,D=39.04", "3 to 200"),
        ("n=9,d=39.04,D=7.94", "smaller than the circle"),
        ("n=9,d=-1,D=39.04", "smaller than the circle"),
        ("n=40,d=7.94,D=39.04", "no room"),
        ("n=9,d=7.94,D=39.04,angle=90", "contact angle"),
        ("n=9,d=7.94,D=39.04,colour=red", "says nothing"),
    ],
)
def test_what_describes_no_bearing_is_refused_with_the_way_out(text, says):
    with pytest.raises(BadBearing, match=says):
        parse(text)
