"""Velocity, zones, crest and kurtosis, shaft lines: closed formulas on sines, and what is refused."""

import numpy as np
import pytest

from anomaly.vibration import BadWaveform, UnknownMachineClass
from anomaly.vibration.levels import levels
from anomaly.vibration.score import severity
from anomaly.vibration.shaft import hints, shaft_lines
from anomaly.vibration.velocity import velocity_rms_mm_s
from anomaly.vibration.waveform import Waveform
from anomaly.vibration.zones import BadMachineClasses, class_of, read_classes, shipped_classes

RATE_HZ = 8192.0
TIME_S = np.arange(16_384) / RATE_HZ


def sine(hz, amplitude=1.0):
    return amplitude * np.sin(2 * np.pi * hz * TIME_S)


def test_a_sine_of_acceleration_has_the_velocity_of_the_textbook():
    wave = Waveform.of(sine(100, 9.80665 * 2**0.5), RATE_HZ)
    assert velocity_rms_mm_s(wave) == pytest.approx(1000 * 9.80665 / (2 * np.pi * 100), rel=1e-3)  # 15.6 mm/s


def test_the_band_ends_at_10_and_1000_hz():
    wave = Waveform.of(sine(5, 10) + sine(2000, 100), RATE_HZ)
    assert velocity_rms_mm_s(wave) < 0.01 * velocity_rms_mm_s(wave, 2.0)


def test_velocities_add_up_as_squares():
    parts = [velocity_rms_mm_s(Waveform.of(sine(hz), RATE_HZ)) for hz in (50, 400)]
    both = velocity_rms_mm_s(Waveform.of(sine(50) + sine(400), RATE_HZ))
    assert both == pytest.approx(np.hypot(*parts), rel=1e-3)


@pytest.mark.parametrize(
    ("name", "velocity", "zone"),
    [
        ("small-rigid", 1.4, "A"),
        ("small-rigid", 1.41, "B"),
        ("small-rigid", 4.4, "C"),
        ("small-rigid", 4.6, "D"),
        ("small-flexible", 4.4, "B"),
        ("large-rigid", 7.2, "D"),
        ("large-flexible", 7.0, "B"),
        ("large-flexible", 11.1, "D"),
    ],
)
def test_zones(name, velocity, zone):
    assert class_of(name, shipped_classes()).zone(velocity) == zone


def test_a_plant_has_its_own_classes_and_errors_are_told():
    own = read_classes('[spindle]\ntitle = "milling"\na_b_mm_s = 0.5\nb_c_mm_s = 1\nc_d_mm_s = 2\n')
    assert class_of("spindle", own).zone(0.7) == "B"
    with pytest.raises(UnknownMachineClass, match="there are spindle"):
        class_of("pump", own)
    for text, says in [
        ("[a", "machine classes"),
        ("[a]\ntitle='x'", "'a'"),
        ('[a]\ntitle="x"\na_b_mm_s=2\nb_c_mm_s=1\nc_d_mm_s=3', "rise"),
    ]:
        with pytest.raises(BadMachineClasses, match=says):
            read_classes(text)


def test_severity_knows_units_and_slow_shafts():
    machine = shipped_classes()["small-rigid"]
    in_g = severity(Waveform.of(sine(100), RATE_HZ), "g", 1480, machine)
    in_si = severity(Waveform.of(sine(100, 9.80665), RATE_HZ), "m/s2", 1480, machine)
    assert in_g["velocity_rms_mm_s"] == in_si["velocity_rms_mm_s"] == pytest.approx(11.04, rel=1e-3)
    assert in_g["zone"] == "D"
    assert severity(Waveform.of(sine(5), RATE_HZ), "m/s2", 300, machine)["velocity_rms_mm_s"] == pytest.approx(
        22.5, rel=1e-2
    )


def test_crest_and_kurtosis_of_a_sine_and_of_noise_whatever_the_scale():
    for scale in (1e-200, 1.0, 1e200):
        of_sine = levels(Waveform.of(sine(100, scale), RATE_HZ))
        assert of_sine.crest == pytest.approx(2**0.5, rel=1e-3)
        assert of_sine.kurtosis == pytest.approx(1.5, rel=1e-3)
        assert of_sine.rms == pytest.approx(scale / 2**0.5, rel=1e-3)
    noise = np.random.default_rng(1).standard_normal(200_000)
    assert levels(Waveform.of(noise, RATE_HZ)).kurtosis == pytest.approx(3, abs=0.1)


@pytest.mark.parametrize(
    ("amplitudes", "hinted"),
    [
        ({1: 1.0}, ["unbalance"]),
        ({1: 1.0, 2: 1.6}, ["misalignment"]),
        ({0.5: 0.3, 1: 1.0, 1.5: 0.5, 2: 0.6, 2.5: 0.6, 3: 2.0, 4: 1.0}, ["looseness"]),
        ({}, []),
    ],
)
def test_shaft_lines_hint_at_what_shafts_have(amplitudes, hinted):
    noise = 0.01 * np.random.default_rng(2).standard_normal(len(TIME_S))
    wave = Waveform.of(noise + sum(sine(25 * order, size) for order, size in amplitudes.items()), RATE_HZ)
    lines = shaft_lines(wave, 25.0)
    assert hints(lines) == hinted
    for line in lines:
        assert line.stands_out == (line.order in amplitudes)
        if line.order in amplitudes:
            expected = amplitudes[line.order] / 2**0.5 / (2 * np.pi * 25 * line.order)
            assert line.velocity_rms == pytest.approx(expected, rel=0.05)


@pytest.mark.parametrize(
    ("values", "rate_hz", "says"),
    [
        (np.ones(1000), 1000, "all samples are the same"),
        (np.zeros(1000), 1000, "all samples are the same"),
        (np.full(1000, 0.1), 1000, "all samples are the same"),
        (np.arange(100.0), 1000, "too few"),
        (np.ones((1000, 2)), 1000, "one column"),
        (np.array(["a"] * 1000), 1000, "wanted are numbers"),
        (np.r_[np.arange(999.0), np.nan], 1000, "number 1000"),
        (np.r_[np.inf, np.arange(999.0)], 1000, "number 1"),
        (np.arange(1000.0), 0, "sampling rate"),
        (np.arange(1000.0), -5, "sampling rate"),
        (np.arange(1000.0), float("nan"), "sampling rate"),
        (np.arange(1000.0), 1e9, "sampling rate"),
    ],
)
def test_what_is_no_waveform_is_refused(values, rate_hz, says):
    with pytest.raises(BadWaveform, match=says):
        Waveform.of(values, rate_hz)


def test_integers_are_numbers_too():
    assert len(Waveform.of(np.arange(1000, dtype=np.int16), 1000)) == 1000
