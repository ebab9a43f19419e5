"""A seeded fleet over weeks, as tables with their truth: what a historian would hold of seven kinds of machine.

seed ──► world (weather, shifts, demand) ──► physics of each machine ◄── what goes wrong, when
                                                   └──► gauges (noise, digits, holes, lies) ──► CSV + truth.json
"""

from simulators.weeks.fleet import MachineWeeks, fleet
from simulators.weeks.injections import Injection

__all__ = ["Injection", "MachineWeeks", "fleet"]
