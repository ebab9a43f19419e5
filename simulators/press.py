"""An injection moulding machine: barrel zones under control, and a cycle of phases that makes shots.

    heaters ──► zones ──hot enough──► cycle: close, inject, pack, cool, open, eject ──► shot, cycle time
    hydraulics ──► pressures, speed of filling          coolant ──► mould temperature ──► how long cooling takes

An oil leak lowers the pressure: filling slows, the cushion grows. Lost cooling leaves mould and oil hot: cycles grow.
"""

from dataclasses import dataclass

import numpy as np

from protocols.sample import Value
from simulators.faults import Fault, Levels
from simulators.machine import AMBIENT_C, Machine, approach

SETPOINTS_C = (205.0, 220.0, 230.0, 225.0)
READY_WITHIN_C = 12.0
HYDRAULIC_BAR = 140.0
MOULD_C = 45.0
OIL_C = 46.0
LOSS_KW_K = 0.006
STROKE_MM = 80.0
ALARM_NOT_READY = 110
PHASES = ("CLOSING", "INJECTION", "PACKING", "COOLING", "OPENING", "EJECTING")
SECONDS = {"CLOSING": 2.0, "INJECTION": 3.0, "PACKING": 6.0, "COOLING": 14.0, "OPENING": 2.0, "EJECTING": 1.5}
POWER_KW = {"CLOSING": 14.0, "INJECTION": 38.0, "PACKING": 20.0, "COOLING": 12.0, "OPENING": 13.0, "EJECTING": 9.0}
MELT_BAR = {"INJECTION": 1150.0, "PACKING": 620.0}
CLAMPED = frozenset({"INJECTION", "PACKING", "COOLING"})


@dataclass(slots=True)
class Zone:
    """One heated zone of the barrel with its PI controller; the heater gives at most 3 kW."""

    setpoint_c: float
    temperature_c: float = AMBIENT_C
    heater_kw: float = 0.0
    _integral: float = 0.0

    def settle(self) -> None:
        """As it is after hours of work: at its setpoint, the controller knowing the losses."""
        self.temperature_c = self.setpoint_c
        self._integral = LOSS_KW_K * (self.setpoint_c - AMBIENT_C)

    def step(self, dt_s: float, taken_kw: float, *, on: bool) -> None:
        error = self.setpoint_c - self.temperature_c
        wanted = 0.15 * error + self._integral if on else 0.0
        self.heater_kw = min(3.0, max(0.0, wanted))
        if on and 0 < wanted < 3.0:  # no wind-up while the heater is at its limit
            self._integral += 0.001 * error * dt_s
        loss_kw = LOSS_KW_K * (self.temperature_c - AMBIENT_C)
        self.temperature_c += (self.heater_kw - loss_kw - taken_kw) / 6.0 * dt_s


class Press(Machine):
    """Temperatures in °C, pressures in bar, force in kN, screw and cushion in mm."""

    kind = "press"
    faults = frozenset({Fault.OIL_LEAK, Fault.LOST_COOLING})
    noises = 9

    def __init__(self, rng: np.random.Generator) -> None:
        super().__init__(rng)
        self.energy_kwh = 96_480.0
        self.zones = [Zone(setpoint) for setpoint in SETPOINTS_C]
        for zone in self.zones:
            zone.settle()
        self.mould_c = MOULD_C
        self.oil_c = OIL_C
        self.hydraulic_bar = HYDRAULIC_BAR
        self.melt_bar = 0.0
        self.cushion_mm = 5.0
        self.cycle_s = 28.5
        self.shots = 1_204_331
        self.drive_kw = 0.0
        self._phase = 0
        self._phase_s = 0.0
        self._elapsed_s = 0.0
        self._handling_s = 0.0

    @property
    def ready(self) -> bool:
        """Every zone is hot enough to inject."""
        return self.powered and all(abs(zone.temperature_c - zone.setpoint_c) < READY_WITHIN_C for zone in self.zones)

    @property
    def phase(self) -> str:
        """Part of the cycle, or why there is none."""
        if not self.powered:
            return "OFF"
        return PHASES[self._phase] if self.ready else "HEATING"

    @property
    def power_kw(self) -> float:
        """Electrical power of drive and heaters."""
        return self.drive_kw + sum(zone.heater_kw for zone in self.zones)

    def switch(self, *, on: bool) -> None:
        super().switch(on=on)
        self._phase, self._phase_s, self._elapsed_s = 0, 0.0, 0.0  # a cut supply aborts the shot

    def _advance(self, dt_s: float, faults: Levels) -> None:
        leak, hot = faults.get(Fault.OIL_LEAK, 0.0), faults.get(Fault.LOST_COOLING, 0.0)
        pressure = HYDRAULIC_BAR * (1 - 0.35 * leak) if self.powered else 0.0
        self.hydraulic_bar = approach(self.hydraulic_bar, pressure, dt_s, 2.0)
        phase = self.phase
        if self.ready:
            self._follow(dt_s, leak)
        self._heat(dt_s, phase, hot)
        melt = MELT_BAR.get(phase, 0.0) * self.hydraulic_bar / HYDRAULIC_BAR
        self.melt_bar = approach(self.melt_bar, melt, dt_s, 0.3)
        self.drive_kw = approach(self.drive_kw, POWER_KW.get(phase, 2.0 if self.powered else 0.0), dt_s, 0.5)
        self.count(dt_s, self.power_kw, running=self.ready)

    def _follow(self, dt_s: float, leak: float) -> None:
        self._phase_s += dt_s
        self._elapsed_s += dt_s
        while self._phase_s >= (needed := self._needed_s(PHASES[self._phase])):
            self._phase_s -= needed
            self._phase = (self._phase + 1) % len(PHASES)
            if self._phase == 0:
                self.shots += 1
                self.cycle_s = self._elapsed_s - self._phase_s
                self._elapsed_s = self._phase_s
                spread = 0.06 + 0.3 * leak
                self.cushion_mm = 5.0 + 4.5 * leak + spread * self._noise[8]
                self._handling_s = 0.1 * abs(self._noise[7])  # the robot is not always equally quick

    def _needed_s(self, phase: str) -> float:
        if phase == "INJECTION":
            return SECONDS[phase] * HYDRAULIC_BAR / max(self.hydraulic_bar, 20.0)
        if phase == "COOLING":
            return SECONDS[phase] * (1 + 0.04 * max(0.0, self.mould_c - MOULD_C - 3))
        return SECONDS[phase] + (self._handling_s if phase == "EJECTING" else 0.0)

    def _heat(self, dt_s: float, phase: str, hot: float) -> None:
        taken_kw = 0.9 if phase == "INJECTION" else 0.0
        for zone in self.zones:
            zone.step(dt_s, taken_kw, on=self.powered)
        filled = 8.0 if phase in ("INJECTION", "PACKING") else -3.0
        working = phase in PHASES
        self.mould_c = approach(self.mould_c, (MOULD_C + filled if working else AMBIENT_C) + 42 * hot, dt_s, 150.0)
        self.oil_c = approach(self.oil_c, (OIL_C if working else AMBIENT_C) + 32 * hot, dt_s, 400.0)

    def _screw_mm(self) -> float:
        share = min(1.0, self._phase_s / self._needed_s(PHASES[self._phase]))
        by_phase = {
            "CLOSING": STROKE_MM,
            "INJECTION": STROKE_MM + (self.cushion_mm + 2 - STROKE_MM) * share,
            "PACKING": self.cushion_mm + 2 * (1 - share),
            "COOLING": self.cushion_mm + (STROKE_MM - self.cushion_mm) * share,
        }
        return by_phase.get(self.phase, STROKE_MM)

    def values(self) -> dict[str, Value]:
        noise, phase = self._noise, self.phase
        zones: dict[str, Value] = {
            f"zone_{number}_temperature": zone.temperature_c + 0.15 * noise[number - 1]
            for number, zone in enumerate(self.zones, start=1)
        }
        return zones | {
            "phase": phase,
            "cycle_time": self.cycle_s,
            "shot_count": self.shots,
            "mould_temperature": self.mould_c + 0.1 * noise[4],
            "oil_temperature": self.oil_c + 0.1 * noise[5],
            "injection_pressure": max(0.0, self.melt_bar + 3 * noise[6] * (self.melt_bar > 10)),
            "hydraulic_pressure": max(0.0, self.hydraulic_bar + 0.4 * noise[7]),
            "clamp_force": 1200.0 * self.hydraulic_bar / HYDRAULIC_BAR if phase in CLAMPED else 0.0,
            "screw_position": self._screw_mm(),
            "cushion": self.cushion_mm,
            "power": self.power_kw,
            "energy": self.energy_kwh,
            "alarm_code": ALARM_NOT_READY if phase == "HEATING" else 0,
        }
