"""Severity zones A to D of a machine class, from a table that a plant may extend.

machine_classes.toml ──read_classes──► {name: MachineClass} ──zone(mm/s)──► "A" │ "B" │ "C" │ "D"
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Literal

from anomaly.vibration import UnknownMachineClass, VibrationError

Zone = Literal["A", "B", "C", "D"]


class BadMachineClasses(VibrationError):
    """The table of machine classes cannot be used."""


@dataclass(frozen=True, slots=True)
class MachineClass:
    """Limits between the zones, RMS velocity in mm/s."""

    title: str
    a_b_mm_s: float
    b_c_mm_s: float
    c_d_mm_s: float
    source: str = ""

    def zone(self, velocity_mm_s: float) -> Zone:
        """A value on a limit belongs to the better zone."""
        if velocity_mm_s <= self.a_b_mm_s:
            return "A"
        if velocity_mm_s <= self.b_c_mm_s:
            return "B"
        return "C" if velocity_mm_s <= self.c_d_mm_s else "D"


def shipped_classes() -> dict[str, MachineClass]:
    """The classes that come with the program."""
    return read_classes(files("anomaly.vibration").joinpath("machine_classes.toml").read_text(encoding="utf-8"))


def read_classes(text: str) -> dict[str, MachineClass]:
    """Classes by name out of a TOML text.

    Raises:
        BadMachineClasses: no TOML, a field that is missing, unknown or no number, limits that do not rise.
    """
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise BadMachineClasses(f"machine classes: {error}") from error
    found = {}
    for name, table in tables.items():
        try:
            one = MachineClass(**table)
            rising = 0 < one.a_b_mm_s < one.b_c_mm_s < one.c_d_mm_s
        except TypeError as error:
            raise BadMachineClasses(f"machine class {name!r}: {error}") from error
        if not rising:
            raise BadMachineClasses(f"machine class {name!r}: the three limits must rise from above 0")
        found[name] = one
    return found


def class_of(name: str, classes: Mapping[str, MachineClass]) -> MachineClass:
    """The class of this name. Raises UnknownMachineClass, naming those that are there."""
    if name not in classes:
        raise UnknownMachineClass(f"no machine class {name!r}; there are {', '.join(sorted(classes))}")
    return classes[name]
