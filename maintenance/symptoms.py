"""What a reporter can say with one tap: symptoms per machine class, and how soon each one matters. Pure.

The ids are stored; their names are translated on the screen.
"""

SYMPTOMS = (
    "noise", "vibration", "leak", "overheating", "smell_smoke", "no_start", "stopped", "low_output",
    "quality_defect", "alarm_code", "other",
)  # fmt: skip

# Most likely first: these become the big tiles of the page behind the label.
BY_MACHINE_CLASS: dict[str, tuple[str, ...]] = {
    "compressor": ("noise", "vibration", "overheating", "leak", "low_output", "stopped", "alarm_code", "other"),
    "pump": ("leak", "noise", "vibration", "overheating", "low_output", "no_start", "stopped", "other"),
    "spindle": ("noise", "vibration", "overheating", "quality_defect", "alarm_code", "stopped", "leak", "other"),
    "press": ("stopped", "noise", "leak", "quality_defect", "no_start", "overheating", "alarm_code", "other"),
    "other": ("stopped", "noise", "vibration", "leak", "overheating", "smell_smoke", "alarm_code", "other"),
}

_PRIORITY = {"smell_smoke": "critical", "no_start": "high", "stopped": "high", "overheating": "high"}


def symptoms_of(machine_class: str | None) -> tuple[str, ...]:
    """What to offer for a machine of this class."""
    return BY_MACHINE_CLASS.get(machine_class or "other", BY_MACHINE_CLASS["other"])


def priority_of(symptom: str) -> str:
    """The priority of an order made from a report, until a person decides otherwise."""
    return _PRIORITY.get(symptom, "medium")
