"""How fast one core turns payloads into columns: ours and Sparkplug B, messages of 500 values."""

import statistics
import time
from collections.abc import Callable
from dataclasses import replace
from uuid import uuid4

from benchmarks.figures import figure
from ingest_service.sparkplug.columns import columns_of
from ingest_service.sparkplug.table import Table, known_of, tags_of
from protocols.sparkplug import payload as sparkplug
from protocols.sparkplug.datatype import DataType
from protocols.sparkplug.records import Metric, Payload
from protocols.topics import Up
from protocols.wire.decode import decode
from simulators.fleet.payloads import Payloads
from simulators.fleet.plan import FleetPlan

_VALUES = 500
_TIMES = 3000


def decode_rates(bench: str) -> None:
    plan = FleetPlan(gateways=1, tags=_VALUES, scans_in_batch=1, exact=True)
    data, topic = Payloads(plan).batch(0, 0, uuid4(), 1), plan.address(0).up(Up.DATA)
    figure(bench, "decode_samples_per_s", _VALUES / _median_s(lambda: decode(topic, data)), "samples/s")
    figure(bench, "sparkplug_metrics_per_s", _VALUES / _median_s(_sparkplug()), "metrics/s")


def _sparkplug() -> Callable[[], object]:
    """A DATA message by alias, of a device whose birth is known."""
    birth = tuple(
        Metric(name=f"line/{row}", alias=row + 1, datatype=DataType.DOUBLE, value=row / 10, timestamp_ms=1)
        for row in range(_VALUES)
    )
    table = Table("machine", known_of(birth), tags_of(birth))
    changed = tuple(replace(metric, name=None) for metric in birth)
    data = sparkplug.encode(Payload(timestamp_ms=1, metrics=changed, seq=1), with_datatypes=False)
    return lambda: columns_of(sparkplug.parse(data), table)


def _median_s(work: Callable[[], object]) -> float:
    took = []
    for _ in range(_TIMES):
        started = time.perf_counter()
        work()
        took.append(time.perf_counter() - started)
    return statistics.median(took)
