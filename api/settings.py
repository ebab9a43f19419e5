"""Settings of the HTTP API: TOML section or `LINEWRIGHT_…` → ApiSettings."""

from pathlib import Path
from typing import Self

from pydantic import Field, model_validator

from database.settings import DatabaseSettings
from protocols.broker import BrokerSettings
from runtime.settings import Settings


class ApiSettings(Settings):
    """Where the API listens and what it stands on."""

    database: DatabaseSettings = Field(description="With the DSN of the role lw_app.")
    broker: BrokerSettings = Field(BrokerSettings(), description="Source of live values.")
    host: str = Field("127.0.0.1", description="Address to listen on; 0.0.0.0 for all, then with TLS.")
    port: int = Field(8080, ge=0, le=65535, description="0 takes a free one.")
    tls_cert: Path | None = Field(None, description="PEM chain; with it the API speaks HTTPS.")
    tls_key: Path | None = Field(None, description="PEM private key of `tls_cert`.")
    public_url: str | None = Field(
        None, pattern=r"^https?://[^/\s]+$", description="What phones reach this API by; stands in every QR code."
    )
    trusted_proxies: tuple[str, ...] = Field(
        (), description="Addresses of reverse proxies whose X-Forwarded-For and -Proto are believed."
    )
    session_hours: int = Field(24 * 7, ge=1, le=24 * 90, description="How long a login lasts.")
    web_root: Path | None = Field(None, description="Folder of the built phone app; default: the one shipped.")
    energy_price: float | None = Field(None, gt=0, description="Of a kWh, for what a case costs; none: kWh are told.")
    currency: str = Field("CNY", pattern="^[A-Z]{3}$", description="Of `energy_price`, ISO 4217.")
    health_port: int = Field(0, ge=0, le=65535, description="Loopback port of /healthz and /metrics; 0: none.")

    @model_validator(mode="after")
    def _tls_is_a_pair(self) -> Self:
        if (self.tls_cert is None) != (self.tls_key is None):
            raise ValueError("tls_cert and tls_key are given together or not at all")
        return self

    @property
    def base_url(self) -> str:
        """Scheme, host and port of the links we hand out, without a slash at the end."""
        scheme = "https" if self.tls_cert else "http"
        return self.public_url or f"{scheme}://{self.host}:{self.port}"
