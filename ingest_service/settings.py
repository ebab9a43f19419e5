"""What the ingest service may be told."""

from pydantic import Field

from database.settings import DatabaseSettings
from protocols.broker import BrokerSettings
from runtime.settings import Settings

MIB = 1 << 20


class GroupSettings(Settings):
    """A group is what one transaction commits; it closes at the first limit it reaches."""

    rows_most: int = Field(100_000, ge=1, description="Samples in a group.")
    bytes_most: int = Field(32 * MIB, ge=1, description="Decoded bytes in a group.")
    age_s: float = Field(0.1, ge=0, description="How long the first batch may wait for others.")


class CreditSettings(Settings):
    """How many batches a gateway may have in flight; a receipt tells it."""

    most: int = Field(512, ge=1, le=65536, description="While the database keeps up.")
    commit_target_s: float = Field(2.0, gt=0, description="A commit slower than this shrinks the window.")


class SubscriptionSettings(Settings):
    """What is taken from the broker before it is committed."""

    group: str = Field("ingest", pattern="^[a-z0-9-]{1,64}$", description="Name of the shared subscription.")
    messages_most: int = Field(1000, ge=1, le=65535, description="Unacknowledged messages held.")
    bytes_most: int = Field(64 * MIB, ge=1, description="Their bytes; one message may go beyond.")


class IngestSettings(Settings):
    """One ingest process; any number of them share the work."""

    broker: BrokerSettings = BrokerSettings()
    database: DatabaseSettings
    subscription: SubscriptionSettings = SubscriptionSettings()
    group: GroupSettings = GroupSettings()
    credit: CreditSettings = CreditSettings()
    lanes: int = Field(2, ge=1, le=16, description="Groups written at the same time; each takes a connection.")
    worker: str = Field("ingest-1", pattern="^[a-z0-9-]{1,23}$", description="Name of this process at the broker.")
    catalog_wait_s: float = Field(5.0, ge=0, description="How long a batch waits for the catalog that names its tags.")
    retention_days: int | None = Field(None, ge=1, description="Samples that arrived before are dropped; unset: never.")
    health_port: int = Field(0, ge=0, le=65535, description="Port of /metrics and /healthz; 0: none.")
