"""A fixed-speed screw compressor, 37 kW, that loads and unloads between two pressures.

    demand ──► receiver pressure ──band──► loaded? ──► shaft power ──► current, energy
                                                          └──► heat ──► oil temperature (lag) ──► trip

A clogged intake filter costs delivery and power, a leak takes the oil that carries the heat, lost cooling leaves it in.
"""

import math

import numpy as np

from protocols.sample import Value
from simulators.faults import Fault, Levels
from simulators.machine import AMBIENT_C, Machine, Wander, approach

LOAD_BELOW_BAR = 6.8
UNLOAD_ABOVE_BAR = 7.5
DELIVERY_M3_S = 0.1033  # free air, 6.2 m³/min
RECEIVER_M3 = 2.0
ATMOSPHERE_BAR = 1.013
HEAT_CAPACITY_KJ_K = 60.0
COOLER_KW_K = 0.4
TRIP_C = 112.0
RESET_C = 75.0
OIL_LEVEL_PCT = 80.0
ALARM_OIL_HOT = 2


class Compressor(Machine):
    """Pressure in bar above atmosphere, power in kW at the motor's terminals, temperature in °C."""

    kind = "compressor"
    faults = frozenset({Fault.FILTER_CLOG, Fault.OIL_LEAK, Fault.LOST_COOLING})
    noises = 6

    def __init__(self, rng: np.random.Generator) -> None:
        super().__init__(rng)
        self.run_hours = 11_482.0
        self.energy_kwh = 214_377.0
        self.pressure_bar = 7.0
        self.oil_c = 72.0
        self.oil_level_pct = OIL_LEVEL_PCT
        self.filter_mbar = 18.0
        self.shaft_kw = 0.0
        self.delivered_m3_s = 0.0
        self.loaded = False
        self.tripped = False
        self.load_cycles = 40_211
        self._time_s = 0.0
        self._demand = Wander(tau_s=120.0)

    @property
    def running(self) -> bool:
        """The motor turns."""
        return self.powered and not self.tripped

    @property
    def motor_kw(self) -> float:
        """Electrical power."""
        return self.shaft_kw / 0.93

    def _advance(self, dt_s: float, faults: Levels) -> None:
        self._time_s += dt_s
        self._control()
        self.delivered_m3_s = DELIVERY_M3_S * (1 - 0.4 * faults.get(Fault.FILTER_CLOG, 0.0)) if self.loaded else 0.0
        self.pressure_bar += (self.delivered_m3_s - self._consumed(dt_s)) * ATMOSPHERE_BAR / RECEIVER_M3 * dt_s
        self.pressure_bar = max(0.0, self.pressure_bar)
        if self.loaded:
            self.filter_mbar = approach(self.filter_mbar, 18 + 64 * faults.get(Fault.FILTER_CLOG, 0.0), dt_s, 5.0)
        self._work(dt_s, faults)
        self._warm(dt_s, faults)
        self.count(dt_s, self.motor_kw, running=self.running)

    def _control(self) -> None:
        if self.oil_c >= TRIP_C:
            self.tripped = True
        elif self.oil_c < RESET_C:
            self.tripped = False
        was = self.loaded
        if not self.running or self.pressure_bar >= UNLOAD_ABOVE_BAR:
            self.loaded = False
        elif self.pressure_bar <= LOAD_BELOW_BAR:
            self.loaded = True
        self.load_cycles += self.loaded and not was

    def _consumed(self, dt_s: float) -> float:
        """What the plant takes: a slow wave of shifts, a random part, and less when the pressure is low."""
        wander = self._demand.step(dt_s, float(self.rng.standard_normal()))
        share = 0.6 + 0.1 * math.sin(2 * math.pi * self._time_s / 1800) + 0.05 * wander
        return DELIVERY_M3_S * min(0.82, max(0.25, share)) * min(1.0, self.pressure_bar / 6.0)

    def _work(self, dt_s: float, faults: Levels) -> None:
        load = 19.0 + 2.2 * self.pressure_bar if self.loaded else 10.0
        suction_loss = 1 + 0.08 * faults.get(Fault.FILTER_CLOG, 0.0)
        self.shaft_kw = approach(self.shaft_kw, load * suction_loss if self.running else 0.0, dt_s, 0.8)

    def _warm(self, dt_s: float, faults: Levels) -> None:
        leak = faults.get(Fault.OIL_LEAK, 0.0)
        if leak:
            self.oil_level_pct = max(5.0, self.oil_level_pct - 0.08 * leak * dt_s)
        else:
            self.oil_level_pct = approach(self.oil_level_pct, OIL_LEVEL_PCT, dt_s, 60.0)
        cooler = COOLER_KW_K * (1 - 0.8 * faults.get(Fault.LOST_COOLING, 0.0)) * self.oil_level_pct / OIL_LEVEL_PCT
        heat_kw = 0.8 * self.shaft_kw
        balance_c = AMBIENT_C + heat_kw / cooler
        self.oil_c = approach(self.oil_c, balance_c, dt_s, HEAT_CAPACITY_KJ_K / cooler)

    def _state(self) -> str:
        if not self.powered:
            return "OFF"
        if self.tripped:
            return "TRIPPED"
        return "LOADED" if self.loaded else "UNLOADED"

    def values(self) -> dict[str, Value]:
        noise = self._noise
        power_factor = 0.35 + 0.55 * min(1.0, self.shaft_kw / 35)
        current = self.motor_kw * 1000 / (math.sqrt(3) * 400 * power_factor)
        return {
            "discharge_pressure": self.pressure_bar + 0.01 * noise[0],
            "oil_temperature": self.oil_c + 0.15 * noise[1],
            "oil_level": self.oil_level_pct + 0.2 * noise[2],
            "filter_pressure_drop": self.filter_mbar + 0.4 * noise[3],
            "air_flow": 60 * self.delivered_m3_s * (1 + 0.01 * noise[4]),
            "motor_current": current * (1 + 0.004 * noise[5]),
            "power": self.motor_kw,
            "energy": self.energy_kwh,
            "run_hours": self.run_hours,
            "load_cycles": self.load_cycles,
            "running": self.running,
            "loaded": self.loaded,
            "state": self._state(),
            "alarm_code": ALARM_OIL_HOT if self.tripped else 0,
        }
