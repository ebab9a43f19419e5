"""What the configuration says of a device and of its tags, whatever protocol it speaks.

gateway.toml [[devices]] ──► DeviceSettings with TagSettings ──numbered by the gateway──► NumberedDevice ──► driver
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from pydantic import Field, ValidationInfo, model_validator

from protocols.reported_tag import ReportedTag
from protocols.sample import ValueKind
from protocols.tag_files import TagFiles, with_file_tags
from protocols.wire.catalog import ID
from runtime.settings import folder_of


class TagSettings(ReportedTag):
    """One tag that is read. Its protocol adds where the value stands and how it is read."""

    period_s: float = Field(1.0, ge=0.01, le=86_400, description="Seconds between two reads of a polled tag.")

    @property
    def kind(self) -> ValueKind:
        """The type its values have on the wire."""
        raise NotImplementedError

    @property
    def subscribed(self) -> bool:
        """True: the device sends it by itself (`Driver.subscribe`); False: it is polled every `period_s`."""
        return False


class DeviceSettings(TagFiles):
    """One device. Its protocol adds a section named after itself and its kind of tags."""

    name: str = Field(pattern=ID, description="Unique name of the device.")
    machine: str = Field("", pattern=rf"{ID}|^$", description="Machine that its tags belong to; default: the name.")
    protocol: str
    tags: tuple[TagSettings, ...]

    @model_validator(mode="before")
    @classmethod
    def _tags_of_files(cls, data: object, info: ValidationInfo) -> object:
        return with_file_tags(cls, data, folder_of(info))

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
            tag.check_kind(tag.kind)
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
