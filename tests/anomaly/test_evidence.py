"""The snapshot: canonical, complete, bounded, and never without its spikes."""

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anomaly import DamagedEvidence
from anomaly.evidence import digest, freeze, merge, read, thin
from anomaly.records import Case, Curve, Shown, Tag

CASE = Case("bearing_wear", "limit", "high", 1_700_000_000_123_456_789, 1.5, (("vibration", 0.75), ("flow", 0.25)))
SHOWN = [
    Shown(Tag(1, "vibration", "振动", "mm/s", "float"), {"high": 4.5}, None, [1, 2], [5.0, None]),
    Shown(Tag(2, "flow", "Flow", "m³/h", "float"), {}, 12.3456789, [1, 2, 3], [1.0, 2.0, 3.0], (10.0, 14.5)),
]
SPECTRUM = Curve("spectrum", "frequency", "Hz", (0.0, 12.5), "velocity", "mm/s", (0.1, 2.0), ((12.4, "BPFO"),))
VERSION_1 = Path(__file__).parents[1] / "golden" / "evidence_version_1.json"


def test_the_snapshot_has_the_shape_that_screens_read():
    text = freeze("pump-1", CASE, "limits-1", SHOWN, [SPECTRUM])
    assert json.loads(text) == {
        "version": 2,
        "machine": "pump-1",
        "cause": "bearing_wear",
        "detector": "limit",
        "model_version": "limits-1",
        "onset_ms": 1_700_000_000_123,
        "score": 1.5,
        "asked": "high",
        "mode": None,
        "contributions": [{"tag": "vibration", "share": 0.75}, {"tag": "flow", "share": 0.25}],
        "tags": [
            {
                "slug": "vibration", "name": "振动", "unit": "mm/s", "share": 0.75, "times_ms": [1, 2],
                "values": [5.0, None], "expected": None, "band": None, "limits": {"high": 4.5},
            },
            {
                "slug": "flow", "name": "Flow", "unit": "m³/h", "share": 0.25, "times_ms": [1, 2, 3],
                "values": [1.0, 2.0, 3.0], "expected": [12.345679] * 3, "limits": {},
                "band": {"low": [10.0] * 3, "high": [14.5] * 3},
            },
        ],
        "curves": [
            {
                "kind": "spectrum", "x": {"name": "frequency", "unit": "Hz", "values": [0.0, 12.5]},
                "y": {"name": "velocity", "unit": "mm/s", "values": [0.1, 2.0]},
                "marks": [{"x": 12.4, "name": "BPFO"}],
            }
        ],
    }  # fmt: skip


def test_the_same_facts_give_the_same_text_and_the_hash_is_over_its_bytes():
    text = freeze("pump-1", CASE, "limits-1", SHOWN, [SPECTRUM])
    assert text == freeze("pump-1", CASE, "limits-1", SHOWN, [SPECTRUM])
    assert text == json.dumps(json.loads(text), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert digest(text) == hashlib.sha256(text.encode()).digest()
    assert digest(text.replace("0.75", "0.76")) != digest(text)


def test_what_was_frozen_is_read_back():
    text = freeze("pump-1", CASE, "limits-1", SHOWN, [SPECTRUM])
    found = read(text, digest(text))
    assert (found.machine, found.cause, found.model_version, found.score) == ("pump-1", "bearing_wear", "limits-1", 1.5)
    assert found.contributions == CASE.contributions
    assert found.curves == (SPECTRUM,)
    assert [replace(one, tag=replace(one.tag, series=0)) for one in SHOWN] == [
        found.shown[0], replace(found.shown[1], expected=12.3456789),
    ]  # fmt: skip


def test_a_snapshot_of_the_first_version_is_read_as_it_was():
    text = VERSION_1.read_text(encoding="utf-8")
    assert digest(text).hex() == "fecc50fd9982eefb48048615f3346fbc999f90a422e0d77f66da16b9d409caff"
    found = read(text, digest(text))
    assert found.contributions == (("vibration", 0.75), ("flow", 0.25))
    assert (found.curves, found.score) == ((), None)
    assert [(one.tag.name, one.expected, one.band, one.limits) for one in found.shown] == [
        ("振动", None, None, {"high": 4.5}), ("Flow", 12.345679, None, {}),
    ]  # fmt: skip


def test_a_changed_or_newer_snapshot_is_not_shown():
    text = freeze("pump-1", CASE, "limits-1", SHOWN)
    with pytest.raises(DamagedEvidence, match="not the text"):
        read(text.replace("0.75", "0.76"), digest(text))
    newer = text.replace('"version":2', '"version":3')
    with pytest.raises(DamagedEvidence, match="version 3"):
        read(newer, digest(newer))


def test_stored_samples_and_the_deciding_ones_are_joined_once_each():
    assert merge([(1, 1.0), (3, None)], [(3, 9.0), (2, 2.0), (4, 4.0)]) == ([1, 2, 3, 4], [1.0, 2.0, None, 4.0])


@given(st.lists(st.one_of(st.none(), st.floats(-1e9, 1e9)), min_size=1, max_size=400), st.integers(3, 60))
def test_thinning_keeps_ends_extremes_and_order(values, most):
    times = list(range(len(values)))
    kept_times, kept = thin(times, values, most)
    assert len(kept) <= most + 2 or len(kept) == len(values)
    assert kept_times == sorted(set(kept_times))
    assert [values[at] for at in kept_times] == kept
    assert (kept_times[0], kept_times[-1]) == (0, len(values) - 1)
    numbers = [value for value in values if value is not None]
    kept_numbers = [value for value in kept if value is not None]
    if numbers:
        assert (min(numbers), max(numbers)) == (min(kept_numbers), max(kept_numbers))
    assert (None in values) == (None in kept)
