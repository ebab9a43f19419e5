"""The plant in time: the same run for the same seed, and a fault moves its tags, within its time, and nothing else."""

import functools
import json
from pathlib import Path

import pytest

from simulators.faults import Fault, FaultSettings, Phase
from simulators.physics import FaultChange, PlantPhysics
from simulators.plant import Plant, load_plant

GOLDEN = Path(__file__).parents[1] / "golden" / "plant_demo.json"
DEMO = load_plant()
CALM = DEMO.model_copy(update={"faults": ()})


def with_faults(*faults: dict) -> Plant:
    return Plant.model_validate(CALM.model_dump() | {"faults": list(faults)})


def history(plant: Plant, seconds: float, dt_s: float = 2.0) -> list[dict[str, dict]]:
    physics = PlantPhysics(plant)
    seen = []
    for _ in range(round(seconds / dt_s)):
        physics.advance(dt_s)
        seen.append({machine.slug: physics.values(machine.slug) for machine in plant.machines})
    return seen


def test_the_demo_plays_as_recorded():
    recorded = json.loads(GOLDEN.read_text())
    seen = history(DEMO, recorded["seconds"][-1])
    for second, expected in zip(recorded["seconds"], recorded["values"], strict=True):
        values = seen[round(second / 2.0) - 1]
        for machine, tags in expected.items():
            for tag, value in tags.items():
                wanted = pytest.approx(value, rel=1e-6) if isinstance(value, float) else value
                assert values[machine][tag] == wanted, f"{machine}.{tag} at {second} s"


def test_one_seed_one_run_another_seed_another():
    assert history(DEMO, 300) == history(load_plant(), 300)
    other = history(load_plant(seed=8), 300)
    assert other[-1]["pump-1"]["flow"] != history(DEMO, 300)[-1]["pump-1"]["flow"]


def test_the_demos_pump_crosses_its_limit_forty_seconds_after_the_start_and_nothing_else_does():
    vibration = next(spec for spec in DEMO.machines[1].tags if spec.slug == "vibration_rms")
    high = next(limit.threshold for limit in vibration.limits if limit.kind == "high")
    dt_s = DEMO.tick_s * DEMO.speed
    seen = history(DEMO, 1400, dt_s)
    crossed = next(at for at, values in enumerate(seen, start=1) if values["pump-1"]["vibration_rms"] > high)
    assert crossed * DEMO.tick_s == pytest.approx(40, abs=2)
    assert max(values["pump-1"]["vibration_rms"] for values in seen) > 7.1
    for machine in DEMO.machines:
        if machine.slug != "pump-1":
            assert not beyond_limits(machine, seen)


def test_without_faults_no_limit_is_passed_in_five_hours():
    seen = history(CALM, 5 * 3600)
    for machine in CALM.machines:
        assert not beyond_limits(machine, seen)


def beyond_limits(machine, seen) -> list[str]:
    return [
        f"{spec.slug} {limit.kind}"
        for spec in machine.tags
        for limit in spec.limits
        for values in seen
        if (values[machine.slug][spec.slug] > limit.threshold) == limit.kind.startswith("high")
    ]


START_S, END_S, SECONDS = 600.0, 1500.0, 4200.0
UP, DOWN = 1, -1
# Which tags a fault moves, and where to; everything not named keeps its value.
EFFECTS = [
    ("pump-1", Fault.BEARING_WEAR, 0.8, {"vibration_rms": UP, "bearing_temperature": UP, "motor_current": UP}),
    ("pump-1", Fault.FILTER_CLOG, 0.6, {"suction_pressure": DOWN, "flow": DOWN, "vibration_rms": UP}),
    ("compressor-1", Fault.FILTER_CLOG, 1.0, {"filter_pressure_drop": UP, "power": UP}),
    ("compressor-1", Fault.OIL_LEAK, 0.6, {"oil_level": DOWN, "oil_temperature": UP}),
    ("compressor-1", Fault.LOST_COOLING, 0.35, {"oil_temperature": UP}),
    ("cnc-1", Fault.BEARING_WEAR, 0.8, {"vibration_rms": UP, "spindle_temperature": UP, "spindle_load": UP}),
    ("cnc-1", Fault.LOST_COOLING, 0.6, {"spindle_temperature": UP}),
    (
        "press-1",
        Fault.OIL_LEAK,
        0.8,
        {"hydraulic_pressure": DOWN, "cushion": UP, "cycle_time": UP, "clamp_force": DOWN},
    ),
    ("press-1", Fault.LOST_COOLING, 0.9, {"mould_temperature": UP, "oil_temperature": UP, "cycle_time": UP}),
]
# What must not care: tags with no way from the fault to them, exactly equal all the time.
UNMOVED = {
    ("pump-1", Fault.BEARING_WEAR): ("running", "alarm_code"),
    ("pump-1", Fault.FILTER_CLOG): ("running",),
    ("compressor-1", Fault.FILTER_CLOG): ("oil_level", "running", "alarm_code"),
    ("compressor-1", Fault.OIL_LEAK): ("discharge_pressure", "filter_pressure_drop", "motor_current", "load_cycles"),
    ("compressor-1", Fault.LOST_COOLING): ("discharge_pressure", "oil_level", "filter_pressure_drop", "power", "state"),
    ("cnc-1", Fault.BEARING_WEAR): ("spindle_speed", "part_count", "state", "feed_rate"),
    ("cnc-1", Fault.LOST_COOLING): ("spindle_speed", "spindle_load", "vibration_rms", "part_count", "power"),
    ("press-1", Fault.OIL_LEAK): ("alarm_code",),
    ("press-1", Fault.LOST_COOLING): ("hydraulic_pressure", "alarm_code"),
}


@pytest.mark.parametrize(("machine", "fault", "severity", "moved"), EFFECTS, ids=[f"{e[0]}-{e[1]}" for e in EFFECTS])
def test_a_fault_moves_its_tags_within_its_time_and_no_others(machine, fault, severity, moved):
    schedule = {
        "machine": machine,
        "fault": fault,
        "start_s": START_S,
        "ramp_s": 60,
        "severity": severity,
        "end_s": END_S,
    }
    sound, sick = calm_history(), history(with_faults(schedule), SECONDS)
    start, full, end = (round(second / 2.0) for second in (START_S, START_S + 400, END_S))
    assert sick[: start - 1] == sound[: start - 1]
    for other in CALM.machines:
        if other.slug != machine:
            assert [values[other.slug] for values in sick] == [values[other.slug] for values in sound]
    for tag, direction in moved.items():
        difference = mean(sick[full:end], machine, tag) - mean(sound[full:end], machine, tag)
        assert direction * difference > 0.02 * abs(mean(sound[full:end], machine, tag)), tag
        after = mean(sick[-300:], machine, tag) - mean(sound[-300:], machine, tag)
        assert abs(after) < 0.25 * abs(difference), f"{tag} stays after the repair"
    for tag in UNMOVED[machine, fault]:
        assert [values[machine][tag] for values in sick] == [values[machine][tag] for values in sound], tag


@functools.cache
def calm_history() -> list[dict[str, dict]]:
    return history(CALM, SECONDS)


def mean(seen, machine: str, tag: str) -> float:
    return sum(float(values[machine][tag]) for values in seen) / len(seen)


def test_a_stuck_sensor_shows_the_value_of_its_onset_while_the_machine_goes_on():
    plant = with_faults(
        {"machine": "pump-1", "fault": "stuck_sensor", "tag": "flow", "start_s": 100, "end_s": 300},
    )
    sound, stuck = history(CALM, 400), history(plant, 400)
    assert {values["pump-1"]["flow"] for values in stuck[49:149]} == {sound[49]["pump-1"]["flow"]}
    assert len({values["pump-1"]["flow"] for values in sound[49:149]}) > 20
    for at, (left, right) in enumerate(zip(sound, stuck, strict=True)):
        expected = left["pump-1"] | ({"flow": sound[49]["pump-1"]["flow"]} if 49 <= at < 149 else {})
        assert right["pump-1"] == expected


def test_a_drifting_sensor_drifts_by_its_amount_and_only_the_value_shown():
    plant = with_faults(
        {"machine": "cnc-1", "fault": "drifting_sensor", "tag": "spindle_temperature", "amount": -8.0, "start_s": 100,
         "ramp_s": 200},
    )  # fmt: skip
    sound, drifting = history(CALM, 600), history(plant, 600)
    halfway, last = 99, -1
    shown = [
        drifting[at]["cnc-1"]["spindle_temperature"] - sound[at]["cnc-1"]["spindle_temperature"]
        for at in (halfway, last)
    ]
    assert shown == [pytest.approx(-4.0, abs=0.2), pytest.approx(-8.0, abs=0.2)]
    assert drifting[-1]["cnc-1"]["power"] == sound[-1]["cnc-1"]["power"]


def test_power_cycle_stops_the_machine_and_it_starts_again():
    plant = with_faults({"machine": "pump-1", "fault": "power_cycle", "start_s": 100, "end_s": 160})
    seen = history(plant, 400)
    assert not seen[60]["pump-1"]["running"]
    assert seen[75]["pump-1"]["speed"] == 0
    assert seen[-1]["pump-1"]["running"]
    assert seen[-1]["pump-1"]["speed"] > 1400
    assert seen[-1]["pump-1"]["energy"] >= seen[40]["pump-1"]["energy"]


def test_a_fault_tells_of_each_phase_once_even_when_ticks_are_coarse():
    plant = with_faults(
        {"machine": "pump-1", "fault": "bearing_wear", "start_s": 10, "ramp_s": 20, "end_s": 60},
        {"machine": "press-1", "fault": "oil_leak", "start_s": 35, "end_s": 36},
    )
    physics = PlantPhysics(plant)
    told = [physics.advance(5.0) for _ in range(20)]
    pump = [change.phase for changes in told for change in changes if change.machine == "pump-1"]
    assert pump == [Phase.ONSET, Phase.FULL, Phase.CLEARED]
    assert told[1] == [FaultChange("pump-1", Fault.BEARING_WEAR, Phase.ONSET)]
    press = [change.phase for changes in told for change in changes if change.machine == "press-1"]
    assert press == [Phase.ONSET, Phase.FULL, Phase.CLEARED]


def test_level_ramps_and_ends():
    fault = FaultSettings(machine="m", fault=Fault.OIL_LEAK, start_s=10, ramp_s=10, severity=0.5, end_s=40)
    assert [fault.level(at) for at in (9.9, 10, 15, 20, 39.9, 40)] == [0, 0, 0.25, 0.5, 0.5, 0]
