"""Where the MQTT broker is and how to prove who we are. TLS always verifies; there is no fall-back to plaintext."""

import ssl
from pathlib import Path
from typing import Self

from pydantic import Field, SecretStr, model_validator

from runtime.settings import Settings

_LOOPBACK = ("127.0.0.1", "::1", "localhost")


class BrokerSettings(Settings):
    """An MQTT 3.1.1 or 5 broker. Gateways speak 3.1.1 to it, ingest speaks 5 (shared subscriptions, session expiry)."""

    host: str = Field("127.0.0.1", description="Host name or address of the broker.")
    port: int = Field(1883, ge=1, le=65535, description="1883 is usual without TLS, 8883 with it.")
    port_mqtt5: int | None = Field(
        None, ge=1, le=65535, description="Port for MQTT 5 where the broker keeps another one for it; default: `port`."
    )
    username: str | None = Field(None, description="Name the broker knows this process by.")
    password: SecretStr | None = Field(None, description="From LINEWRIGHT_BROKER__PASSWORD or …_PASSWORD_FILE.")
    tls: bool = Field(False, description="Encrypt and verify; needed whenever the broker is on another machine.")  # noqa: FBT003
    ca_file: Path | None = Field(None, description="CA that signed the broker's certificate; default: the system's.")
    cert_file: Path | None = Field(None, description="Our own certificate, for mutual TLS.")
    key_file: Path | None = Field(None, description="Private key of `cert_file`.")

    @model_validator(mode="after")
    def _never_readable(self) -> Self:
        if self.tls:
            return self
        if self.ca_file or self.cert_file or self.key_file:
            raise ValueError("ca_file, cert_file and key_file do nothing without tls = true; set it")
        if self.password and self.host not in _LOOPBACK:
            raise ValueError(f"without tls = true everybody on the way to {self.host} would read the password; set it")
        return self

    @property
    def mqtt5_port(self) -> int:
        """Where to speak MQTT 5."""
        return self.port_mqtt5 or self.port

    def tls_context(self) -> ssl.SSLContext | None:
        """The verifying context of one connection, None without TLS; files are read now, so renewed ones count.

        Raises:
            OSError: a file is missing, or is none of those.
        """
        if not self.tls:
            return None
        context = ssl.create_default_context(cafile=str(self.ca_file) if self.ca_file else None)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if self.cert_file:
            context.load_cert_chain(self.cert_file, self.key_file)
        return context
