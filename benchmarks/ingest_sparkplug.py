"""Sparkplug B decode: DDATA of a device with aliases → named columns, as the host does it; metrics/s of one core.

The peer is what a record for each metric costs: our own codec's general way, which births go.
"""

import itertools
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from statistics import median
from time import process_time

from benchmarks.figures import figure
from ingest_service.delivery import Message
from ingest_service.sparkplug.host import Host
from ingest_service.sparkplug.reader import SparkplugReader
from ingest_service.sparkplug.settings import SparkplugSettings
from protocols.sparkplug.datatype import INTEGERS, DataType
from protocols.sparkplug.payload import decode, encode
from protocols.sparkplug.records import Metric, Payload
from protocols.sparkplug.topics import EdgeNode, Verb
from runtime.clock import SystemClock

METRICS = 500
ROUNDS = 5
_T = 1_700_000_000_000
_TYPES = (DataType.DOUBLE, DataType.FLOAT, DataType.INT32, DataType.UINT16, DataType.INT64)
_NODE = EdgeNode("plant", "line-1")


def main(bench: str = "ingest") -> None:
    """Tell the rates."""
    for name, types in (("", (DataType.DOUBLE,)), ("_mixed", _TYPES)):
        ours, records = host_rate(types), record_rate(types)
        figure(
            bench, f"decode_sparkplug{name}_metrics_per_s", ours, "metrics/s",
            peer="a record for each metric", ratio=ours / records,
        )  # fmt: skip


def host_rate(types: tuple[DataType, ...]) -> float:
    """From the message to the batch that is stored."""
    reader = SparkplugReader(Host(SparkplugSettings(), SystemClock()), ())
    born = reader.read(Message(_NODE.topic(Verb.NBIRTH), encode(Payload(_T, tuple(_metrics(types, 0)), 0))))
    assert born
    assert born.content.batch
    assert born.content.batch.count == METRICS
    topic = _NODE.topic(Verb.NDATA)
    messages = [Message(topic, payload) for payload in _payloads(types)]
    return _rate([partial(reader.read, message) for message in messages])


def record_rate(types: tuple[DataType, ...]) -> float:
    """The same payloads as records."""
    return _rate([partial(decode, payload) for payload in _payloads(types)])


def _rate(calls: Sequence[Callable[[], object]]) -> float:
    """Time of the processor, median over some rounds: other processes do not count."""
    times_s = []
    for _ in range(ROUNDS):
        begun_s = process_time()
        for call in calls:
            call()
        times_s.append(process_time() - begun_s)
    return len(calls) * METRICS / median(times_s)


def _payloads(types: tuple[DataType, ...]) -> list[bytes]:
    """A full round of sequence numbers, so that they can be read again and again."""
    return [
        encode(
            Payload(_T + turn, tuple(_metrics(types, turn + 1, named=False)), (turn + 1) % 256), with_datatypes=False
        )
        for turn in range(256)
    ]


def _metrics(types: tuple[DataType, ...], turn: int, *, named: bool = True) -> Iterator[Metric]:
    for alias, datatype in zip(range(METRICS), itertools.cycle(types), strict=False):
        value = alias + turn + 1 if datatype in INTEGERS else alias * 1.5 + turn + 1
        yield Metric(f"Inputs/{alias}" if named else None, datatype, value, alias=alias, timestamp_ms=_T + turn)


if __name__ == "__main__":
    main()
