"""What the gateway counts, for /metrics. A number that is not here cannot be asked for at three in the morning."""

from prometheus_client import Counter, Gauge, Histogram

_P = "linewright_gateway"

SAMPLES = Counter(f"{_P}_samples", "Samples handed to the spool.", ["quality"])
BATCHES = Counter(f"{_P}_batches", "Batches committed to the spool.")
SPOOL_BYTES = Gauge(f"{_P}_spool_bytes", "What the spool takes on disk.")
OPEN_BATCHES = Gauge(f"{_P}_open_batches", "Batches in the spool that the cloud has not receipted.")
OLDEST_OPEN_AGE_S = Gauge(f"{_P}_oldest_open_age_seconds", "Age of the oldest sample without a receipt.")
COMMIT_S = Histogram(
    f"{_P}_commit_seconds", "Duration of a group commit.", buckets=(0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10)
)
OVERRUNS = Counter(f"{_P}_overruns", "Polls skipped because the one before was still running.", ["endpoint"])
BACK_PRESSURE = Counter(f"{_P}_back_pressure", "Reads that had to wait because the spool was behind.")
DROPPED_SAMPLES = Counter(f"{_P}_dropped_samples", "Samples that will never reach the cloud.", ["reason"])
DROPPED_BATCHES = Counter(f"{_P}_dropped_batches", "Batches that will never reach the cloud.", ["reason"])
RESTARTS = Counter(f"{_P}_task_restarts", "Tasks that failed and were started again.", ["task"])
READ_S = Histogram(
    f"{_P}_read_seconds",
    "Duration of one read operation.",
    ["endpoint"],
    buckets=(0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3),
)
LAST_GOOD_AGE_S = Gauge(f"{_P}_last_good_age_seconds", "Since the endpoint last gave a good value.", ["endpoint"])
PUBLISHED = Counter(f"{_P}_published", "Batches handed to the broker.", ["lane"])
ACKNOWLEDGED = Counter(f"{_P}_acknowledged", "PUBACKs of the broker; they promise nothing.")
RECEIPTS = Counter(f"{_P}_receipts", "Receipts that came.", ["kind"])
RECEIPTED = Counter(f"{_P}_receipted_batches", "Batches that a receipt has covered.")
CONNECTED = Gauge(f"{_P}_broker_connected", "1 while there is a connection to the broker.")
