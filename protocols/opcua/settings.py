"""An OPC UA server in the configuration: where it is, how it is trusted, and which node each tag is.

    [devices.opcua] ──► OpcuaSettings            [[devices.tags]] ──► OpcuaTag

Imports nothing of asyncua: a box without such a device never loads it.
"""

import re
from enum import StrEnum
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, ValidationInfo, field_validator, model_validator

from protocols.device import DeviceSettings, TagSettings
from protocols.sample import ValueKind
from runtime.settings import Settings, folder_of

_NODE = re.compile(r"(?:(?:nsu=[^;]+|ns=\d{1,5});)?[isgb]=.+", re.DOTALL)

_SUBSCRIBED_ONLY = ("sampling_s", "queue_size", "discard", "trigger", "server_deadband", "server_deadband_percent")

KINDS = {
    "bool": ValueKind.BOOL,
    "int8": ValueKind.INT,
    "uint8": ValueKind.INT,
    "int16": ValueKind.INT,
    "uint16": ValueKind.INT,
    "int32": ValueKind.INT,
    "uint32": ValueKind.INT,
    "int64": ValueKind.INT,
    "uint64": ValueKind.INT,
    "float32": ValueKind.FLOAT,
    "float64": ValueKind.FLOAT,
    "string": ValueKind.TEXT,
    "datetime": ValueKind.TEXT,
}


class Security(StrEnum):
    """How the channel is protected: not at all, signed, or signed and encrypted."""

    NONE = "none"
    SIGN = "sign"
    SIGN_AND_ENCRYPT = "sign_and_encrypt"


class Policy(StrEnum):
    """Which algorithms protect it. Older ones are broken (SHA-1, RSA 1.5) and not spoken."""

    BASIC256SHA256 = "Basic256Sha256"
    AES128 = "Aes128_Sha256_RsaOaep"
    AES256 = "Aes256_Sha256_RsaPss"


class SecuritySettings(Settings):
    """How server and gateway prove who they are. What is not offered is refused, nothing weaker is taken instead."""

    security: Security = Field(Security.NONE, description="none, sign, sign_and_encrypt. `linewright opcua endpoints`.")
    policy: Policy = Field(Policy.BASIC256SHA256, description=f"{', '.join(Policy)}; when security is not none.")
    pki: Path = Field(Path("pki"), description="Folder of our certificate and of those that we trust.")
    username: str | None = Field(None, description="Name to log in with; default: anonymous.")
    password_env: str = Field("LINEWRIGHT_OPCUA_PASSWORD", description="Environment variable with the password.")
    password_file: Path | None = Field(None, description="File with the password, instead of the variable.")
    user_certificate_file: Path | None = Field(None, description="Certificate to log in with instead of a name.")
    user_key_file: Path | None = Field(None, description="Private key of `user_certificate_file`.")

    @field_validator("password_file", "user_certificate_file", "user_key_file")
    @classmethod
    def _beside_the_file(cls, path: Path | None, info: ValidationInfo) -> Path | None:
        return path and folder_of(info) / path

    @model_validator(mode="after")
    def _guarded(self) -> Self:
        if self.username and self.user_certificate_file:
            raise ValueError("username and user_certificate_file: log in with one of them")
        if (self.user_certificate_file is None) != (self.user_key_file is None):
            raise ValueError("user_certificate_file and user_key_file belong together; give both")
        if self.security is Security.NONE and (self.username or self.user_certificate_file):
            raise ValueError(
                'security = "none" would show the login to everybody on the line; set security = "sign_and_encrypt"'
            )
        return self


class OpcuaSettings(SecuritySettings):
    """Endpoint, trust and pace of a server."""

    url: str = Field(pattern=r"^opc\.tcp://[^@]+$", description="opc.tcp://host:port/path, without a password.")
    timeout_s: float = Field(4.0, gt=0, le=60, description="How long an answer may take.")
    publishing_interval_s: float = Field(0.5, gt=0, le=60, description="How often the server sends what changed.")
    sampling_interval_s: float = Field(0.1, ge=0, le=60, description="How often the server looks; 0 = its fastest.")
    queue_size: int = Field(50, ge=10, le=10_000, description="Changes of one item that the server keeps meanwhile.")
    silence_s: float = Field(10.0, gt=0, le=600, description="Without any data this long the session is made anew.")
    timestamp: Literal["source", "server", "gateway"] = Field(
        "source", description="Whose clock stamps subscribed values; polled ones are stamped when they are read."
    )
    max_text_bytes: int = Field(4096, ge=16, le=65_536, description="Longer texts are cut and UNCERTAIN clamped.")

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.silence_s < 4 * self.publishing_interval_s:
            raise ValueError("silence_s must be at least four publishing intervals")
        return self


class OpcuaTag(TagSettings):
    """One tag: a variable node. Its engineering value is taken as it comes."""

    node: str = Field(description="nsu=<namespace uri>;s=… (or ns=<n>;…, i=, g=, b=).")
    type: str = Field("float64", description=f"{', '.join(KINDS)}.")
    mode: Literal["subscribe", "poll"] = Field("subscribe", description="poll reads every period_s instead.")
    index: int | None = Field(None, ge=0, description="Of an array: this element, from 0; of several dimensions: flat.")
    sampling_s: float | None = Field(None, ge=0, le=3600, description="Instead of the device's sampling_interval_s.")
    queue_size: int | None = Field(None, ge=1, le=10_000, description="Instead of the device's queue_size.")
    discard: Literal["oldest", "newest"] = Field("oldest", description="What the server drops when its queue is full.")
    trigger: Literal["status", "value", "timestamp"] = Field(
        "value", description="What the server sends: a new status, also a new value, also a new source time."
    )
    server_deadband: float | None = Field(
        None, gt=0, description="The server sends only changes larger than this; what it leaves out is never seen here."
    )
    server_deadband_percent: float | None = Field(
        None, gt=0, le=100, description="The same as percent of the node's EURange, which it must have."
    )

    @model_validator(mode="after")
    def _filter_makes_sense(self) -> Self:
        filtered = self.server_deadband is not None or self.server_deadband_percent is not None
        if self.server_deadband is not None and self.server_deadband_percent is not None:
            raise ValueError(f"tag {self.tag}: server_deadband and server_deadband_percent: choose one")
        if filtered and (KINDS.get(self.type) not in (ValueKind.FLOAT, ValueKind.INT) or self.trigger == "status"):
            raise ValueError(f"tag {self.tag}: a server deadband needs numbers and trigger = value or timestamp")
        asked = [name for name in _SUBSCRIBED_ONLY if getattr(self, name) != type(self).model_fields[name].default]
        if self.mode == "poll" and asked:
            raise ValueError(f"tag {self.tag}: {', '.join(asked)} only with mode = subscribe")
        return self

    @model_validator(mode="after")
    def _known(self) -> Self:
        if not _NODE.fullmatch(self.node):
            raise ValueError(f"tag {self.tag}: node {self.node!r} is not understood; write nsu=<uri>;s=<name>")
        if self.type not in KINDS:
            raise ValueError(f"tag {self.tag}: type {self.type!r} is not known; use {', '.join(KINDS)}")
        return self

    @property
    def kind(self) -> ValueKind:
        return KINDS[self.type]

    @property
    def subscribed(self) -> bool:
        return self.mode == "subscribe"


class OpcuaDevice(DeviceSettings):
    """One entry of [[devices]] with protocol = "opcua"."""

    protocol: Literal["opcua"]
    opcua: OpcuaSettings
    tags: tuple[OpcuaTag, ...]

    @property
    def endpoint(self) -> str:
        return self.opcua.url
