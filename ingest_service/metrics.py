"""What the ingest service counts, for /metrics."""

from prometheus_client import Counter, Gauge, Histogram

ROWS = Counter("linewright_ingest_rows", "Samples committed")
BATCHES = Counter("linewright_ingest_batches", "Batches by what became of them", ["verdict"])
DEAD_LETTERS = Counter("linewright_ingest_dead_letters", "Payloads that can never be stored", ["reason"])
UNMAPPED = Counter("linewright_ingest_unmapped_values", "Values of foreign messages not stored", ["mapping", "reason"])
QUARANTINED = Counter("linewright_ingest_quarantined_samples", "Samples set aside", ["reason"])
REPEATED_SAMPLES = Counter("linewright_ingest_repeated_samples", "Dropped: a source without a sequence sent them again")
OVER_QUOTA = Counter("linewright_ingest_over_quota", "Batches not taken: their tenant sends too much", ["tenant"])
FORGOTTEN = Counter("linewright_ingest_forgotten_rows", "Old rows deleted", ["kind"])
RANGES = Gauge("linewright_ingest_ranges_most", "Most ranges of a run in the last group; above 256 something is wrong")
RELEASED = Counter("linewright_ingest_released_messages", "Left to the spools because gateway or catalog is unknown")
RECEIPTS_DROPPED = Counter("linewright_ingest_receipts_dropped", "Receipts that could not be sent; repeated on demand")
GROUP_ROWS = Histogram(
    "linewright_ingest_group_rows", "Samples in a group", buckets=(100, 1_000, 5_000, 20_000, 50_000, 100_000, 250_000)
)
COMMIT_SECONDS = Histogram("linewright_ingest_commit_seconds", "Time of a group's transaction")
LAG_SECONDS = Gauge("linewright_ingest_lag_seconds", "Age of the newest sample of the last group at its commit")
CREDIT = Gauge("linewright_ingest_credit_batches", "Credit window told to gateways")
DISK_LEFT = Gauge("linewright_ingest_disk_left_bytes", "Room for the database's data", ["place"])
DISK_LOW = Gauge("linewright_ingest_disk_low", "1 while nothing is taken because there is no room")
HELD = Gauge("linewright_ingest_queue_fill", "How full the queue of unacknowledged messages is, 0 to 1")
