"""All machines of a plant in time: pure, seeded, the same run for the same plant. Nothing here knows the wall clock.

advance(dt) ──► levels of the faults ──► step every machine ──► sensors ──► values by machine and tag
                    └──► FaultChange: onset, full, cleared
"""

import zlib
from dataclasses import dataclass

import numpy as np

from protocols.sample import Value
from simulators.faults import Fault, FaultSettings, Phase, SensorFaults, levels
from simulators.machine import Machine
from simulators.machines import MACHINES
from simulators.plant import MachineSettings, Plant


@dataclass(frozen=True, slots=True)
class FaultChange:
    """A fault that has just reached a phase."""

    machine: str
    fault: Fault
    phase: Phase


class PlantPhysics:
    """The plant's machines and its clock. Each machine draws from its own stream of the plant's seed."""

    def __init__(self, plant: Plant) -> None:
        self.time_s = 0.0
        self._machines = {machine.slug: _Line(machine, plant) for machine in plant.machines}
        self._phases = dict.fromkeys(plant.faults, Phase.WAITING)

    def machine(self, slug: str) -> Machine:
        """The physics of one machine, e.g. to take a waveform from it."""
        return self._machines[slug].machine

    def levels(self, slug: str) -> dict[Fault, float]:
        """How much of which fault a machine has now."""
        return levels(self._machines[slug].faults, self.time_s)

    def advance(self, dt_s: float) -> list[FaultChange]:
        """Let `dt_s` seconds of plant time pass; returns what has become of the faults."""
        self.time_s += dt_s
        for line in self._machines.values():
            line.step(dt_s, self.time_s)
        changes = []
        for fault, was in self._phases.items():
            phase = fault.phase(self.time_s)
            if phase is not was:
                self._phases[fault] = phase
                changes += [FaultChange(fault.machine, fault.fault, passed) for passed in _between(was, phase)]
        return changes

    def values(self, slug: str) -> dict[str, Value]:
        """What the instruments of a machine show: rounded to their resolution, changed by faulty sensors."""
        return self._machines[slug].show(self.time_s)


def _between(was: Phase, now: Phase) -> list[Phase]:
    order = list(Phase)
    return order[order.index(was) + 1 : order.index(now) + 1]


class _Line:
    """One machine with its sensors and its schedule of faults."""

    def __init__(self, settings: MachineSettings, plant: Plant) -> None:
        self.faults: tuple[FaultSettings, ...] = plant.faults_of(settings.slug)
        rng = np.random.default_rng([plant.seed, zlib.crc32(settings.slug.encode())])
        self.machine = MACHINES[settings.kind](rng)
        self._specs = settings.tags
        self._sensors = SensorFaults(self.faults)

    def step(self, dt_s: float, time_s: float) -> None:
        present = levels(self.faults, time_s)
        on = Fault.POWER_CYCLE not in present
        if on is not self.machine.powered:
            self.machine.switch(on=on)
        self.machine.step(dt_s, present)

    def show(self, time_s: float) -> dict[str, Value]:
        measured = self.machine.values()
        shown = {spec.slug: measured[spec.slug] for spec in self._specs}
        self._sensors.apply(shown, time_s)
        for spec in self._specs:
            if spec.type == "float64":
                shown[spec.slug] = round(float(shown[spec.slug]), spec.digits)
            elif spec.type == "int64":
                shown[spec.slug] = round(float(shown[spec.slug]))
        return shown
