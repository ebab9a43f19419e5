"""Settings of the anomaly process: TOML section or `LINEWRIGHT_…` → AnomalySettings."""

from datetime import time
from zoneinfo import ZoneInfo

from pydantic import Field, field_validator

from database.settings import DatabaseSettings
from ingest_service.settings import SubscriptionSettings
from protocols.broker import BrokerSettings
from runtime.settings import Settings


class AnomalySettings(Settings):
    """What the process stands on. One process evaluates: its detectors remember what they have seen."""

    broker: BrokerSettings = BrokerSettings()
    database: DatabaseSettings = Field(description="With the DSN of the role lw_worker.")
    subscription: SubscriptionSettings = SubscriptionSettings(group="anomaly")
    worker: str = Field("anomaly-1", pattern="^[a-z0-9-]{1,23}$", description="Name of this process at the broker.")
    catalog_wait_s: float = Field(5.0, ge=0, description="How long a batch waits for the catalog that names its tags.")
    reload_s: float = Field(30.0, gt=0, description="How soon changed limits and shelvings that ran out are noticed.")
    save_s: float = Field(60.0, gt=0, description="How often the detectors' states are saved.")
    health_port: int = Field(0, ge=0, le=65535, description="Loopback port of /metrics and /healthz; 0: none.")
    evaluate_at: str = Field(
        "02:30",
        pattern="^([01][0-9]|2[0-3]):[0-5][0-9]$",
        description="Local time after which the verdicts of the last 90 days are evaluated, once a day.",
    )
    time_zone: str = Field("", description="Of the plant, such as Asia/Shanghai; empty: that of this computer.")

    @field_validator("time_zone")
    @classmethod
    def _known(cls, name: str) -> str:
        try:
            return name and ZoneInfo(name).key
        except KeyError as error:
            raise ValueError("is no time zone of this computer; write it as Asia/Shanghai") from error

    @property
    def evaluate_time(self) -> time:
        return time.fromisoformat(self.evaluate_at)

    @property
    def zone(self) -> ZoneInfo | None:
        return ZoneInfo(self.time_zone) if self.time_zone else None
