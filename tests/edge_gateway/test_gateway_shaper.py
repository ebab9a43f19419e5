"""The shaper in the gateway: what settings are refused, late samples, wrong clocks, counting, stopping."""

import asyncio
import json
import zlib

import numpy as np
import pytest
from prometheus_client import REGISTRY

from edge_gateway.catalog import number
from edge_gateway.intake import Intake
from edge_gateway.settings import GatewaySettings
from edge_gateway.shaping.shape import Shape
from edge_gateway.shaping.shaper import Shaper
from protocols.sample import GOOD, Quality, Reason, quality_code
from runtime.clock import ManualClock, SystemClock
from runtime.settings import SettingsError, load
from tests.edge_gateway.gateway_parts import floats, modbus_device
from tests.edge_gateway.shaping_parts import SECOND, Rig, device

FILE = """
tenant = "demo"
gateway = "gw-1"

[[devices]]
name = "press-1"
protocol = "modbus"
[devices.modbus]
host = "127.0.0.1"
[[devices.tags]]
tag = "oil_pressure"
address = "holding:100"
type = "float32"
# here
[[devices.tags]]
tag = "running"
address = "coil:0"
type = "bool"
# there
"""
DERIVED = '\n[[derived]]\nmachine = "press-1"\ntag = "{tag}"\nexpression = "{text}"\n'


@pytest.mark.parametrize(
    ("place", "line", "told"),
    [
        ("here", "deadband = -1", "devices.0.tags.0.deadband"),
        ("here", "deadband = nan", "deadband"),
        ("here", "deadband_percent = 1", "deadband_percent is a percentage of the span of `range`; give range"),
        ("here", "deadband_percent = 1\nrange = [5, 5]", "deadband_percent is a percentage of the span"),
        ("here", "deadband = 1\non_change = true", "deadband and on_change say the same thing"),
        ("here", "max_silence_s = 5", "max_silence_s needs deadband, deadband_percent or on_change"),
        ("here", "on_change = true\nmax_silence_s = 5\nleast_interval_s = 10", "shorter than least_interval_s"),
        (
            "here",
            "window = { every_s = 60, raw = false, of = ['mean'] }",
            'would be gone; keep "min" and "max"',
        ),
        ("here", "window = { every_s = 60, raw = false }\ndeadband = 1", "so deadband would do nothing; remove one"),
        ("here", "window = { every = 60 }", "every"),
        ("here", "window = { every_s = 60, of = ['median'] }", "'min', 'max', 'mean', 'count' or 'last'"),
        ("there", "deadband = 1", "tag running: deadband is for numbers, not for bool; use on_change"),
        ("there", "window = { every_s = 1 }", "tag running: window is for numbers, not for bool"),
    ],
)
def test_a_setting_that_would_do_nothing_or_harm_is_refused_with_the_way_out(tmp_path, place, line, told):
    path = tmp_path / "gateway.toml"
    path.write_text(FILE.replace(f"# {place}", line))
    with pytest.raises(SettingsError) as raised:
        load(GatewaySettings, path, {})
    assert told in str(raised.value)
    assert "gateway.toml" in str(raised.value)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            DERIVED.format(tag="d", text="{oil_presure} * 2"),
            "character 1: there is no tag press-1/oil_presure;",
        ),
        (DERIVED.format(tag="d", text="{oil_pressure} *"), "derived.0: Value error, derived tag press-1/d: expression"),
        (DERIVED.format(tag="d", text="{d} * 2"), "in a circle: press-1/d → press-1/d"),
        (DERIVED.format(tag="running", text="{oil_pressure} * 2"), "tag running of machine press-1 is there twice"),
        (DERIVED.format(tag="d", text="{running}") + "deadband = 1", "tag d: deadband is for numbers, not for bool"),
        (DERIVED.format(tag="o", text="{oil_pressure}") * 2, "derived tag press-1/o is there twice"),
        (
            DERIVED.format(tag="d" * 63, text="{oil_pressure}") + "window = { every_s = 1 }",
            "too long for a tag name",
        ),
    ],
)
def test_a_derived_tag_that_cannot_be_is_refused(tmp_path, text, told):
    path = tmp_path / "gateway.toml"
    path.write_text(FILE + text)
    with pytest.raises(SettingsError) as raised:
        load(GatewaySettings, path, {})
    assert told in str(raised.value)


def test_a_window_may_not_take_the_name_of_a_tag(tmp_path):
    path = tmp_path / "gateway.toml"
    text = FILE.replace("# here", "window = { every_s = 60 }").replace('"running"', '"oil_pressure-max"')
    path.write_text(text)
    with pytest.raises(SettingsError, match="tag oil_pressure-max of machine press-1 is there twice"):
        load(GatewaySettings, path, {})


def test_without_shaping_nothing_is_in_the_way_and_the_revision_is_that_of_the_tags_alone():
    numbering = number([modbus_device("a", 5020, {"x": 1.0})])
    assert not Shape(numbering).needed
    tags = [{"alias": 0, "kind": "float", "machine": "a", "tag": "x", "unit": ""}]
    assert numbering.catalog.revision == zlib.crc32(json.dumps(tags, separators=(",", ":")).encode())


def test_a_range_that_the_driver_checks_is_not_checked_again():
    plain = {"tag": "x", "range": [0, 1]}
    assert Shape(number([device(plain)])).needed
    modbus = modbus_device("a", 5020, {"x": 1.0})
    ranged = modbus.model_copy(update={"tags": (modbus.tags[0].model_copy(update={"range": (0.0, 1.0)}),)})
    assert not Shape(number([ranged])).needed


def test_a_read_that_nothing_is_said_of_passes_untouched():
    rig = Rig([device({"tag": "x", "deadband": 1}, {"tag": "y"})])
    columns = (rig.column("y", [(0, 1.0), (1, 1.0)]),)
    assert rig.shape.take(columns, 0) is columns
    both = floats([0, 1], [1.0, 2.0])
    assert sum(map(len, rig.shape.take(both, 0))) == 2
    assert [column.alias.tolist() for column in rig.shape.take(both, 0)] == [[1]]


def test_what_is_handed_in_is_never_written_into():
    rig = Rig([device({"tag": "x", "range": [0, 5], "deadband": 1, "window": {"every_s": 1}})])
    column = rig.column("x", [(0, 1.0), (1, 9.0), (2, float("nan")), (3, 2.0)])
    for array in (column.alias, column.time_ns, column.value, column.code):
        array.flags.writeable = False
    assert len(rig.shape.take((column,), 0)) > 3


def test_a_sample_that_comes_when_its_window_has_ended_is_counted_and_changes_nothing():
    rig = Rig([device({"tag": "x", "window": {"every_s": 10, "raw": False}})])
    rig.read(5, x=1.0)
    rig.read(11, x=2.0)
    late = rig.column("x", [(9, 99.0)])
    assert rig.shape.take((late,), 11 * SECOND) == ()
    assert [sample.value for sample in rig.read(20, x=3.0)] == [2.0, 2.0, 2.0]
    assert rig.shape.withheld == {"unchanged": 0, "too_often": 0, "late": 1}


def test_a_window_that_time_has_ended_stays_ended():
    rig = Rig([device({"tag": "x", "window": {"every_s": 10, "raw": False, "of": ["min", "max"]}})])
    rig.read(5, x=1.0)
    assert rig.look(19.9) == []
    assert [sample.time_ns for sample in rig.look(20)] == [10.0, 10.0]
    assert rig.shape.take((rig.column("x", [(9, 99.0)]),), 21 * SECOND) == ()
    assert rig.shape.withheld["late"] == 1
    assert rig.look(60) == []


def test_rounding_does_not_carry_a_mean_beyond_the_values():
    rig = Rig([device({"tag": "x", "window": {"every_s": 10, "raw": False}})])
    for second in (1, 2, 3):
        rig.read(second, x=0.1)
    assert [sample.value for sample in rig.read(11, x=0.1)] == [0.1, 0.1, 0.1]


def test_the_next_interval_begins_where_the_one_before_ended():
    rig = Rig([device({"tag": "x", "least_interval_s": 10})])
    assert [sample.value for sample in rig.read(0, x=1.0)] == [1.0]
    assert rig.read(3, x=2.0) == rig.look(9.9) == []
    assert rig.look(10) == [("x", 3.0, 2.0, GOOD)]
    assert rig.read(14, x=3.0) == rig.look(19.9) == []
    assert rig.look(20) == [("x", 14.0, 3.0, GOOD)]


def test_what_stands_in_the_value_of_a_failed_read_means_nothing():
    rig = Rig([device({"tag": "x", "deadband": 1})])
    rig.read(0, x=Reason.TIMEOUT)
    column = rig.column("x", [(1, Reason.TIMEOUT)])
    column.value[:] = 77.0
    assert rig.shape.take((column,), SECOND) == ()


def test_a_clock_that_was_set_back_begins_new_windows_and_says_so():
    rig = Rig([device({"tag": "x", "window": {"every_s": 10, "raw": False, "of": ["min", "max"]}})])
    rig.read(5, x=1.0)
    rig.read(1000, x=2.0)
    cut = quality_code(Quality.UNCERTAIN, Reason.CLOCK_UNSYNCED)
    assert rig.read(500, x=3.0) == [("x-min", 1010.0, 2.0, cut), ("x-max", 1010.0, 2.0, cut)]
    assert [sample.code for sample in rig.read(510, x=4.0)] == [cut, cut]
    assert [sample.code for sample in rig.read(520, x=4.0)] == [GOOD, GOOD]


def test_a_server_whose_clock_is_wrong_keeps_its_windows_open_all_the_same():
    rig = Rig([device({"tag": "x", "window": {"every_s": 10, "raw": False}})])
    hour_ns = 3600 * SECOND
    for second in range(10):  # stamped an hour before it comes
        assert rig.shape.take((rig.column("x", [(second, float(second))]),), hour_ns + second * SECOND) == ()
        assert rig.shape.due(hour_ns + second * SECOND) == ()
    assert [sample.value for sample in rig.listed(rig.shape.due(hour_ns + 20 * SECOND))] == [0.0, 9.0, 4.5]


class Gathering:
    """A sink that keeps what it is given."""

    def __init__(self):
        self.got = []

    async def put(self, columns):
        self.got += columns


def withheld(reason: str) -> float:
    return REGISTRY.get_sample_value("linewright_gateway_withheld_samples_total", {"reason": reason}) or 0


async def test_the_shaper_looks_at_the_clock_counts_and_hands_over_the_rest_when_it_is_left():
    clock, sink = ManualClock(), Gathering()
    rig = Rig([device({"tag": "x", "least_interval_s": 10}, {"tag": "y", "on_change": True})])
    before = withheld("too_often"), withheld("unchanged")
    async with Shaper(rig.shape, sink, clock) as shaper:
        task = asyncio.create_task(shaper.run())
        await shaper.put((rig.column("x", [(0, 1.0), (1, 2.0), (2, 3.0)]), rig.column("y", [(0, 1.0), (1, 1.0)])))
        while len(sink.got) < 3:
            await asyncio.sleep(0)
        task.cancel()
        assert [(s.tag, s.value) for s in rig.listed(tuple(sink.got))] == [("x", 1.0), ("y", 1.0), ("x", 3.0)]
        assert 8 <= clock.monotonic_ns() / SECOND <= 8.5  # 2 came at 0 and may be told ten seconds after 0
    assert rig.listed(tuple(sink.got))[3:] == [("y", 1.0, 1.0, GOOD)]
    assert (withheld("too_often"), withheld("unchanged")) == (before[0] + 1, before[1] + 1)


async def test_a_full_intake_holds_the_shaper_up_but_not_the_stop(monkeypatch):
    monkeypatch.setattr("edge_gateway.shaping.shaper._LAST_MOST_S", 0.05)
    rig, intake = Rig([device({"tag": "x", "on_change": True})]), Intake(SystemClock())
    dropped = REGISTRY.get_sample_value("linewright_gateway_dropped_samples_total", {"reason": "stopped"}) or 0
    async with Shaper(rig.shape, intake, SystemClock()) as shaper:
        await shaper.put((rig.column("x", [(0, 1.0), (1, 1.0)]),))
        await intake.put(floats(np.zeros(1_000_000, int), np.zeros(1_000_000)))
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await shaper.put((rig.column("x", [(2, 2.0)]),))
        rig.read(3, x=2.0)  # withheld
    after = REGISTRY.get_sample_value("linewright_gateway_dropped_samples_total", {"reason": "stopped"})
    assert after == dropped + 1
