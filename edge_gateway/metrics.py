"""What the gateway counts, for /metrics. A number that is not here cannot be asked for at three in the morning."""

from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np
from prometheus_client import Counter, Enum, Gauge, Histogram
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from edge_gateway.polling.freshness import TagState
from protocols.sample import Columns, quality_of, reason_of

_P = "linewright_gateway"

# Reading

READ_S = Histogram(
    f"{_P}_read_seconds",
    "Duration of one read operation.",
    ["endpoint"],
    buckets=(0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3),
)
LATENESS_S = Histogram(
    f"{_P}_poll_lateness_seconds",
    "From the time a poll was due to the begin of its first read.",
    ["endpoint"],
    buckets=(0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 5),
)
OVERRUNS = Counter(
    f"{_P}_overruns", "Polls skipped because the one before was still running.", ["endpoint", "period_s"]
)
ACHIEVED_PERIOD_S = Gauge(
    f"{_P}_achieved_period_seconds", "Mean time between the last reads of a poll group.", ["endpoint", "period_s"]
)
DEVICE_UP = Gauge(f"{_P}_device_up", "1 while the device answers.", ["device"])
DEVICE_LOSSES = Counter(f"{_P}_device_losses", "How often the device went silent.", ["device"])
LAST_GOOD_AGE_S = Gauge(f"{_P}_last_good_age_seconds", "Since the endpoint last gave a good value.", ["endpoint"])
OLDEST_TAG_AGE_S = Gauge(
    f"{_P}_oldest_tag_age_seconds", "Since the most neglected polled tag last had a good value.", ["endpoint"]
)
TAGS_NOT_GOOD = Gauge(f"{_P}_tags_not_good", "Tags whose newest sample is not good, or missing.", ["endpoint"])
RESTARTS = Counter(f"{_P}_task_restarts", "Tasks that failed and were started again.", ["task"])

# Shaping

WITHHELD = Counter(f"{_P}_withheld_samples", "Samples read and, as configured, not reported.", ["reason"])

# Keeping

SAMPLES = Counter(f"{_P}_samples", "Samples handed to the spool.", ["quality", "reason"])
BACK_PRESSURE = Counter(f"{_P}_back_pressure", "Reads that had to wait because the spool was behind.")
BATCHES = Counter(f"{_P}_batches", "Batches committed to the spool.")
COMMIT_S = Histogram(
    f"{_P}_commit_seconds", "Duration of a group commit.", buckets=(0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10)
)
SPOOL_BYTES = Gauge(f"{_P}_spool_bytes", "What the spool takes on disk.")
DROPPED_SAMPLES = Counter(f"{_P}_dropped_samples", "Samples that will never reach the cloud.", ["reason"])
DROPPED_BATCHES = Counter(f"{_P}_dropped_batches", "Batches that will never reach the cloud.", ["reason"])

# Delivering

CONNECTED = Gauge(f"{_P}_broker_connected", "1 while there is a connection to the broker.")
OPEN_BATCHES = Gauge(f"{_P}_open_batches", "Batches in the spool that the cloud has not receipted.")
OLDEST_OPEN_AGE_S = Gauge(f"{_P}_oldest_open_age_seconds", "Age of the oldest sample without a receipt.")
PUBLISHED = Counter(f"{_P}_published", "Batches handed to the broker.", ["lane"])
ACKNOWLEDGED = Counter(f"{_P}_acknowledged", "PUBACKs of the broker; they promise nothing.")
RECEIPTS = Counter(f"{_P}_receipts", "Receipts that came.", ["kind"])
RECEIPTED = Counter(f"{_P}_receipted_batches", "Batches that a receipt has covered.")
SPARKPLUG_ONLINE = Gauge(f"{_P}_sparkplug_online", "1 while the edge node is born.")
SPARKPLUG_MESSAGES = Counter(f"{_P}_sparkplug_messages", "Sparkplug messages handed to the broker.", ["verb"])
SPARKPLUG_WAITING = Gauge(f"{_P}_sparkplug_waiting_batches", "Batches that the Sparkplug host was not sent yet.")
SPARKPLUG_LOST = Counter(f"{_P}_sparkplug_lost_batches", "Batches that left the spool before they could be sent.")
SPARKPLUG_REFUSED = Counter(f"{_P}_sparkplug_refused_commands", "Values that a Sparkplug host wanted to write.")
CLOCK_STATE = Enum(
    f"{_P}_clock_state", "Whether anything disciplines the wall clock.", states=["unknown", "synced", "unsynced"]
)


def count_samples(batches: Iterable[Columns]) -> None:
    """Count samples by quality and reason."""
    codes = [column.code for columns in batches for column in columns]
    if codes:
        counts = np.bincount(np.concatenate(codes))
        for code in np.flatnonzero(counts).tolist():
            SAMPLES.labels(quality_of(code).name.lower(), reason_of(code)).inc(int(counts[code]))


class WorstTags(Collector):
    """The tags with something wrong, by name: asked for when somebody looks, and never more than a few."""

    def __init__(self, worst: Callable[[], Sequence[TagState]]) -> None:
        self._worst = worst

    def collect(self) -> Iterator[Metric]:
        family = GaugeMetricFamily(
            f"{_P}_tag_last_good_age_seconds",
            "Since the tag last had a good value; only tags that are not good or overdue, the 50 worst.",
            labels=["machine", "tag", "reason"],
        )
        for tag in self._worst():
            family.add_metric([tag.machine, tag.tag, tag.reason], tag.age_s)
        yield family
