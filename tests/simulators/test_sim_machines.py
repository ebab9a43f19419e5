"""The machines are physics: load makes current, current makes heat, heat takes time; wear is heard in the waveform."""

import numpy as np
import pytest

from simulators.bearing import DEEP_GROOVE_6309
from simulators.compressor import Compressor
from simulators.faults import NO_FAULTS, Fault
from simulators.machine import Machine
from simulators.machines import MACHINES
from simulators.press import Press
from simulators.pump import SAMPLE_RATE_HZ, Pump
from simulators.spindle import CYCLE, Spindle
from simulators.tags import TAGS


def rng(seed: int = 1) -> np.random.Generator:
    return np.random.default_rng(seed)


def run(machine: Machine, seconds: float, faults=NO_FAULTS, dt_s: float = 0.5) -> list[dict]:
    seen = []
    for _ in range(round(seconds / dt_s)):
        machine.step(dt_s, faults)
        seen.append(machine.values())
    return seen


@pytest.mark.parametrize("kind", MACHINES)
def test_every_machine_shows_exactly_the_tags_of_its_kind_in_their_types(kind):
    machine = MACHINES[kind](rng())
    machine.step(1.0)
    types = {"float64": float, "int64": int, "bool": bool, "text": str}
    assert {slug: type(value) for slug, value in machine.values().items()} == {
        spec.slug: types[spec.type] for spec in TAGS[kind]
    }


@pytest.mark.parametrize("kind", MACHINES)
def test_values_stay_within_the_instruments_span_with_and_without_power(kind):
    machine = MACHINES[kind](rng())
    seen = run(machine, 900)
    machine.switch(on=False)
    seen += run(machine, 900)
    machine.switch(on=True)
    seen += run(machine, 900)
    for spec in TAGS[kind]:
        if spec.span:
            assert all(spec.span[0] <= values[spec.slug] <= spec.span[1] for values in seen), spec.slug


@pytest.mark.parametrize("kind", MACHINES)
def test_a_machine_without_power_draws_none_and_keeps_its_counters(kind):
    machine = MACHINES[kind](rng())
    run(machine, 200)
    machine.switch(on=False)
    run(machine, 30)
    first, last = machine.values(), run(machine, 600)[-1]
    assert last["power"] == pytest.approx(0, abs=0.05) or kind == "press"  # a press drives down in its own time
    for counter in {"energy", "run_hours", "load_cycles", "part_count", "shot_count"} & last.keys():
        assert last[counter] == pytest.approx(first[counter], abs=0.05), counter
    assert last.get("state", "OFF") == "OFF"


def test_compressor_load_raises_the_current_at_once_and_the_oil_temperature_later():
    compressor = Compressor(rng())
    compressor.pressure_bar = 7.4
    idle = run(compressor, 600)  # it cycles; wait for an unloaded moment
    while compressor.loaded:
        idle = run(compressor, 0.5)
    idle = run(compressor, 5)[-1]
    compressor.pressure_bar = 6.0
    loaded = run(compressor, 3)[-1]
    assert loaded["loaded"]
    assert not idle["loaded"]
    assert loaded["motor_current"] > 1.6 * idle["motor_current"]
    assert loaded["oil_temperature"] == pytest.approx(idle["oil_temperature"], abs=1.5)
    for _ in range(80):
        compressor.pressure_bar = 6.9  # a leak in the plant: never full
        later = run(compressor, 3)[-1]
    assert later["oil_temperature"] > idle["oil_temperature"] + 6


def test_compressor_cycles_within_its_band_and_meters_what_it_draws():
    compressor = Compressor(rng())
    before = compressor.energy_kwh
    seen = run(compressor, 3600)
    pressures = [values["discharge_pressure"] for values in seen]
    assert 6.6 < min(pressures) < 6.9
    assert 7.4 < max(pressures) < 7.7
    assert 20 < seen[-1]["load_cycles"] - seen[0]["load_cycles"] < 120
    drawn_kwh = sum(values["power"] for values in seen) * 0.5 / 3600
    assert compressor.energy_kwh - before == pytest.approx(drawn_kwh, rel=1e-3)
    assert compressor.run_hours == pytest.approx(11_483.0, abs=0.01)


def test_compressor_trips_when_too_hot_and_comes_back_when_cool():
    compressor = Compressor(rng())
    hot = run(compressor, 900, {Fault.LOST_COOLING: 1.0})
    assert hot[-1]["state"] == "TRIPPED"
    assert hot[-1]["alarm_code"] == 2
    assert hot[-1]["power"] == pytest.approx(0, abs=0.1)
    cool = run(compressor, 900)
    assert cool[-1]["alarm_code"] == 0
    assert cool[-1]["running"]


def velocity_rms(acceleration: np.ndarray, low_hz: float = 10.0, high_hz: float = 1000.0) -> float:
    """ISO 20816-3: RMS of the velocity between 10 and 1000 Hz, in mm/s, by the spectrum."""
    spectrum = np.fft.rfft(acceleration) / len(acceleration)
    hz = np.fft.rfftfreq(len(acceleration), 1 / SAMPLE_RATE_HZ)
    band = (hz >= low_hz) & (hz <= high_hz)
    return 1000 * float(np.sqrt(2 * np.sum(np.abs(spectrum[band] / (2 * np.pi * hz[band])) ** 2)))


def envelope_spectrum(acceleration: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Spectrum of the squared envelope around the housing's resonance, 2200 … 4200 Hz."""
    spectrum = np.fft.fft(acceleration)
    hz = np.fft.fftfreq(len(acceleration), 1 / SAMPLE_RATE_HZ)
    spectrum[(hz < 2200) | (hz > 4200)] = 0
    envelope = np.abs(np.fft.ifft(2 * spectrum)) ** 2
    power = np.abs(np.fft.rfft(envelope - envelope.mean()))
    return np.fft.rfftfreq(len(acceleration), 1 / SAMPLE_RATE_HZ), power


def prominence(acceleration: np.ndarray, at_hz: float) -> float:
    """The strongest line within 2 % of `at_hz`, over the median of its neighbourhood."""
    hz, power = envelope_spectrum(acceleration)
    near = (hz > 0.98 * at_hz) & (hz < 1.02 * at_hz)
    around = (hz > 0.7 * at_hz) & (hz < 1.3 * at_hz)
    return float(power[near].max() / np.median(power[around]))


def test_bpfo_follows_from_the_geometry():
    # 6205-2RS of the CWRU test stand: 9 balls of 7.94 mm on 39.04 mm; its BPFO is 3.5848 times the shaft's speed.
    bearing = type(DEEP_GROOVE_6309)(balls=9, ball_mm=7.94, pitch_mm=39.04)
    assert bearing.outer_ring_hz(1.0) == pytest.approx(3.5848, abs=2e-3)


@pytest.mark.parametrize("wear", [0.0, 0.5, 1.0])
def test_the_waveform_holds_the_vibration_that_the_tag_shows(wear):
    pump = Pump(rng())
    run(pump, 60, {Fault.BEARING_WEAR: wear} if wear else {})
    acceleration = pump.waveform(4.0)
    assert acceleration.dtype == np.float32
    assert len(acceleration) == round(4 * SAMPLE_RATE_HZ)
    assert velocity_rms(acceleration) == pytest.approx(pump.vibration_mm_s, rel=0.1)
    assert pump.values()["vibration_rms"] == pytest.approx(pump.vibration_mm_s, rel=0.1)


def test_the_envelope_names_the_outer_ring_only_when_it_is_worn():
    sound, worn = Pump(rng(5)), Pump(rng(5))
    run(sound, 30)
    run(worn, 30, {Fault.BEARING_WEAR: 0.4})
    bpfo_hz = DEEP_GROOVE_6309.outer_ring_hz(worn.speed_rpm / 60)
    assert prominence(worn.waveform(4.0), bpfo_hz) > 20
    assert prominence(sound.waveform(4.0), bpfo_hz) < 8


def test_taking_a_waveform_does_not_disturb_the_machine():
    left, right = Pump(rng()), Pump(rng())
    run(left, 10)
    run(right, 5)
    right.waveform(0.5)
    run(right, 5)
    assert left.values() == right.values()


def test_spindle_makes_a_part_a_cycle_and_its_counter_can_be_reset():
    spindle = Spindle(rng())
    cycle_s = sum(phase.seconds for phase in CYCLE)
    seen = run(spindle, 10 * cycle_s + 1)
    assert seen[-1]["part_count"] == 10
    assert {values["state"] for values in seen} == {"IDLE", "RUNNING"}
    assert max(values["spindle_speed"] for values in seen) == pytest.approx(9000, rel=0.01)
    assert all(values["door_closed"] for values in seen if values["spindle_speed"] > 3000)
    spindle.reset_part_counter()
    assert run(spindle, 1)[-1]["part_count"] == 0


def test_spindle_power_follows_load_and_temperature_follows_both():
    seen = run(Spindle(rng()), 1800)
    cutting = [values for values in seen if values["spindle_load"] > 40 and values["spindle_speed"] > 5500]
    resting = [values for values in seen if values["spindle_speed"] < 10]
    assert min(values["power"] for values in cutting) > 3 * max(values["power"] for values in resting)
    assert seen[-1]["spindle_temperature"] > 30


def test_press_makes_shots_and_cools_longer_when_the_mould_is_hot():
    press = Press(rng())
    seen = run(press, 30 * 28.5)
    assert 27 <= seen[-1]["shot_count"] - seen[0]["shot_count"] <= 30
    assert seen[-1]["cycle_time"] == pytest.approx(28.6, abs=0.4)
    hot = run(press, 1200, {Fault.LOST_COOLING: 1.0})[-1]
    assert hot["mould_temperature"] > 75
    assert hot["cycle_time"] > 36


def test_press_waits_for_its_zones_after_a_cold_start():
    press = Press(rng())
    press.switch(on=False)
    cold = run(press, 3600)[-1]
    assert cold["phase"] == "OFF"
    assert cold["zone_2_temperature"] < 120
    press.switch(on=True)
    seen = run(press, 1800)
    assert seen[5]["phase"] == "HEATING"
    assert seen[5]["alarm_code"] == 110
    assert seen[-1]["zone_2_temperature"] == pytest.approx(220, abs=6)
    assert seen[-1]["shot_count"] > cold["shot_count"]
