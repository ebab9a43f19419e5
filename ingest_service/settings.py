"""What the ingest service may be told."""

from pathlib import Path

from pydantic import Field

from database.settings import DatabaseSettings
from ingest_service.mapping.settings import ForeignSettings
from ingest_service.sparkplug.settings import SparkplugSettings
from protocols.broker import BrokerSettings
from runtime.settings import Settings

MIB = 1 << 20


class GroupSettings(Settings):
    """A group is what one transaction commits; it closes at the first limit it reaches."""

    rows_most: int = Field(250_000, ge=1, description="Samples in a group.")
    bytes_most: int = Field(32 * MIB, ge=1, description="Decoded bytes in a group.")
    age_s: float = Field(0.1, ge=0, description="How long the first batch waits for others; longer under load only.")


class CreditSettings(Settings):
    """How many batches a gateway may have in flight; a receipt tells it."""

    most: int = Field(512, ge=1, le=65536, description="While the database keeps up.")
    commit_target_s: float = Field(2.0, gt=0, description="A commit slower than this shrinks the window.")


class SubscriptionSettings(Settings):
    """What is taken from the broker before it is committed."""

    group: str = Field("ingest", pattern="^[a-z0-9-]{1,64}$", description="Name of the shared subscription.")
    messages_most: int = Field(1000, ge=1, le=65535, description="Unacknowledged messages held.")
    bytes_most: int = Field(64 * MIB, ge=1, description="Their bytes; one message may go beyond.")


class RedeliverySettings(Settings):
    """How long a repeated sample of a source without a sequence (JSON, Sparkplug) is recognised."""

    window_s: float = Field(3600, ge=60, description="The same series, time, value and quality is dropped this long.")
    hashes_most: int = Field(
        4_000_000, ge=1000, description="Samples remembered in memory, 8 bytes each; more shorten the window."
    )


class TenantQuota(Settings):
    """What one tenant may send through one ingest process."""

    samples_per_s: float = Field(1_000_000, gt=0, description="On average over a minute; more waits in the spools.")
    batches_held: int | None = Field(None, ge=1, description="Taken and not committed yet; unset: no bound of its own.")


class QuotaSettings(Settings):
    """So that one tenant's flood is not the others' drought. The default bites nobody."""

    each: TenantQuota = TenantQuota()
    tenants: dict[str, TenantQuota] = Field({}, description="By slug, for those that are not like the others.")


class KeepSettings(Settings):
    """How long ingest keeps what is not samples."""

    letters_days: int = Field(90, ge=1, description="Dead letters: payloads that could not be stored.")
    letters_bytes_most: int = Field(1024 * MIB, ge=MIB, description="All of them together; the oldest go first.")
    quarantine_days: int = Field(90, ge=1, description="Single samples that were set aside.")
    batches_days: int = Field(
        30, ge=4, description="Hashes that tell a repeated batch from a clone's; gateways repeat for up to 72 h."
    )
    waveforms_days: int | None = Field(None, ge=1, description="Bursts, by the time they began; unset: for ever.")
    runs_days: int = Field(
        400, ge=30, description="Numbers of runs not heard since; what is repeated later than that is stored twice."
    )


class DiskSettings(Settings):
    """When ingest stops taking, so that the database's disk is never full; gateways keep what is not taken."""

    free_least_bytes: int = Field(1024 * MIB, ge=0, description="Free on the disk of the data; the larger one counts.")
    free_least_percent: float = Field(2.0, ge=0, lt=100, description="The same as a part of that disk.")
    folder: Path | None = Field(
        None, description="A folder on that disk, where the database does not tell; unset: it is asked."
    )
    database_bytes_most: int | None = Field(
        None, ge=MIB, description="Largest size of the database, for one on another machine; unset: no bound."
    )


class IngestSettings(ForeignSettings):
    """One ingest process; any number of them share the work."""

    broker: BrokerSettings = BrokerSettings()
    database: DatabaseSettings
    subscription: SubscriptionSettings = SubscriptionSettings()
    group: GroupSettings = GroupSettings()
    credit: CreditSettings = CreditSettings()
    quota: QuotaSettings = QuotaSettings()
    redelivery: RedeliverySettings = RedeliverySettings()
    keep: KeepSettings = KeepSettings()
    disk: DiskSettings = DiskSettings()
    sparkplug: SparkplugSettings = SparkplugSettings()
    lanes: int = Field(2, ge=1, le=16, description="Groups written at the same time; each takes a connection.")
    worker: str = Field("ingest-1", pattern="^[a-z0-9-]{1,23}$", description="Name of this process at the broker.")
    catalog_wait_s: float = Field(5.0, ge=0, description="How long a batch waits for the catalog that names its tags.")
    health_port: int = Field(0, ge=0, le=65535, description="Port of /metrics and /healthz; 0: none.")
