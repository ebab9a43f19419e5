"""The fleet of machine-weeks: the same for the same seed, plausible, and troubled exactly where its truth says so."""

import csv
import json

import numpy as np
import pytest

from simulators.weeks import fleet
from simulators.weeks.files import write
from simulators.weeks.fleet import DESIGNS, machine_weeks
from simulators.weeks.injections import SENSOR_KINDS

DESIGN = {design.kind: design for design in DESIGNS}


@pytest.fixture(scope="module")
def troubled():
    return fleet(5)


@pytest.fixture(scope="module")
def healthy():
    return fleet(5, troubled=False)


def test_the_same_seed_gives_the_same_weeks_and_another_one_does_not(troubled):
    again = machine_weeks(5, DESIGN["pump"], 4, 1, troubled=True)
    pump = next(machine for machine in troubled if machine.kind == "pump")
    np.testing.assert_array_equal(again.values, pump.values)
    assert again.injections == pump.injections
    other = machine_weeks(6, DESIGN["pump"], 4, 1, troubled=True)
    assert other.values.shape != pump.values.shape or not np.array_equal(other.values, pump.values, equal_nan=True)


def test_twenty_eight_machine_weeks_of_seven_kinds(healthy):
    assert sum(machine.weeks for machine in healthy) >= 28
    assert len({machine.kind for machine in healthy}) == 7
    for machine in healthy:
        assert (np.diff(machine.time_ns) > 0).all()
        assert machine.values.shape == (len(machine.time_ns), len(machine.names))
        assert 0.0005 < np.isnan(machine.values).mean() < 0.01
        assert not machine.injections


@pytest.mark.parametrize("design", DESIGNS, ids=lambda design: design.kind)
def test_root_and_trip_of_every_fault_are_those_of_its_tag(design):
    names = {gauge.name for gauge in design.gauges}
    assert {fault.root for fault in design.faults} <= names
    assert all((fault.trip is not None) == (fault.kind == "drift") for fault in design.faults)
    assert len({fault.kind for fault in design.faults}) >= 3


def test_nothing_is_wrong_while_learning_and_nothing_overlaps(troubled):
    for machine in troubled:
        assert machine.injections
        assert all(one.onset >= machine.train_rows for one in machine.injections)
        for one, following in zip(machine.injections, machine.injections[1:], strict=False):
            assert one.onset < one.end < following.onset
        assert machine.injections[-1].end < len(machine.time_ns)


def test_the_tables_differ_from_the_healthy_ones_only_where_there_was_trouble(troubled, healthy):
    for ill, well in zip(troubled, healthy, strict=True):
        np.testing.assert_array_equal(ill.time_ns, well.time_ns)
        first = min(one.onset for one in ill.injections)
        before = np.nan_to_num(ill.values[:first]) == np.nan_to_num(well.values[:first])
        assert before.all()


def test_a_drift_grows_in_its_root_and_is_repaired(troubled, healthy):
    checked = 0
    for ill, well in zip(troubled, healthy, strict=True):
        for one in (one for one in ill.injections if one.kind == "drift"):
            root = ill.names.index(one.root)
            off = np.abs(ill.values[:, root] - well.values[:, root])
            half, full = (np.nanquantile(off[row - 200 : row], 0.95) for row in (one.half_way, one.end))
            assert full > 1.2 * half > 0, one
            assert one.onset < one.half_way < one.end
            assert np.nanmedian(off[one.end + 300 : one.end + 600]) < 0.2 * full
            checked += 1
    assert checked >= 7


def test_a_lying_gauge_lies_alone(troubled, healthy):
    seen = set()
    for ill, well in zip(troubled, healthy, strict=True):
        for one in ill.injections:
            if one.subject == "sensor":
                seen.add(one.kind)
                span = slice(one.onset, one.end)
                others = [at for at, name in enumerate(ill.names) if name != one.root]
                at = ill.names.index(one.root)
                same = np.isclose(ill.values[span][:, others], well.values[span][:, others], equal_nan=True)
                assert ill.kind == "compressor" or same.mean() > 0.99  # a compressor's cycles never fall in step again
                assert not np.array_equal(ill.values[span, at], well.values[span, at], equal_nan=True)
    assert len(seen) >= 3
    assert seen <= set(SENSOR_KINDS)


def test_files_hold_the_table_and_its_truth(tmp_path):
    machine = machine_weeks(7, DESIGN["fan"], 1, 1, troubled=True)
    write([machine], tmp_path, 7)
    truth = json.loads((tmp_path / "truth.json").read_text())
    with (tmp_path / truth["machines"][0]["file"]).open() as file:
        rows = list(csv.reader(file))
    assert truth["seed"] == 7
    assert rows[0] == ["time", *machine.names]
    assert len(rows) - 1 == truth["machines"][0]["rows"] == len(machine.time_ns)
    assert rows[1][0] == "2024-03-04 00:00:00"
    assert [one["root"] for one in truth["machines"][0]["injections"]] == [one.root for one in machine.injections]
    read = np.array([[float(cell) if cell else np.nan for cell in row[1:]] for row in rows[1:]])
    np.testing.assert_allclose(read, machine.values, rtol=1e-5)
