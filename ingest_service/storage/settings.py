"""What the packer may be told."""

from pydantic import Field

from database.settings import DatabaseSettings
from runtime.settings import Settings


class SliceSettings(Settings):
    """A slice of arrival is what becomes packs at once; it is closed at the first limit it reaches."""

    age_s: int = Field(600, ge=60, le=3600, description="How long hot rows wait to be packed, at most.")
    rows: int = Field(500_000, ge=1, description="Hot rows that are packed without waiting, at the next full minute.")


class RetentionSettings(Settings):
    """How long telemetry is kept, by the time at which it was measured; unset: for ever."""

    samples_days: int | None = Field(None, ge=1, description="Samples; their rollups stay.")
    rollups_days: int | None = Field(None, ge=1, description="Rollups, and with them the samples.")
    texts_days: int | None = Field(None, ge=1, description="Samples of text.")


class PackSettings(Settings):
    """The packer; one works, others wait."""

    database: DatabaseSettings = Field(description="With the DSN of lw_ingest.")
    slice: SliceSettings = SliceSettings()
    retention: RetentionSettings = RetentionSettings()
    merge_after_s: int = Field(
        900, ge=60, description="How long an hour must have been over, and without late data, before it is merged."
    )
    health_port: int = Field(0, ge=0, le=65535, description="Port of /metrics and /healthz; 0: none.")
