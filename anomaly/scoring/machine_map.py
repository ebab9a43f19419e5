"""What a person can tell of a machine: kinds, limits and ranges of tags, the tag that says the mode. Pure.

[tags."Motor temperature"]           [modes]
kind = "temperature"                 tag = "state"
high = 90.0
high_high = 100.0
range = [-40.0, 200.0]
"""

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from anomaly.detectors.limits import LimitRule
from anomaly.scoring import BadMachineMap

LIMITS = ("high_high", "high", "low", "low_low")
# Deadband as a share of the span between limits, on-delay and off-delay: ISA-18.2 / EEMUA 191 starting values by kind.
_DELAYS_S = {"flow": 15.0, "pressure": 15.0, "level": 60.0, "temperature": 60.0}
_DEADBAND = {"flow": 0.05, "pressure": 0.02, "level": 0.05, "temperature": 0.01}
_KINDS = (*_DELAYS_S, "vibration", "current", "power", "speed", "state", "process", "other")
_TAG_KEYS = {"kind", "deadband", "on_delay_s", "off_delay_s", "range", *LIMITS}


@dataclass(frozen=True, slots=True)
class MachineMap:
    """Per tag, in the order of the table: kind, limits, and what its instrument can show."""

    kinds: tuple[str, ...]
    limits: tuple[LimitRule, ...]
    ranges: tuple[tuple[float, float], ...]
    mode_tag: int | None = None


def plain(tags: int) -> MachineMap:
    """The map of a machine of which nothing is told."""
    return MachineMap(("other",) * tags, (), ((-math.inf, math.inf),) * tags)


def machine_map(raw: Mapping[str, Any], names: Sequence[str]) -> MachineMap:
    """Read a map for the tags `names`. Raises BadMachineMap."""
    _only(raw, {"tags", "modes"}, "the map")
    tags = raw.get("tags", {})
    _known(tags, names)
    kinds, limits, ranges = [], [], []
    for number, name in enumerate(names):
        told = tags.get(name, {})
        _only(told, _TAG_KEYS, f"tag {name!r}")
        kind = told.get("kind", "other")
        if kind not in _KINDS:
            raise BadMachineMap(f"tag {name!r}: no kind {kind!r}; there are {', '.join(_KINDS)}")
        kinds.append(kind)
        limits += _limits(number, name, kind, told)
        ranges.append(_range(name, told))
    modes = raw.get("modes", {})
    _only(modes, {"tag"}, "[modes]")
    mode_tag = modes.get("tag")
    _known([] if mode_tag is None else [mode_tag], names)
    return MachineMap(
        tuple(kinds), tuple(limits), tuple(ranges), None if mode_tag is None else list(names).index(mode_tag)
    )


def _limits(number: int, name: str, kind: str, told: Mapping[str, Any]) -> list[LimitRule]:
    values = {limit: _float(name, limit, told[limit]) for limit in LIMITS if limit in told}
    ordered = [values[limit] for limit in LIMITS if limit in values]
    if any(above <= below for above, below in itertools.pairwise(ordered)):
        raise BadMachineMap(f"tag {name!r}: limits must fall from high_high over high and low to low_low")
    span = abs(ordered[0] - ordered[-1]) if len(ordered) > 1 else abs(ordered[0]) if ordered else 0.0
    deadband = _float(name, "deadband", told.get("deadband", _DEADBAND.get(kind, 0.0) * span))
    delays = [_float(name, key, told.get(key, _DELAYS_S.get(kind, 0.0))) for key in ("on_delay_s", "off_delay_s")]
    return [LimitRule(f"{number}:{limit}", number, limit, value, deadband, *delays) for limit, value in values.items()]


def _range(name: str, told: Mapping[str, Any]) -> tuple[float, float]:
    bounds = told.get("range", (-math.inf, math.inf))
    if len(bounds) != 2 or not bounds[0] < bounds[1]:
        raise BadMachineMap(f"tag {name!r}: range wants [least, most]")
    return float(bounds[0]), float(bounds[1])


def _float(name: str, key: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise BadMachineMap(f"tag {name!r}: {key} wants a number, not {value!r}")
    return float(value)


def _only(raw: Mapping[str, Any], keys: set[str], where: str) -> None:
    strange = sorted(set(raw) - keys)
    if strange:
        raise BadMachineMap(f"{where}: unknown key {strange[0]!r}; there are {', '.join(sorted(keys))}")


def _known(wanted: Sequence[str] | Mapping[str, Any], names: Sequence[str]) -> None:
    strange = [name for name in wanted if name not in names]
    if strange:
        raise BadMachineMap(f"no column {strange[0]!r} in the table; there are {', '.join(names)}")
