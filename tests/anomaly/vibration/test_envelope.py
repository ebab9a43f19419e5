"""Kurtogram, whitened envelope spectra, order tracking: signals whose answer is known in closed form."""

import numpy as np
import pytest

from anomaly.vibration import BadSpeed
from anomaly.vibration.bands import kurtogram, most_impulsive, parts_of
from anomaly.vibration.envelope import modulation
from anomaly.vibration.score import score
from anomaly.vibration.speed import at_even_angles, turns_of_pulses, turns_of_record, variation
from anomaly.vibration.waveform import Waveform
from simulators.bearing_signals import shaft_turns
from tests.anomaly.vibration.signals import SKF_6205, scene, values_of

RATE_HZ = 10_000.0
TIME_S = np.arange(40_000) / RATE_HZ


def noise(seed=1):
    return np.random.default_rng(seed).standard_normal(len(TIME_S))


def test_bands_halve_and_third_as_long_as_they_can_swing_fast_enough():
    assert parts_of(12_000, 1_000) == (1, 2, 3, 4, 6)
    assert parts_of(12_000, 9_000) == (1,)


def test_the_kurtogram_finds_the_band_where_it_rings():
    ring = np.zeros(len(TIME_S))
    ring[::1000] = 1
    decay = np.exp(-TIME_S[:60] * 600) * np.sin(2 * np.pi * 3_100 * TIME_S[:60])
    ringing = np.convolve(ring, decay)[: len(TIME_S)]
    bands = kurtogram(Waveform.of(0.15 * noise() + 2 * ringing, RATE_HZ), 500.0)
    best = most_impulsive(bands)
    assert best.low_hz < 3_100 < best.high_hz
    assert best.high_hz - best.low_hz < 2_000
    assert best.kurtosis > 3


def test_noise_has_no_kurtosis_in_any_band():
    assert abs(most_impulsive(kurtogram(Waveform.of(noise(), RATE_HZ), 500.0)).kurtosis) < 0.5


@pytest.mark.parametrize("depth", [0.3, 0.6, 0.9])
def test_the_depth_of_a_swing_is_measured(depth):
    """Noise whose power is 1 + depth·cos has a squared envelope of that depth; whitening takes up to a third away."""
    swinging = noise() * np.sqrt(1 + depth * np.cos(2 * np.pi * 87 * TIME_S))
    found = modulation(Waveform.of(swinging, RATE_HZ), 25.0, 500.0)
    at = round(87 / found.step_hz)
    assert found.bands_hz[0] == pytest.approx((0, RATE_HZ / 2), rel=0.01)
    assert 0.67 * depth < np.sqrt(found.depth2[0, at - 1 : at + 2].max()) < 1.02 * depth
    assert found.prominence[0, at - 1 : at + 2].max() > 50


def test_noise_has_a_prominence_of_about_one_everywhere_and_lines_leave_no_trace():
    lines = sum(30 * np.sin(2 * np.pi * hz * TIME_S) for hz in (50, 100, 730, 755, 780))
    for values in (noise(), noise() + lines):
        found = modulation(Waveform.of(values, RATE_HZ), 25.0, 500.0)
        beyond = found.prominence[:, round(5 / found.step_hz) :]
        assert beyond.mean() == pytest.approx(0.9, abs=0.15)
        assert np.percentile(beyond, 99.9) < 12


def test_a_tacho_tells_the_speed_and_even_angles_make_a_line_of_a_chirp():
    one = scene("healthy", speed_swing=0.05, seconds=4.0, rpm=1500)
    turns = shaft_turns(one)
    pulse_s = np.interp(np.arange(1, int(turns[-1])), turns, np.arange(len(turns)) / one.rate_hz)
    read = turns_of_pulses(pulse_s, len(turns), one.rate_hz)
    assert variation(read) == pytest.approx(variation(turns), rel=0.05)
    assert np.abs(np.diff(read - turns)).max() < 1e-4
    chirp = Waveform.of(np.sin(2 * np.pi * 8 * turns), one.rate_hz)
    even, mean_hz = at_even_angles(chirp, read)
    assert mean_hz == pytest.approx(25, rel=0.01)
    spectrum = np.abs(np.fft.rfft(even.acceleration * np.hanning(len(even)))) ** 2
    top = int(np.argmax(spectrum))
    assert top * one.rate_hz / len(even) == pytest.approx(8 * mean_hz, rel=0.01)
    assert spectrum[top - 3 : top + 4].sum() > 0.95 * spectrum.sum()
    smeared = np.abs(np.fft.rfft(chirp.acceleration * np.hanning(len(even)))) ** 2
    assert smeared.max() < 0.3 * smeared.sum()


@pytest.mark.parametrize("pulses", [[], [1.0, 2.0], [1.0, 1.0, 2.0], [1.0, np.nan, 2.0], [0.1, 0.2, 0.3]])
def test_a_tacho_that_tells_nothing_is_refused(pulses):
    with pytest.raises(BadSpeed):
        turns_of_pulses(np.array(pulses), 40_000, RATE_HZ)


def test_a_shaft_that_turns_back_is_refused():
    with pytest.raises(BadSpeed, match="turns back"):
        at_even_angles(Waveform.of(noise(), RATE_HZ), np.sin(TIME_S))


@pytest.mark.parametrize("fault", ["outer race", "inner race", "ball"])
def test_a_varying_speed_is_seen_in_the_record_itself(fault):
    one = scene(fault, severity=0.8, speed_swing=0.04, seconds=8.0, rpm=1500, shaft_rms=1.5)
    wave = Waveform.of(values_of(one, 3), one.rate_hz)
    found = score(wave, one.rpm, SKF_6205)
    assert found.speed_variation == pytest.approx(0.08, abs=0.015)
    assert found.verdict.fault == fault


def test_an_even_speed_is_not_seen_to_vary():
    for seed in range(6):
        one = scene("inner race", seconds=6.0, rpm=1500, shaft_rms=0.3 * seed)
        assert turns_of_record(Waveform.of(values_of(one, seed), one.rate_hz), one.rpm) is None
