"""What goes wrong, when and how much: a schedule of faults, each with a ramp, and what a faulty sensor shows.

    [[faults]] ──► FaultSettings ──level(time)──► 0 … severity ──► the machine's physics
                                     └──► SensorFaults: the only faults that change a value instead of the machine

Times are seconds of plant time since the start: at speed 20 a fault with start_s = 300 begins 15 s later by the wall.
"""

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Self

from pydantic import Field, model_validator

from protocols.sample import Value
from runtime.settings import Settings


class Fault(StrEnum):
    """Everything that can be made to go wrong."""

    BEARING_WEAR = "bearing_wear"
    FILTER_CLOG = "filter_clog"
    OIL_LEAK = "oil_leak"
    LOST_COOLING = "lost_cooling"
    STUCK_SENSOR = "stuck_sensor"
    DRIFTING_SENSOR = "drifting_sensor"
    COMMUNICATION_LOSS = "communication_loss"
    POWER_CYCLE = "power_cycle"


SENSOR_FAULTS = frozenset({Fault.STUCK_SENSOR, Fault.DRIFTING_SENSOR})
ANY_MACHINE = SENSOR_FAULTS | {Fault.COMMUNICATION_LOSS, Fault.POWER_CYCLE}

Levels = Mapping[Fault, float]
NO_FAULTS: Levels = {}


class Phase(StrEnum):
    """Where a fault stands."""

    WAITING = "waiting"
    ONSET = "onset"
    FULL = "full"
    CLEARED = "cleared"


class FaultSettings(Settings):
    """One fault of one machine."""

    machine: str
    fault: Fault
    start_s: float = Field(ge=0, description="Plant time at which it begins.")
    ramp_s: float = Field(0.0, ge=0, description="How long it takes to reach its severity.")
    severity: float = Field(1.0, gt=0, le=1, description="1 is as bad as it gets without breaking.")
    end_s: float | None = Field(None, description="Plant time at which it is repaired; never, when left out.")
    tag: str | None = Field(None, description="Sensor faults: the tag whose sensor it is.")
    amount: float = Field(0.0, description="Drifting sensor: how far it is off at full severity, in the tag's unit.")

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.end_s is not None and self.end_s <= self.start_s:
            raise ValueError(f"{self.fault} of {self.machine} ends before it begins; end_s must be above start_s")
        if (self.tag is not None) != (self.fault in SENSOR_FAULTS):
            raise ValueError(f"{self.fault} of {self.machine}: `tag` belongs to sensor faults, and to each of them")
        if (self.amount != 0) != (self.fault is Fault.DRIFTING_SENSOR):
            raise ValueError(f"{self.fault} of {self.machine}: `amount` is how far a drifting sensor goes, not 0")
        return self

    def phase(self, time_s: float) -> Phase:
        """Where the fault stands at plant time `time_s`."""
        if time_s < self.start_s:
            return Phase.WAITING
        if self.end_s is not None and time_s >= self.end_s:
            return Phase.CLEARED
        return Phase.FULL if time_s >= self.start_s + self.ramp_s else Phase.ONSET

    def level(self, time_s: float) -> float:
        """How bad it is at plant time `time_s`: 0 outside its time, rising to its severity within `ramp_s`."""
        phase = self.phase(time_s)
        if phase in (Phase.WAITING, Phase.CLEARED):
            return 0.0
        if phase is Phase.FULL:
            return self.severity
        return self.severity * (time_s - self.start_s) / self.ramp_s


def levels(faults: Iterable[FaultSettings], time_s: float) -> dict[Fault, float]:
    """The faults of one machine that are present, the worse of two of a kind."""
    present: dict[Fault, float] = {}
    for fault in faults:
        level = fault.level(time_s)
        if level > 0:
            present[fault.fault] = max(level, present.get(fault.fault, 0.0))
    return present


class SensorFaults:
    """The sensors of one machine: shows what faulty ones show instead of what is."""

    def __init__(self, faults: Iterable[FaultSettings]) -> None:
        self._faults = [fault for fault in faults if fault.fault in SENSOR_FAULTS]
        self._held: dict[int, Value] = {}

    def apply(self, values: dict[str, Value], time_s: float) -> None:
        """Change in `values` what the faulty sensors of this moment change."""
        for number, fault in enumerate(self._faults):
            level = fault.level(time_s)
            if fault.tag is None or fault.phase(time_s) in (Phase.WAITING, Phase.CLEARED):
                self._held.pop(number, None)
            elif fault.fault is Fault.STUCK_SENSOR:
                values[fault.tag] = self._held.setdefault(number, values[fault.tag])
            else:
                values[fault.tag] = float(values[fault.tag]) + level * fault.amount
