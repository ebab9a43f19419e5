"""A device that is only its settings, and series of reads put through its shape."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

import numpy as np

from edge_gateway.catalog import number
from edge_gateway.shaping.derived import DerivedTag
from edge_gateway.shaping.shape import Shape
from protocols.device import DeviceSettings, TagSettings
from protocols.sample import DTYPE_OF, GOOD, Column, Columns, Reason, Sample, Value, ValueKind, bad, samples

SECOND = 10**9
EPOCH_NS = 1_790_000_400 * SECOND  # a whole minute
MACHINE = "m"


class PlainTag(TagSettings):
    """A tag of any kind; nobody reads it."""

    type: Literal["float", "int", "bool", "text"] = "float"

    @property
    def kind(self) -> ValueKind:
        return ValueKind[self.type.upper()]


class PlainDevice(DeviceSettings):
    protocol: str = "plain"
    tags: tuple[PlainTag, ...]

    @property
    def endpoint(self) -> str:
        return f"plain://{self.name}"


def device(*tags: Mapping[str, Any], name: str = MACHINE) -> PlainDevice:
    return PlainDevice.model_validate({"name": name, "tags": [dict(tag) for tag in tags]})


class Rig:
    """The shape of a configuration; seconds count from EPOCH_NS and are monotonic time as well."""

    def __init__(self, devices: Sequence[DeviceSettings], derived: Iterable[Mapping[str, Any]] = ()) -> None:
        wanted = [DerivedTag.model_validate({"machine": MACHINE, **tag}) for tag in derived]
        self.numbering = number(devices, wanted)
        self.shape = Shape(self.numbering)
        self.names = {tag.alias: tag.tag for tag in self.numbering.tags}

    def column(self, tag: str, rows: Sequence[tuple[float, Value | Reason]], machine: str = MACHINE) -> Column:
        """Samples of one tag: second and value, or why there is none."""
        alias = self.numbering.alias_of[machine, tag]
        kind = ValueKind(int(self.numbering.kinds[alias]))
        empty = "" if kind is ValueKind.TEXT else 0
        values = [empty if isinstance(value, Reason) else value for _, value in rows]
        codes = [bad(value) if isinstance(value, Reason) else GOOD for _, value in rows]
        times = [EPOCH_NS + round(second * SECOND) for second, _ in rows]
        return Column(
            kind,
            np.full(len(rows), alias, np.uint32),
            np.array(times, np.int64),
            np.array(values, DTYPE_OF[kind]),
            np.array(codes, np.uint16),
        )

    def read(self, second: float, **values: Value | Reason) -> list[Sample]:
        """What is reported when these tags are read at this time; `_` stands for `-`."""
        columns = tuple(self.column(tag.replace("_", "-"), [(second, value)]) for tag, value in values.items())
        return self.listed(self.shape.take(columns, round(second * SECOND)))

    def look(self, second: float) -> list[Sample]:
        return self.listed(self.shape.due(round(second * SECOND)))

    def listed(self, columns: Columns) -> list[Sample]:
        return [
            sample._replace(time_ns=(sample.time_ns - EPOCH_NS) / SECOND) for sample in samples(columns, self.names)
        ]
