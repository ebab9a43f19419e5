"""What the configuration says of a device and of its tags, whatever protocol it speaks.

gateway.toml [[devices]] ──► DeviceSettings with TagSettings ──numbered by the gateway──► NumberedDevice ──► driver
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from pydantic import Field, model_validator

from protocols.sample import ValueKind
from protocols.wire.catalog import ID
from runtime.settings import Settings


class TagSettings(Settings):
    """One tag. Its protocol adds where the value stands and how it is read."""

    tag: str = Field(pattern=ID, description="Name of the tag, unique on its machine.")
    unit: str = Field("", max_length=32, description="Unit of the value as stored.")
    period_s: float = Field(1.0, gt=0, le=86_400, description="Seconds between two reads of a polled tag.")

    @property
    def kind(self) -> ValueKind:
        """The type its values have on the wire."""
        raise NotImplementedError

    @property
    def subscribed(self) -> bool:
        """True: the device sends it by itself (`Driver.subscribe`); False: it is polled every `period_s`."""
        return False


class DeviceSettings(Settings):
    """One device. Its protocol adds a section named after itself and its kind of tags."""

    name: str = Field(pattern=ID, description="Unique name of the device.")
    machine: str = Field("", pattern=rf"{ID}|^$", description="Machine that its tags belong to; default: the name.")
    protocol: str
    tags: tuple[TagSettings, ...]

    @model_validator(mode="before")
    @classmethod
    def _machine_is_name(cls, data: object) -> object:
        if isinstance(data, dict) and not data.get("machine"):
            return {**data, "machine": data.get("name", "")}
        return data

    @model_validator(mode="after")
    def _some_tags_once(self) -> "DeviceSettings":
        if not self.tags:
            raise ValueError(f"device {self.name} has no tags; add a [[devices.tags]]")
        seen: set[str] = set()
        for tag in self.tags:
            if tag.tag in seen:
                raise ValueError(f"tag {tag.tag} of device {self.name} is there twice; give one another name")
            seen.add(tag.tag)
        return self

    @property
    def endpoint(self) -> str:
        """Devices with the same endpoint share one driver: one connection, one request at a time."""
        raise NotImplementedError


D_co = TypeVar("D_co", bound=DeviceSettings, covariant=True)


@dataclass(frozen=True, slots=True)
class NumberedDevice(Generic[D_co]):
    """A device and the alias of each of its tags, in the same order."""

    device: D_co
    aliases: Sequence[int]
