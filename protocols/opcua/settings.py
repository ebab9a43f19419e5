"""An OPC UA server in the configuration: where it is, how it is trusted, and which node each tag is.

    [devices.opcua] ──► OpcuaSettings            [[devices.tags]] ──► OpcuaTag

Imports nothing of asyncua: a box without such a device never loads it.
"""

import re
from enum import StrEnum
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, model_validator

from protocols.device import DeviceSettings, TagSettings
from protocols.sample import ValueKind
from runtime.settings import Settings

_NODE = re.compile(r"(?:(?:nsu=[^;]+|ns=\d{1,5});)?[isgb]=.+", re.DOTALL)

KINDS = {
    "bool": ValueKind.BOOL,
    "int16": ValueKind.INT,
    "uint16": ValueKind.INT,
    "int32": ValueKind.INT,
    "uint32": ValueKind.INT,
    "int64": ValueKind.INT,
    "uint64": ValueKind.INT,
    "float32": ValueKind.FLOAT,
    "float64": ValueKind.FLOAT,
    "string": ValueKind.TEXT,
}


class Security(StrEnum):
    """How the channel is protected: no signature, or Basic256Sha256 with signature (and encryption)."""

    NONE = "none"
    SIGN = "sign"
    SIGN_AND_ENCRYPT = "sign_and_encrypt"


class OpcuaSettings(Settings):
    """Endpoint, trust and pace of a server."""

    url: str = Field(pattern=r"^opc\.tcp://[^@]+$", description="opc.tcp://host:port/path, without a password.")
    security: Security = Field(Security.NONE, description="none, or Basic256Sha256: sign, sign_and_encrypt.")
    certificate_file: Path | None = Field(None, description="Our certificate (.der); made on the spot when absent.")
    key_file: Path | None = Field(None, description="Its private key (.pem); made on the spot when absent.")
    server_certificate_file: Path | None = Field(
        None, description="The server's certificate (.der or .pem), the only one that is trusted."
    )
    username: str | None = Field(None, description="Name to log in with; default: anonymous.")
    password_env: str = Field("LINEWRIGHT_OPCUA_PASSWORD", description="Environment variable with the password.")
    timeout_s: float = Field(4.0, gt=0, le=60, description="How long an answer may take.")
    publishing_interval_s: float = Field(0.5, gt=0, le=60, description="How often the server sends what changed.")
    sampling_interval_s: float = Field(0.1, ge=0, le=60, description="How often the server looks; 0 = its fastest.")
    queue_size: int = Field(50, ge=10, le=10_000, description="Changes of one item that the server keeps meanwhile.")
    silence_s: float = Field(10.0, gt=0, le=600, description="Without any data this long the session is made anew.")

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.security is not Security.NONE and not (self.certificate_file and self.key_file):
            raise ValueError(f"security = {self.security} needs certificate_file (.der) and key_file (.pem)")
        if self.security is not Security.NONE and not self.server_certificate_file:
            raise ValueError(
                f"security = {self.security} needs server_certificate_file: without it any server would be trusted"
            )
        if self.silence_s < 4 * self.publishing_interval_s:
            raise ValueError("silence_s must be at least four publishing intervals")
        return self


class OpcuaTag(TagSettings):
    """One tag: a variable node. Its engineering value is taken as it comes."""

    node: str = Field(description="nsu=<namespace uri>;s=… (or ns=<n>;…, i=, g=, b=).")
    type: str = Field("float64", description=f"{', '.join(KINDS)}.")
    mode: Literal["subscribe", "poll"] = Field("subscribe", description="poll reads every period_s instead.")

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
