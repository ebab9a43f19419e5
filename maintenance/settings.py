"""Settings of the maintenance process: TOML section or `LINEWRIGHT_…` → MaintenanceSettings."""

from pydantic import Field

from database.settings import DatabaseSettings
from runtime.settings import Settings


class MaintenanceSettings(Settings):
    """What the process stands on."""

    database: DatabaseSettings = Field(description="With the DSN of the role lw_worker.")
    health_port: int = Field(0, ge=0, le=65535, description="Loopback port of /healthz and /metrics; 0: none.")
