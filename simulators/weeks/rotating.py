"""Machines that turn: pump, fan, motor, gearbox. Balances and lags, in the units of their gauges."""

import numpy as np

from simulators.weeks.design import Design, FaultMode, Gauge, Health
from simulators.weeks.world import Floats, World, lag


def swing(world: World, level: Floats, period_min: float) -> Floats:
    """A control loop that has begun to swing."""
    swung: Floats = level * np.sin(2 * np.pi * world.minute / period_min)
    return swung


def _pump(world: World, health: Health) -> dict[str, Floats]:
    on = world.always_but(1.0).astype(float)
    ambient, wanted = world.ambient_c(), world.demand()
    opened = wanted + swing(world, 0.06 * health.of("hunting_control"), 12)
    speed = lag(on * (1050 + 400 * opened), 1.5)
    share = speed / 1450
    slip = 1 - 0.10 * health.of("impeller_wear")
    clog = health.of("suction_clog")
    flow = 100 * share * (1 - 0.05 * clog) * (1 - 0.08 * health.of("recirculation")) + 0.4 * on * world.wander(15)
    level_bar = 0.8 + 0.05 * world.wander(600)
    suction = level_bar - 0.25 * share**2 - 0.45 * clog * share
    head = 5.2 * slip * share**2 - 0.6 * share * flow / 100
    worn = health.of("bearing_wear")
    power = 0.4 * on + (flow / 3600 * head * 1e5 / 1000 / 0.62) / slip + 0.5 * worn * share
    vibration = 1.6 * share**2 + 5.0 * worn * share + 0.3 * clog * share + 0.05 * on * world.wander(20)
    bearing = lag(ambient + 22 * share**2 + 18 * worn * share, 45)
    seal = lag(ambient + 12 * share + 14 * health.of("dry_seal") * share, 15)
    return {
        "speed": speed, "flow": flow, "suction_pressure": suction, "discharge_pressure": suction + head, "power": power,
        "current": on * 4 + power * 1.75, "vibration": vibration, "bearing_temperature": bearing,
        "seal_temperature": seal,
    }  # fmt: skip


def _fan(world: World, health: Health) -> dict[str, Floats]:
    on = world.always_but(1.5).astype(float)
    ambient = world.ambient_c()
    damper = np.clip(100 * world.demand() + swing(world, 8 * health.of("swinging_damper"), 10), 5, 100)
    damper = lag(damper, 1.5)
    belt = 1 - 0.12 * health.of("belt_slip")
    speed = lag(980 * on, 1.0) * belt
    share = speed / 980
    clog = health.of("filter_clog")
    flow = 20 * share * (0.4 + 0.6 * damper / 100) * (1 - 0.12 * clog) + 0.08 * on * world.wander(10)
    filter_pa = 120 * (flow / 16) ** 2 * (1 + 2.6 * clog) * np.linspace(1, 1.06, world.minutes)
    static = 900 * share**2 - 250 * (flow / 16) ** 2
    power = 1.5 * on + flow * static / 1000 / 0.6 / belt
    worn, out_of_balance = health.of("bearing_wear"), health.of("imbalance")
    vibration = 2.0 * share**2 * (1 + 0.9 * out_of_balance) + 1.2 * worn * share + 0.08 * on * world.wander(30)
    warm = ambient + 20 * share
    return {
        "damper": damper, "speed": speed, "flow": flow, "static_pressure": static, "filter_pressure_drop": filter_pa,
        "power": power, "current": 6 * on + 1.7 * power, "vibration": vibration,
        "bearing_de_temperature": lag(warm + 32 * worn * share + 2 * out_of_balance * share, 40),
        "bearing_nde_temperature": lag(warm - 3 + 6 * worn * share, 40),
    }  # fmt: skip


def _motor(world: World, health: Health) -> dict[str, Floats]:
    on = world.shifts(5.5, 22, 6).astype(float)
    ambient = world.ambient_c()
    torque = on * (0.35 + 0.5 * world.demand() + 0.03 * world.wander(8)) * 100
    torque = lag(torque + on * swing(world, 12 * health.of("swinging_load"), 8), 1.2)
    voltage = 400 + 2.5 * world.wander(240) - 0.03 * torque
    shaft = torque / 100 * 45
    losses = on * (1.2 + 0.05 * shaft) * (1 + 0.6 * health.of("broken_bars"))
    power = shaft + losses
    unbalance = 0.8 + 0.1 * world.wander(300) + 3.0 * health.of("loose_phase")
    current = on * 18 + power * 1000 / (1.732 * voltage * 0.86)
    dirty = health.of("dirty_cooling")
    winding = lag(ambient + (14 * losses + 0.5 * shaft * on) * (1 + 1.45 * dirty), 35)
    worn = health.of("bearing_damage")
    return {
        "torque": torque, "voltage": voltage, "power": power, "current": current, "current_unbalance": unbalance * on,
        "winding_1_temperature": winding + 2 * health.of("loose_phase") * on,
        "winding_2_temperature": 0.97 * winding + 0.7,
        "bearing_temperature": lag(ambient + 16 * on + 0.12 * torque + 8 * worn * on, 30),
        "vibration": on * (1.1 + 0.004 * torque + 1.1 * worn + 0.05 * world.wander(15)),
    }  # fmt: skip


def _gearbox(world: World, health: Health) -> dict[str, Floats]:
    on = world.always_but(2.0).astype(float)
    ambient, worn = world.ambient_c(), health.of("gear_wear")
    speed = lag(on * (1100 + 350 * world.demand()), 2)
    share = speed / 1450
    torque = on * 8 * (0.5 + 0.6 * world.demand() + 0.03 * world.wander(12))
    heat = speed * torque / 12_000
    hot = health.of("tight_bearing")
    stray = 7 * health.of("stuck_thermostat") * lag(world.wander(45), 10) * on
    oil = lag(ambient + 20 * on + 24 * heat * (1 + 0.1 * worn), 60) + lag(stray, 5)
    pressure = on * (3.2 - 0.018 * (oil - 50)) * share**0.3 - 1.6 * health.of("oil_leak") * on
    particles = on * np.clip(12 + 1.5 * world.wander(200) + 10 * worn + 14 * health.of("debris"), 0, None)
    shake = share**1.5 * (1 + 0.3 * torque / 8)
    return {
        "speed": speed, "torque": torque, "oil_temperature": oil, "oil_pressure": pressure,
        "particles": particles, "power": speed * torque / 9.55 * (1 + 0.04 * worn) / 0.96,
        "bearing_in_temperature": lag(oil + 8 * share + 11 * hot * on, 12),
        "bearing_out_temperature": lag(oil + 5 * share, 12),
        "vibration_in": 1.4 * shake + 0.8 * worn * shake, "vibration_out": 1.7 * shake + 4.2 * worn * shake,
    }  # fmt: skip


PUMP = Design(
    "pump",
    (
        Gauge("speed", "rpm", 1.5, 1), Gauge("flow", "m³/h", 0.4, 2), Gauge("suction_pressure", "bar", 0.006, 3),
        Gauge("discharge_pressure", "bar", 0.015, 3), Gauge("power", "kW", 0.06, 2), Gauge("current", "A", 0.12, 2),
        Gauge("vibration", "mm/s", 0.06, 3), Gauge("bearing_temperature", "°C", 0.15, 1),
        Gauge("seal_temperature", "°C", 0.15, 1),
    ),
    (
        FaultMode("bearing_wear", "drift", "vibration", 6.0),
        FaultMode("suction_clog", "drift", "suction_pressure", 0.2),
        FaultMode("impeller_wear", "efficiency", "discharge_pressure"),
        FaultMode("dry_seal", "step", "seal_temperature"),
        FaultMode("hunting_control", "oscillation", "speed"), FaultMode("recirculation", "lost_correlation", "flow"),
    ),
    _pump,
)  # fmt: skip

FAN = Design(
    "fan",
    (
        Gauge("damper", "%", 0.2, 1), Gauge("speed", "rpm", 1.0, 0), Gauge("flow", "m³/s", 0.08, 2),
        Gauge("static_pressure", "Pa", 4.0, 0), Gauge("filter_pressure_drop", "Pa", 1.5, 0),
        Gauge("power", "kW", 0.1, 2),
        Gauge("current", "A", 0.2, 1), Gauge("vibration", "mm/s", 0.08, 2),
        Gauge("bearing_de_temperature", "°C", 0.2, 1), Gauge("bearing_nde_temperature", "°C", 0.2, 1),
    ),
    (
        FaultMode("bearing_wear", "drift", "bearing_de_temperature", 72.0),
        FaultMode("filter_clog", "drift", "filter_pressure_drop", 240.0),
        FaultMode("belt_slip", "efficiency", "speed"), FaultMode("imbalance", "step", "vibration"),
        FaultMode("swinging_damper", "oscillation", "damper"),
    ),
    _fan,
)  # fmt: skip

MOTOR = Design(
    "motor",
    (
        Gauge("torque", "%", 0.5, 1), Gauge("voltage", "V", 0.6, 1), Gauge("power", "kW", 0.15, 2),
        Gauge("current", "A", 0.3, 1), Gauge("current_unbalance", "%", 0.06, 2),
        Gauge("winding_1_temperature", "°C", 0.25, 1), Gauge("winding_2_temperature", "°C", 0.25, 1),
        Gauge("bearing_temperature", "°C", 0.2, 1), Gauge("vibration", "mm/s", 0.05, 2),
    ),
    (
        FaultMode("dirty_cooling", "drift", "winding_1_temperature", 155.0),
        FaultMode("broken_bars", "efficiency", "winding_1_temperature"),
        FaultMode("bearing_damage", "step", "vibration"), FaultMode("loose_phase", "step", "current_unbalance"),
        FaultMode("swinging_load", "oscillation", "torque"),
    ),
    _motor,
)  # fmt: skip

GEARBOX = Design(
    "gearbox",
    (
        Gauge("speed", "rpm", 1.5, 0), Gauge("torque", "kNm", 0.05, 2), Gauge("oil_temperature", "°C", 0.2, 1),
        Gauge("oil_pressure", "bar", 0.02, 2), Gauge("particles", "1/min", 1.0, 0), Gauge("power", "kW", 4.0, 0),
        Gauge("bearing_in_temperature", "°C", 0.2, 1), Gauge("bearing_out_temperature", "°C", 0.2, 1),
        Gauge("vibration_in", "mm/s", 0.05, 2), Gauge("vibration_out", "mm/s", 0.06, 2),
    ),
    (
        FaultMode("gear_wear", "drift", "vibration_out", 6.0), FaultMode("oil_leak", "drift", "oil_pressure", 1.3),
        FaultMode("tight_bearing", "step", "bearing_in_temperature"), FaultMode("debris", "step", "particles"),
        FaultMode("stuck_thermostat", "lost_correlation", "oil_temperature"),
    ),
    _gearbox,
)  # fmt: skip
