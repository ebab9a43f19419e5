"""gateway.toml as frozen values: who the gateway is, where the broker and the spool are, which devices it reads."""

from pathlib import Path
from typing import Literal, Self

from pydantic import Field, model_validator

from edge_gateway.shaping.derived import DerivedTag, resolve
from edge_gateway.shaping.shaped import named_tags, read_kinds
from edge_gateway.sparkplug.settings import SparkplugSettings
from protocols.broker import BrokerSettings
from protocols.registry import Device
from protocols.reported_tag import ReportedTag
from runtime.settings import Settings

TOPIC_ID = r"^[a-z0-9-]{1,64}$"


class SpoolSettings(Settings):
    """The file that holds every sample until the cloud has said that it is stored."""

    path: Path = Field(Path("gateway.spool"), description="SQLite file; put it on a disk that survives power cuts.")
    max_bytes: int = Field(
        2 << 30,
        ge=1 << 20,
        description="Most that the file and what is beside it take; 2 GiB hold 72 h of 1,000 tags a second.",
    )
    policy: Literal["thin", "drop_oldest"] = Field(
        "thin", description="When it is full: thin out the oldest samples first, or drop them at once."
    )
    keep_receipted_s: float = Field(
        86_400, ge=0, description="How long stored batches stay, so that a database restored from backup heals itself."
    )


class HealthSettings(Settings):
    """Where /metrics and /healthz are served."""

    port: int = Field(0, ge=0, le=65535, description="0 = nowhere.")


class GatewaySettings(Settings):
    """Everything one gateway process needs to know."""

    tenant: str = Field(pattern=TOPIC_ID, description="First id in its topics: a-z, 0-9, -.")
    gateway: str = Field(pattern=TOPIC_ID, description="Second id in its topics, unique in the tenant.")
    broker: BrokerSettings = BrokerSettings()
    spool: SpoolSettings = SpoolSettings()
    health: HealthSettings = HealthSettings()
    sparkplug: SparkplugSettings | None = Field(None, description="Without this section: off.")
    devices: tuple[Device, ...] = Field(min_length=1)
    derived: tuple[DerivedTag, ...] = Field((), description="Tags that are calculated from others.")

    @model_validator(mode="after")
    def _names_once(self) -> Self:
        devices: set[str] = set()
        tags: dict[tuple[str, str], str] = {}
        for device in self.devices:
            if device.name in devices:
                raise ValueError(f"device {device.name} is there twice; give one another name")
            devices.add(device.name)
            for tag in device.tags:
                other = tags.setdefault((device.machine, tag.tag), device.name)
                if other != device.name:
                    raise ValueError(
                        f"tag {tag.tag} of machine {device.machine} comes from both {other} and {device.name};"
                        " rename one of them"
                    )
        return self

    @model_validator(mode="after")
    def _servers_fit(self) -> Self:
        if self.sparkplug:
            self.sparkplug.servers(self.broker)
        return self

    @model_validator(mode="after")
    def _derived_fit(self) -> Self:
        derivations = resolve(self.derived, read_kinds(self.devices))
        seen: set[tuple[str, str]] = set()
        for named in named_tags(self.devices, derivations):
            if (named.machine, named.tag) in seen:
                raise ValueError(
                    f"tag {named.tag} of machine {named.machine} is there twice: read, derived or made by a window;"
                    " give one of them another name"
                )
            seen.add((named.machine, named.tag))
        return self

    @property
    def tags(self) -> list[tuple[str, ReportedTag]]:
        """Every tag that is read or derived, with its machine."""
        read: list[tuple[str, ReportedTag]] = [(device.machine, tag) for device in self.devices for tag in device.tags]
        return read + [(tag.machine, tag) for tag in self.derived]
