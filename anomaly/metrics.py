"""What this process counts, for /metrics."""

from prometheus_client import Counter, Gauge, Histogram

EVALUATED = Counter("linewright_anomaly_samples", "Samples given to the detectors.")
IGNORED = Counter("linewright_anomaly_ignored", "Samples (unknown, undecodable: batches) not evaluated.", ["reason"])
CHANGES = Counter("linewright_anomaly_changes", "Cases raised, grown and cleared.", ["action", "source"])
DELAY = Histogram(
    "linewright_anomaly_delay_seconds", "From the deciding sample to the stored alarm.",
    buckets=(0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 30),
)  # fmt: skip
MACHINES = Gauge("linewright_anomaly_machines", "Machines under watch.")
VERDICTS = Counter("linewright_anomaly_verdicts", "What people found.", ["source", "verdict"])
RESTARTS = Counter("linewright_anomaly_restarts", "Times a task failed and was started again.", ["task"])
