"""The tags of a configuration by name, kind and number: read, derived and made by windows.

devices, [[derived]] ──► reported tags (in the catalog) and hidden ones (read, but only their windows are told)
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from edge_gateway.shaping.derived import Derivation, TagName
from protocols.device import DeviceSettings
from protocols.reported_tag import ReportedTag, Statistic
from protocols.sample import ValueKind


@dataclass(frozen=True, slots=True, order=True)
class NamedTag:
    """One tag before it is numbered; hidden ones come last."""

    hidden: bool
    machine: str
    tag: str
    kind: ValueKind
    unit: str


@dataclass(frozen=True, slots=True)
class Shaped:
    """A tag with its number, its kind and what was said of it."""

    alias: int
    kind: ValueKind
    settings: ReportedTag
    windows: Mapping[Statistic, int]  # the aliases that its window makes


_Source = tuple[str, ReportedTag, ValueKind]


def _sources(devices: Iterable[DeviceSettings], derivations: Iterable[Derivation]) -> list[_Source]:
    read: list[_Source] = [(device.machine, tag, tag.kind) for device in devices for tag in device.tags]
    return read + [(derivation.tag.machine, derivation.tag, derivation.kind) for derivation in derivations]


def read_kinds(devices: Iterable[DeviceSettings]) -> dict[TagName, ValueKind]:
    """The kinds of the tags that are read."""
    return {(machine, tag.tag): kind for machine, tag, kind in _sources(devices, ())}


def named_tags(devices: Iterable[DeviceSettings], derivations: Iterable[Derivation]) -> list[NamedTag]:
    """Every tag in the order of its number, as often as it is named."""
    named = []
    for machine, tag, kind in _sources(devices, derivations):
        named.append(NamedTag(tag.hidden, machine, tag.tag, kind, tag.unit))
        for made in tag.window_tags(kind):
            unit = "" if made.statistic == "count" else tag.unit
            named.append(NamedTag(False, machine, made.tag, made.kind, unit))  # noqa: FBT003
    return sorted(named)


def shaped_tags(
    devices: Iterable[DeviceSettings], derivations: Iterable[Derivation], alias_of: Mapping[TagName, int]
) -> Sequence[Shaped]:
    """The tags whose samples are not all simply handed on."""
    return [
        Shaped(
            alias_of[machine, tag.tag],
            kind,
            tag,
            {made.statistic: alias_of[machine, made.tag] for made in tag.window_tags(kind)},
        )
        for machine, tag, kind in _sources(devices, derivations)
        if tag.shaped
    ]
