"""A centrifugal water pump, 11 kW, 1480 rpm, on a 6309 ball bearing.

    valve ──► working point (pump curve meets system curve) ──► flow, pressures, shaft power ──► current, energy
                 └──► hydraulic unrest ─┐                             └──► bearing temperature (lag)
    bearing wear ──► bearing tones ─────┴──► vibration velocity RMS, acceleration waveform, friction heat

Vibration follows ISO 20816-3: RMS of velocity between 10 and 1000 Hz, in mm/s; a healthy machine of this size stays
below 2.3, above 4.5 it is due for maintenance, above 7.1 it is being damaged.
"""

import math

import numpy as np
from numpy.typing import NDArray

from protocols.sample import Value
from simulators.bearing import DEEP_GROOVE_6309, Tone, acceleration
from simulators.faults import Fault, Levels
from simulators.machine import AMBIENT_C, Machine, Wander, approach

SAMPLE_RATE_HZ = 25_600.0
SHUTOFF_HEAD_M = 42.0
CURVE = 0.0016  # m per (m³/h)²
STATIC_HEAD_M = 12.0
SYSTEM = 0.0031
BEST_FLOW_M3_H = 80.0
BAR_PER_M = 0.0981
FULL_SPEED_RPM = 1480.0
BLADES = 6
ALARM_DRY_RUN = 11


class Pump(Machine):
    """Flow in m³/h, pressure in bar above atmosphere, power in kW at the motor's terminals, vibration in mm/s RMS."""

    kind = "pump"
    faults = frozenset({Fault.BEARING_WEAR, Fault.FILTER_CLOG})
    noises = 6

    def __init__(self, rng: np.random.Generator) -> None:
        super().__init__(rng)
        self.run_hours = 23_906.0
        self.energy_kwh = 231_870.0
        self.speed_rpm = FULL_SPEED_RPM
        self.flow_m3_h = BEST_FLOW_M3_H
        self.suction_bar = 0.45
        self.discharge_bar = 3.5
        self.shaft_kw = 9.0
        self.bearing_c = 48.0
        self.wear = 0.0
        self.strainer = 0.0
        self._valve = Wander(tau_s=180.0)
        self._waveforms = rng.spawn(1)[0]

    def _advance(self, dt_s: float, faults: Levels) -> None:
        self.wear = faults.get(Fault.BEARING_WEAR, 0.0)
        self.strainer = faults.get(Fault.FILTER_CLOG, 0.0)
        full = FULL_SPEED_RPM * (1 - 0.002 * (self.shaft_kw / 9 - 1)) if self.powered else 0.0
        self.speed_rpm = approach(self.speed_rpm, full, dt_s, 1.5)
        self._flow(dt_s)
        self._work(dt_s)
        friction = 45 * self.wear + 18 * self.shaft_kw / 9
        balance_c = AMBIENT_C + 5 + friction * self.speed_rpm / FULL_SPEED_RPM
        self.bearing_c = approach(self.bearing_c, balance_c, dt_s, 240.0)
        self.count(dt_s, self.motor_kw, running=self.powered)

    def _flow(self, dt_s: float) -> None:
        """Where the pump's curve meets the system's: H0·n² − k·Q² = Hs + R·Q²."""
        valve = 1 + 0.12 * self._valve.step(dt_s, float(self.rng.standard_normal()))
        resistance = SYSTEM * max(0.5, valve) + 0.006 * self.strainer
        lift_m = SHUTOFF_HEAD_M * (self.speed_rpm / FULL_SPEED_RPM) ** 2 - STATIC_HEAD_M
        working = math.sqrt(max(0.0, lift_m) / (CURVE + resistance))
        self.flow_m3_h = approach(self.flow_m3_h, working, dt_s, 2.0)
        head_m = SHUTOFF_HEAD_M * (self.speed_rpm / FULL_SPEED_RPM) ** 2 - CURVE * self.flow_m3_h**2
        drawn = (self.flow_m3_h / BEST_FLOW_M3_H) ** 2
        self.suction_bar = 0.6 - (0.15 + 1.1 * self.strainer) * drawn
        self.discharge_bar = max(0.0, self.suction_bar + max(head_m, STATIC_HEAD_M) * BAR_PER_M)

    def _work(self, dt_s: float) -> None:
        head_m = (self.discharge_bar - self.suction_bar) / BAR_PER_M
        efficiency = max(0.2, 0.76 * (1 - ((self.flow_m3_h - BEST_FLOW_M3_H) / 110) ** 2))
        hydraulic_kw = 9.81 * self.flow_m3_h / 3600 * head_m / efficiency
        losses_kw = (0.3 + 0.9 * self.wear) * self.speed_rpm / FULL_SPEED_RPM
        self.shaft_kw = approach(self.shaft_kw, hydraulic_kw + losses_kw if self.powered else 0.0, dt_s, 0.6)

    @property
    def motor_kw(self) -> float:
        """Electrical power."""
        return self.shaft_kw / 0.9

    def tones(self) -> list[Tone]:
        """Everything that shakes within 10 … 1000 Hz: shaft orders, blade pass, and the worn bearing."""
        shaft_hz = self.speed_rpm / 60
        turning = (self.speed_rpm / FULL_SPEED_RPM) ** 2
        off_best = abs(self.flow_m3_h / BEST_FLOW_M3_H - 1)
        defect_hz = DEEP_GROOVE_6309.outer_ring_hz(shaft_hz)
        worn = 8.5 * self.wear**1.5 * turning
        return [
            Tone(shaft_hz, (1.1 + 0.4 * self.wear) * turning),
            Tone(2 * shaft_hz, 0.5 * turning),
            Tone(BLADES * shaft_hz, (0.45 + 1.5 * off_best + 0.9 * self.strainer) * turning),
            Tone(defect_hz, 0.9 * worn),
            Tone(2 * defect_hz, 0.4 * worn),
            Tone(3 * defect_hz, 0.17 * worn),
        ]

    @property
    def vibration_mm_s(self) -> float:
        """RMS of the velocity of all tones together."""
        return math.sqrt(sum(tone.rms_mm_s**2 for tone in self.tones()))

    def waveform(self, seconds: float) -> NDArray[np.float32]:
        """Acceleration of the bearing housing in m/s², `SAMPLE_RATE_HZ` values a second, of the present condition."""
        samples = round(seconds * SAMPLE_RATE_HZ)
        defect_hz = DEEP_GROOVE_6309.outer_ring_hz(self.speed_rpm / 60)
        wear = self.wear if self.speed_rpm > 60 else 0.0
        return acceleration(self.tones(), defect_hz, wear, SAMPLE_RATE_HZ, samples, self._waveforms)

    def values(self) -> dict[str, Value]:
        noise = self._noise
        current = self.motor_kw * 1000 / (math.sqrt(3) * 400 * 0.84)
        return {
            "flow": self.flow_m3_h * (1 + 0.003 * noise[0]),
            "suction_pressure": self.suction_bar + 0.004 * noise[1],
            "discharge_pressure": self.discharge_bar + 0.006 * noise[2],
            "bearing_temperature": self.bearing_c + 0.1 * noise[3],
            "vibration_rms": self.vibration_mm_s * max(0.0, 1 + 0.02 * noise[4]),
            "speed": self.speed_rpm,
            "motor_current": current * (1 + 0.003 * noise[5]),
            "power": self.motor_kw,
            "energy": self.energy_kwh,
            "run_hours": self.run_hours,
            "running": self.powered,
            "alarm_code": ALARM_DRY_RUN if self.powered and self.suction_bar < -0.5 else 0,
        }
