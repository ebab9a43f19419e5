"""A CNC machining centre seen through its spindle: a programme of phases that makes parts.

programme phase ──► speed (ramp), cutting load ──► power ──► heat ──► spindle temperature (lag) ──► alarm, stop
                                      └──► vibration                     parts are counted at the end of a cycle
"""

import math
from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from protocols.sample import Value
from simulators.faults import Fault, Levels
from simulators.machine import Machine, Wander, approach

COOLANT_C = 22.0
ALARM_ABOVE_C = 78.0
RESET_BELOW_C = 55.0
ALARM_SPINDLE_HOT = 2041
RATED_KW = 15.0
FULL_SPEED_RPM = 9000.0
PARTS_PER_BATCH = 20
STANDSTILL_RPM = 50.0


class State(IntEnum):
    """What the control reports."""

    OFF = 0
    IDLE = 1
    RUNNING = 2
    ALARM = 3


@dataclass(frozen=True, slots=True)
class Phase:
    """One stretch of the programme: seconds, speed in rpm, cutting load in %, feed in mm/min, door."""

    seconds: float
    speed_rpm: float
    load_pct: float
    feed_mm_min: float
    door_closed: bool = True


CYCLE = (
    Phase(15.0, 0.0, 0.0, 0.0, door_closed=False),  # load the blank
    Phase(5.0, 6000.0, 0.0, 8000.0),  # approach
    Phase(30.0, 6000.0, 55.0, 800.0),  # rough
    Phase(6.0, 0.0, 0.0, 0.0),  # change the tool
    Phase(24.0, 9000.0, 28.0, 450.0),  # finish
    Phase(10.0, 0.0, 0.0, 0.0, door_closed=False),  # take the part out
)


class Spindle(Machine):
    """Speed in rpm, load in % of rated torque, temperature in °C, vibration in mm/s RMS."""

    kind = "spindle"
    faults = frozenset({Fault.BEARING_WEAR, Fault.LOST_COOLING})
    noises = 5

    def __init__(self, rng: np.random.Generator) -> None:
        super().__init__(rng)
        self.energy_kwh = 48_211.0
        self.speed_rpm = 0.0
        self.load_pct = 0.0
        self.spindle_c = 30.0
        self.wear = 0.0
        self.parts = 0
        self.made = 0
        self.alarm = False
        self._phase = 0
        self._phase_s = 0.0
        self._hardness = Wander(tau_s=60.0)

    @property
    def state(self) -> State:
        """As the control would report it."""
        if not self.powered:
            return State.OFF
        if self.alarm:
            return State.ALARM
        return State.RUNNING if CYCLE[self._phase].door_closed else State.IDLE

    @property
    def power_kw(self) -> float:
        """Electrical power of spindle and control."""
        cutting = RATED_KW * self.load_pct / 100 * self.speed_rpm / FULL_SPEED_RPM
        return cutting + 1.2 if self.powered else 0.0

    def reset_part_counter(self) -> None:
        """What the operator does at the start of a shift."""
        self.parts = 0

    def switch(self, *, on: bool) -> None:
        super().switch(on=on)
        self._phase, self._phase_s = 0, 0.0  # the blank in the machine is lost

    def _advance(self, dt_s: float, faults: Levels) -> None:
        self.wear = faults.get(Fault.BEARING_WEAR, 0.0)
        if self.spindle_c >= ALARM_ABOVE_C:
            self.alarm = True
        elif self.spindle_c < RESET_BELOW_C:
            self.alarm = False
        working = self.powered and not self.alarm
        if working:
            self._follow(dt_s)
        phase = CYCLE[self._phase]
        hardness = 1 + 0.06 * self._hardness.step(dt_s, float(self.rng.standard_normal()))
        target_rpm = phase.speed_rpm if working else 0.0
        accelerating = min(1.0, abs(target_rpm - self.speed_rpm) / FULL_SPEED_RPM) if working else 0.0
        cutting = phase.load_pct * hardness if working and accelerating < 0.05 else 0.0
        drag = 4 * self.speed_rpm / FULL_SPEED_RPM * (1 + 1.5 * self.wear)
        self.load_pct = approach(self.load_pct, cutting + drag + 90 * accelerating, dt_s, 0.4)
        self.speed_rpm = approach(self.speed_rpm, target_rpm, dt_s, 0.8)
        self._warm(dt_s, faults)
        self.count(dt_s, self.power_kw, running=self.state is State.RUNNING)

    def _follow(self, dt_s: float) -> None:
        self._phase_s += dt_s
        while self._phase_s >= CYCLE[self._phase].seconds:
            self._phase_s -= CYCLE[self._phase].seconds
            self._phase = (self._phase + 1) % len(CYCLE)
            if self._phase == 0:
                self.parts += 1
                self.made += 1

    def _warm(self, dt_s: float, faults: Levels) -> None:
        turning = self.speed_rpm / FULL_SPEED_RPM
        rise = 14 * turning * math.sqrt(turning) + 0.25 * self.load_pct * turning + 25 * self.wear * turning
        uncooled = 1 + 6 * faults.get(Fault.LOST_COOLING, 0.0)
        self.spindle_c = approach(self.spindle_c, COOLANT_C + rise * uncooled, dt_s, 300.0)

    @property
    def vibration_mm_s(self) -> float:
        """RMS of velocity at the spindle's nose."""
        turning = self.speed_rpm / FULL_SPEED_RPM
        return turning * (0.6 + 0.9 * self.load_pct / 100 + 6.0 * self.wear * math.sqrt(self.wear))

    def values(self) -> dict[str, Value]:
        noise = self._noise
        state = self.state
        feed = CYCLE[self._phase].feed_mm_min if state is State.RUNNING else 0.0
        return {
            "spindle_speed": self.speed_rpm * (1 + 0.0005 * noise[0]),
            "spindle_load": max(0.0, self.load_pct + 0.4 * noise[1] * (self.load_pct > 1)),
            "spindle_temperature": self.spindle_c + 0.1 * noise[2],
            "vibration_rms": self.vibration_mm_s * max(0.0, 1 + 0.03 * noise[3]),
            "feed_rate": feed * (1 + 0.002 * noise[4]),
            "power": self.power_kw,
            "energy": self.energy_kwh,
            "state": state.name,
            "state_code": int(state),
            "program": f"O{1001 + self.made // PARTS_PER_BATCH % 3}",
            "part_count": self.parts,
            "alarm_code": ALARM_SPINDLE_HOT if self.alarm else 0,
            "door_closed": CYCLE[self._phase].door_closed or self.speed_rpm > STANDSTILL_RPM,  # interlock
        }
