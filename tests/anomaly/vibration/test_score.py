"""Verdicts on simulated bearings whose fault is known, on sound ones, on nonsense, on real records where they are."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.signal import resample_poly

from anomaly.vibration import BadSpeed, BadWaveform
from anomaly.vibration.bearing import Bearing, parse
from anomaly.vibration.score import score
from anomaly.vibration.waveform import Waveform
from simulators.bearing_signals import FAULTS, still, varied
from tests.anomaly.vibration.signals import SKF_6205, bearing_of, scene, scored, values_of

DAMAGED = FAULTS[1:]
CWRU = Path(__file__).parents[3] / "../shared/datasets/cwru"
GOLDEN = json.loads((Path(__file__).parents[2] / "golden" / "bearing_verdicts.json").read_text())


@pytest.mark.parametrize("rpm", [900, 1797, 3550])
@pytest.mark.parametrize("fault", DAMAGED)
def test_each_part_is_named_at_any_speed(fault, rpm):
    found = scored(scene(fault, rpm=rpm, severity=0.8, seconds=60 * 64 / rpm))
    assert found.verdict.fault == fault
    assert 0.3 < found.verdict.confidence < 1
    rhythm = next(one for one in found.rhythms if one.part == fault)
    assert abs(rhythm.found_hz / rhythm.expected_hz - 1) < 0.01


@pytest.mark.parametrize("known", GOLDEN["scenes"], ids=lambda known: str(known["seed"]))
def test_numbers_do_not_move_by_accident(known):
    one = varied(FAULTS[known["seed"] % 4], np.random.default_rng(known["seed"]))
    found = scored(one, known["seed"])
    assert found.verdict.fault == known["fault"]
    assert [rhythm.standout for rhythm in found.rhythms] == pytest.approx(known["standout"], rel=1e-3, abs=1e-3)
    assert [rhythm.depth for rhythm in found.rhythms] == pytest.approx(known["depth"], rel=1e-3)


def test_sound_machines_are_never_given_a_fault():
    scenes = [replace(still(varied("ball", np.random.default_rng(seed))), seconds=2.0) for seed in range(1000, 1030)]
    assert {scored(one, seed).verdict.fault for seed, one in enumerate(scenes)} <= {"healthy", "unknown"}


def test_a_long_record_of_a_sound_bearing_is_healthy_and_a_short_one_unknown():
    assert scored(scene("healthy", seconds=6.0)).verdict.fault == "healthy"
    assert "too short" in scored(scene("healthy", seconds=2.0)).verdict.reason


def test_mains_hum_on_the_rhythm_of_the_balls_is_no_fault():
    """In an SKF 6203 at 1797 rpm, 2xBSF, four times the shaft and twice 60 Hz lie within half a hertz."""
    one = scene("healthy", seconds=5.0, hum_hz=120.0, hum_rms=3.0, shaft_rms=2.0)
    found = score(Waveform.of(values_of(one), one.rate_hz), 1797, parse("n=8,d=6.7462,D=28.4988"))
    assert found.verdict.fault in {"healthy", "unknown"}


@pytest.mark.parametrize("fault", FAULTS)
def test_scale_offset_and_sign_do_not_matter(fault):
    one = scene(fault, seconds=3.0)
    values = values_of(one)
    plain = score(Waveform.of(values, one.rate_hz), one.rpm, SKF_6205)
    for other in (values * 1e-9, values * 1e9, -values, values + 50):
        again = score(Waveform.of(other, one.rate_hz), one.rpm, SKF_6205)
        assert again.verdict.fault == plain.verdict.fault
        assert [rhythm.standout for rhythm in again.rhythms] == pytest.approx(
            [rhythm.standout for rhythm in plain.rhythms], rel=1e-6, abs=1e-6
        )


@pytest.mark.parametrize("fault", DAMAGED)
@pytest.mark.parametrize(("up", "down"), [(4, 1), (5, 6), (3, 4)])
def test_another_sampling_rate_says_the_same(fault, up, down):
    one = scene(fault, severity=0.8)
    values = resample_poly(values_of(one), up, down)
    found = score(Waveform.of(values, one.rate_hz * up / down), one.rpm, SKF_6205)
    assert found.verdict.fault == fault


@pytest.mark.parametrize("fault", DAMAGED)
def test_the_speed_on_the_plate_may_be_a_hundredth_off(fault):
    one = scene(fault, severity=0.8)
    wave = Waveform.of(values_of(one), one.rate_hz)
    assert score(wave, one.rpm * 1.008, SKF_6205).verdict.fault == fault


@pytest.mark.parametrize("fault", DAMAGED)
def test_another_bearing_than_the_one_inside_is_not_blamed(fault):
    one = scene(fault, severity=0.8)
    wave = Waveform.of(values_of(one), one.rate_hz)
    other = Bearing(14, 6.0, 45.0)  # none of its rhythms is near one of the 6205
    assert score(wave, one.rpm, other).verdict.fault in {"healthy", "unknown"}


@pytest.mark.parametrize("fault", ["healthy", "inner race"])
def test_electrical_spikes_neither_make_nor_hide_a_fault(fault):
    one = scene(fault, severity=0.8)
    values = values_of(one)
    values[np.random.default_rng(3).integers(0, len(values), 12)] += 500
    found = score(Waveform.of(values, one.rate_hz), one.rpm, SKF_6205)
    assert found.verdict.fault == ("unknown" if fault == "healthy" else fault)


def test_any_geometry_on_any_record_gives_an_answer():
    rng = np.random.default_rng(11)
    waves = [Waveform.of(values_of(scene(fault)), 12_000) for fault in FAULTS]
    waves += [
        Waveform.of(np.sign(np.sin(np.arange(24_000) / 7)), 12_000),
        Waveform.of(np.eye(1, 24_000, 77)[0], 12_000),
    ]
    for number in range(24):
        bearing = bearing_of(varied("ball", rng))
        answer = score(waves[number % len(waves)], float(rng.uniform(400, 2500)), bearing).as_json()
        assert answer["fault"] in {*FAULTS, "unknown"}
        assert 0 <= answer["confidence"] <= 1
        json.dumps(answer, allow_nan=False)


@pytest.mark.parametrize("rpm", [0, -1, float("nan"), float("inf"), 1e9])
def test_a_speed_that_cannot_be_is_refused(rpm):
    with pytest.raises(BadSpeed, match="cannot be"):
        score(Waveform.of(values_of(scene("ball")), 12_000), rpm, SKF_6205)


def test_a_record_that_cannot_show_the_bearing_is_refused():
    wave = Waveform.of(values_of(scene("ball")), 12_000)
    with pytest.raises(BadWaveform, match="at least 12 are needed"):
        score(wave, 100, SKF_6205)
    with pytest.raises(BadSpeed, match="check rate, rpm and bearing"):
        score(wave, 60_000, SKF_6205)


@pytest.mark.skipif(not CWRU.is_dir(), reason="the CWRU records are not here")
@pytest.mark.parametrize(
    ("name", "fault"),
    [
        ("1797_Normal", "healthy"),
        ("1797_IR_7_DE12", "inner race"),
        ("1797_OR@3_21_DE12", "outer race"),
        ("1797_B_21_DE12", "ball"),
    ],
)
def test_real_records(name, fault):
    with np.load(CWRU / f"{name}.npz") as archive:
        wave = Waveform.of(archive["DE"], float(archive["fs"]))
        assert score(wave, float(archive["rpm"]), SKF_6205).verdict.fault == fault
