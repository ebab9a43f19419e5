"""Numbers the tags: aliases 0 … n-1 in the order of (machine, tag), and the revision that names this numbering.

    settings.devices ──► Numbering: catalog for the cloud, NumberedDevice per endpoint for the drivers

The revision is a CRC of the tags, so the same configuration always has the same revision.
"""

import json
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_gateway.shaping.derived import Derivation, DerivedTag, TagName, resolve
from edge_gateway.shaping.shaped import named_tags, read_kinds
from protocols import UndecodablePayload
from protocols.device import DeviceSettings, NumberedDevice
from protocols.sample import Column, ValueKind, failed
from protocols.wire.catalog import Catalog, CatalogTag, decode

Endpoint = list[NumberedDevice[Any]]


@dataclass(frozen=True)
class Numbering:
    """Every tag of the configuration with its alias."""

    catalog: Catalog
    devices: Sequence[NumberedDevice[Any]]
    derivations: Sequence[Derivation] = ()
    hidden: Sequence[CatalogTag] = ()  # read, but not reported; their aliases follow those of the catalog

    @cached_property
    def tags(self) -> Sequence[CatalogTag]:
        """Every tag; its alias is its place."""
        return [*self.catalog.tags, *self.hidden]

    @cached_property
    def alias_of(self) -> dict[TagName, int]:
        """The alias of each machine and tag."""
        return {(tag.machine, tag.tag): tag.alias for tag in self.tags}

    @cached_property
    def endpoints(self) -> dict[str, Endpoint]:
        """The devices by endpoint; those that share one share a driver."""
        found: dict[str, Endpoint] = {}
        for numbered in self.devices:
            found.setdefault(numbered.device.endpoint, []).append(numbered)
        return found

    @cached_property
    def kinds(self) -> NDArray[np.uint8]:
        """The value kind of each alias."""
        return np.array([ValueKind[tag.kind.upper()] for tag in self.tags], np.uint8)

    @cached_property
    def stamped_here(self) -> NDArray[np.bool_]:
        """Of each reported alias, whether its samples carry this gateway's time; else they carry the device's."""
        by_device = [
            alias
            for numbered in self.devices
            for tag, alias in zip(numbered.device.tags, numbered.aliases, strict=True)
            if tag.subscribed
        ]
        here = np.ones(len(self.tags), bool)
        here[by_device] = False
        return here[: len(self.catalog.tags)]

    def failed(self, aliases: NDArray[np.uint32], time_ns: int, code: int) -> list[Column]:
        """Samples without a value for these tags, one column per kind."""
        kinds = self.kinds[aliases]
        return [
            failed(kind, aliases[kinds == kind], time_ns, code) for kind in ValueKind if np.count_nonzero(kinds == kind)
        ]


def number(devices: Sequence[DeviceSettings], derived: Sequence[DerivedTag] = ()) -> Numbering:
    """Give every tag its alias; the order of the devices in the file does not matter.

    Raises:
        BadDerivation: the derived tags do not fit together.
    """
    derivations = resolve(derived, read_kinds(devices))
    named = named_tags(devices, derivations)
    alias_of = {(tag.machine, tag.tag): alias for alias, tag in enumerate(named)}
    tags = [
        CatalogTag(alias=alias, machine=tag.machine, tag=tag.tag, kind=tag.kind.name.lower(), unit=tag.unit)
        for alias, tag in enumerate(named)
    ]
    reported = [tag for tag, told in zip(tags, named, strict=True) if not told.hidden]
    numbered = [
        NumberedDevice(device, [alias_of[device.machine, tag.tag] for tag in device.tags]) for device in devices
    ]
    return Numbering(Catalog(revision=revision(reported), tags=reported), numbered, derivations, tags[len(reported) :])


def revision(tags: Sequence[CatalogTag]) -> int:
    """CRC-32 of the tags as canonical JSON."""
    listed = [tag.model_dump() for tag in tags]
    return zlib.crc32(json.dumps(listed, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode())


def whole(bodies: Mapping[int, bytes]) -> dict[int, Catalog]:
    """The catalogs of earlier configurations that are still what their revision says."""
    found = {}
    for number_, body in bodies.items():
        try:
            catalog = decode(body)
        except UndecodablePayload:
            continue
        if revision(catalog.tags) == catalog.revision == number_:
            found[number_] = catalog
    return found
