"""The line to a Modbus device in the configuration: TCP, RTU over TCP, TLS or a serial port.

[devices.modbus] ──► LineSettings, equal for all devices with the same endpoint
"""

from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, ValidationInfo, field_validator, model_validator

from runtime.settings import Settings, folder_of

_TLS_PORT = 802
_TCP_ONLY = ("host", "port", "transport")
_SERIAL_ONLY = ("baudrate", "parity", "stopbits", "bytesize")
_TLS_ONLY = ("ca_file", "certificate_file", "key_file", "server_name")


class LineSettings(Settings):
    """Either `host` (and `port`, `transport`) or `serial` (and `baudrate`, `parity`, `stopbits`)."""

    host: str = Field("", description="Host name or address of the device or of its gateway box.")
    port: int = Field(502, ge=1, le=65535, description="Default 502; for TLS 802.")
    transport: Literal["tcp", "rtu_over_tcp", "tls"] = Field("tcp", description="What is spoken at host and port.")
    ca_file: Path | None = Field(None, description="TLS: who may sign the device's certificate. Default: system.")
    certificate_file: Path | None = Field(None, description="TLS: our certificate, where the device asks for one.")
    key_file: Path | None = Field(None, description="TLS: the key of certificate_file.")
    server_name: str = Field("", description="TLS: the name in the device's certificate. Default: host.")
    serial: str = Field("", pattern="^(/.+)?$", description="Port, best /dev/serial/by-id/…: that name stays.")
    baudrate: int = Field(19_200, ge=300, le=4_000_000)
    parity: Literal["none", "even", "odd"] = "even"
    stopbits: Literal[1, 2] = 1
    bytesize: Literal[8] = Field(8, description="RTU has eight bits; seven would be Modbus ASCII.")
    pause_s: float = Field(0.0, ge=0, le=10, description="Silence before each question, for devices that need it.")
    hang_up_idle_s: float | None = Field(
        None, gt=0, le=3600, description="Hang up after this long without a question, so that others may connect."
    )

    @model_validator(mode="before")
    @classmethod
    def _usual_port(cls, data: object) -> object:
        if isinstance(data, dict) and data.get("transport") == "tls":
            return {"port": _TLS_PORT, **data}
        return data

    @field_validator("ca_file", "certificate_file", "key_file")
    @classmethod
    def _beside_the_file(cls, path: Path | None, info: ValidationInfo) -> Path | None:
        return path and folder_of(info) / path

    @model_validator(mode="after")
    def _one_line(self) -> Self:
        if bool(self.host) == bool(self.serial):
            raise ValueError('write either host = "…" or serial = "/dev/serial/by-id/…"')
        self._refuse(_TCP_ONLY if self.serial else _SERIAL_ONLY, f"for a {'serial' if self.serial else 'TCP'} line")
        if self.transport != "tls":
            self._refuse(_TLS_ONLY, 'without transport = "tls": nothing would be verified')
        if bool(self.certificate_file) != bool(self.key_file):
            raise ValueError("certificate_file and key_file belong together; give both or none")
        return self

    def _refuse(self, names: tuple[str, ...], why: str) -> None:
        if written := [name for name in names if name in self.model_fields_set]:
            raise ValueError(f"{', '.join(written)} means nothing {why}; leave it out")

    @property
    def endpoint(self) -> str:
        """Equal for all that share the line."""
        return f"modbus://{self.serial}" if self.serial else f"modbus://{self.host}:{self.port}"

    @property
    def line(self) -> dict[str, Any]:
        """All that devices on one line must agree on."""
        return {name: getattr(self, name) for name in LineSettings.model_fields}
