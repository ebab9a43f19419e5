"""Machines that make something: compressor (load and idle), moulding press and spindle (products, shifts)."""

import numpy as np

from simulators.weeks.design import Design, FaultMode, Gauge, Health
from simulators.weeks.rotating import swing
from simulators.weeks.world import Floats, World, lag

_LOAD_BELOW_BAR, _UNLOAD_ABOVE_BAR = 6.6, 7.4


def _load_cycles(world: World, on: Floats, delivered: Floats) -> tuple[Floats, Floats]:
    """Loaded or not, and the pressure in the receiver that makes it so."""
    taken = (4.1 + 2.2 * (world.demand() - 0.5)).tolist()
    loaded, pressure = np.zeros(world.minutes), np.zeros(world.minutes)
    bar, load = 7.0, 1.0
    for minute, (runs, gives) in enumerate(zip(on.tolist(), delivered.tolist(), strict=True)):
        load = 0.0 if not runs or bar >= _UNLOAD_ABOVE_BAR else 1.0 if bar <= _LOAD_BELOW_BAR else load
        bar = max(0.0, bar + (gives * load - taken[minute] * min(1.0, bar / 6)) * runs / 24 - 0.002 * bar * (1 - runs))
        loaded[minute], pressure[minute] = load, bar
    return loaded, pressure


def _compressor(world: World, health: Health) -> dict[str, Floats]:
    on = world.shifts(4, 23.9, 6).astype(float)
    ambient, clog, leak = world.ambient_c(), health.of("filter_clog"), health.of("internal_leak")
    swinging = swing(world, 0.35 * health.of("swinging_valve"), 7)
    delivers = 7.4 * (1 - 0.08 * clog) * (1 - 0.14 * leak) * (1 - 0.002 * (ambient - 20))
    loaded, pressure = _load_cycles(world, on, delivers)
    flow = lag(loaded * delivers, 0.6) + swinging * loaded
    shaft = lag(on * (11 + loaded * (20 + 2.4 * pressure) * (1 + 0.04 * clog)), 0.7)
    fouled = health.of("cooler_fouling")
    oil = lag(ambient + shaft * 1.5 * (1 + 0.62 * fouled) + 6 * on, 25)
    slip = health.of("slipping_coupling") * lag(np.abs(world.wander(10)), 3)
    current = lag(on * (20 + loaded * 42), 0.7) + 0.35 * shaft + 6 * slip * on
    return {
        "loaded": loaded, "pressure": pressure + 0.3 * swinging * on, "flow": flow, "power": shaft / 0.93,
        "current": current, "oil_temperature": oil,
        "filter_pressure_drop": 22 * flow / 7 * (1 + 1.9 * clog) * np.linspace(1, 1.08, world.minutes),
        "outlet_temperature": lag(ambient + 8 + 0.16 * (oil - ambient) * (1 + 1.2 * fouled), 6),
        "vibration": on * (2.0 + 0.6 * loaded + 1.4 * health.of("rotor_rub") + 0.08 * world.wander(30)),
        "intake_temperature": ambient + 1.5 * on,
    }  # fmt: skip


_ZONES_C = np.array([[205.0, 220.0, 230.0], [190.0, 205.0, 215.0], [225.0, 240.0, 255.0]])
_CYCLE_S, _INJECTION_BAR = np.array([28.0, 22.0, 36.0]), np.array([900.0, 760.0, 1100.0])
_CLAMP_KN, _MOULD_C, _CUSHION_MM = (
    np.array([1200.0, 1000.0, 1500.0]),
    np.array([45.0, 40.0, 52.0]),
    np.array([5.0, 4.0, 6.5]),
)


def _press(world: World, health: Health) -> dict[str, Floats]:
    on = world.shifts(6, 22, 5).astype(float)
    product, ambient = world.products(3, 20), world.ambient_c()
    leak, hot = health.of("oil_leak"), health.of("lost_cooling")
    weak = health.of("weak_heater")
    zones = [lag(ambient + on * (_ZONES_C[product, zone] - ambient), 18) for zone in range(3)]
    zones[1] = zones[1] - lag(28 * weak * on, 20)
    zones[2] = zones[2] + lag(on * swing(world, 7 * health.of("swinging_zone"), 14), 1.5)
    bar = lag(on * (140 - 30 * leak), 1.0)
    mould = lag(ambient + on * (_MOULD_C[product] - ambient + 0.25 * (ambient - 20) + 9 * hot), 12)
    cycle = on * (_CYCLE_S[product] * (1 + 0.10 * leak) + 0.25 * np.clip(mould - _MOULD_C[product] - 2, 0, None))
    injection = on * _INJECTION_BAR[product] * (bar / 140) ** 0.5 + on * 6 * world.wander(20)
    pump_kw = (
        on * (8 + 0.012 * _INJECTION_BAR[product]) * 26 / np.maximum(cycle, 10) * (1 + 0.22 * health.of("pump_wear"))
    )
    heat_kw = on * (3 + 0.02 * (_ZONES_C[product].mean(axis=1) - ambient))
    return {
        "zone_1_temperature": zones[0], "zone_2_temperature": zones[1], "zone_3_temperature": zones[2],
        "mould_temperature": mould, "cycle_time": cycle, "injection_pressure": injection, "hydraulic_pressure": bar,
        "clamp_force": on * _CLAMP_KN[product] * (bar / 140),
        "cushion": on * (_CUSHION_MM[product] + 1.6 * health.of("check_ring") + 0.5 * leak),
        "oil_temperature": lag(ambient + on * (22 + 0.5 * pump_kw), 50), "power": pump_kw + heat_kw,
    }  # fmt: skip


_SPEED_RPM, _LOAD_PCT, _FEED = np.array([8000.0, 4500.0]), np.array([42.0, 65.0]), np.array([3200.0, 1800.0])


def _spindle(world: World, health: Health) -> dict[str, Floats]:
    on = world.shifts(6, 21.5, 6).astype(float)
    program, ambient = world.products(2, 16), world.ambient_c()
    worn, clog = health.of("bearing_wear"), health.of("coolant_clog")
    speed = lag(on * _SPEED_RPM[program], 0.6)
    share = speed / 8000
    tool = 1 + 0.06 * (world.minute % 240) / 240  # a tool dulls, then it is changed
    load = on * (_LOAD_PCT[program] * tool * (1 + 0.10 * health.of("dry_guideway")) + 1.2 * world.wander(6))
    load = load + on * swing(world, 5 * health.of("chatter"), 6)
    power = 0.8 * on + 0.16 * load + 1.5 * share + 0.6 * worn * share
    cooling = on * (22 - 10 * clog + 0.2 * world.wander(120))
    heat = 0.9 * power + 14 * share**1.2
    front = lag(ambient + heat * (1 + 0.03 * (22 - cooling) * on) + 22 * worn * (0.5 + 0.5 * share) * on, 20)
    stray = 5 * health.of("loose_preload") * lag(world.wander(30), 8) * on
    return {
        "speed": speed, "load": load, "feed": on * _FEED[program], "power": power, "front_temperature": front,
        "rear_temperature": lag(ambient + 0.8 * heat * (1 + 0.03 * (22 - cooling) * on), 20) + lag(stray, 4),
        "vibration": on * (0.5 + 0.9 * share + 0.5 * worn + 0.7 * health.of("imbalance") + 0.02 * world.wander(15)),
        "coolant_flow": cooling, "coolant_pressure": on * (4.0 + 1.6 * clog + 0.03 * world.wander(60)),
    }  # fmt: skip


COMPRESSOR = Design(
    "compressor",
    (
        Gauge("loaded", "", 0.0, 0), Gauge("pressure", "bar", 0.012, 2), Gauge("flow", "m³/min", 0.05, 2),
        Gauge("power", "kW", 0.15, 2), Gauge("current", "A", 0.3, 1), Gauge("oil_temperature", "°C", 0.2, 1),
        Gauge("filter_pressure_drop", "mbar", 0.3, 1), Gauge("outlet_temperature", "°C", 0.2, 1),
        Gauge("vibration", "mm/s", 0.08, 2), Gauge("intake_temperature", "°C", 0.15, 1),
    ),
    (
        FaultMode("cooler_fouling", "drift", "oil_temperature", 112.0),
        FaultMode("filter_clog", "drift", "filter_pressure_drop", 55.0),
        FaultMode("internal_leak", "efficiency", "flow"),
        FaultMode("rotor_rub", "step", "vibration"), FaultMode("swinging_valve", "oscillation", "flow"),
        FaultMode("slipping_coupling", "lost_correlation", "current"),
    ),
    _compressor,
)  # fmt: skip

PRESS = Design(
    "press",
    (
        Gauge("zone_1_temperature", "°C", 0.3, 1), Gauge("zone_2_temperature", "°C", 0.3, 1),
        Gauge("zone_3_temperature", "°C", 0.3, 1), Gauge("mould_temperature", "°C", 0.3, 1),
        Gauge("cycle_time", "s", 0.12, 2), Gauge("injection_pressure", "bar", 5.0, 0),
        Gauge("hydraulic_pressure", "bar", 0.6, 1), Gauge("clamp_force", "kN", 4.0, 0), Gauge("cushion", "mm", 0.08, 2),
        Gauge("oil_temperature", "°C", 0.2, 1), Gauge("power", "kW", 0.4, 1),
    ),
    (
        FaultMode("weak_heater", "drift", "zone_2_temperature", 195.0),
        FaultMode("oil_leak", "drift", "hydraulic_pressure", 112.0),
        FaultMode("lost_cooling", "step", "mould_temperature"), FaultMode("check_ring", "step", "cushion"),
        FaultMode("swinging_zone", "oscillation", "zone_3_temperature"), FaultMode("pump_wear", "efficiency", "power"),
    ),
    _press,
)  # fmt: skip

SPINDLE = Design(
    "spindle",
    (
        Gauge("speed", "rpm", 4.0, 0), Gauge("load", "%", 0.6, 1), Gauge("feed", "mm/min", 6.0, 0),
        Gauge("power", "kW", 0.08, 2), Gauge("front_temperature", "°C", 0.15, 1),
        Gauge("rear_temperature", "°C", 0.15, 1),
        Gauge("vibration", "mm/s", 0.03, 2), Gauge("coolant_flow", "l/min", 0.15, 1),
        Gauge("coolant_pressure", "bar", 0.03, 2),
    ),
    (
        FaultMode("bearing_wear", "drift", "front_temperature", 68.0),
        FaultMode("coolant_clog", "drift", "coolant_flow", 12.5),
        FaultMode("imbalance", "step", "vibration"), FaultMode("dry_guideway", "efficiency", "load"),
        FaultMode("chatter", "oscillation", "load"), FaultMode("loose_preload", "lost_correlation", "rear_temperature"),
    ),
    _spindle,
)  # fmt: skip
