"""A host under test with its clock in hand, and an edge node that says what it is told to say."""

from collections.abc import Iterable

from ingest_service.delivery import Message
from ingest_service.reading import Reading
from ingest_service.sparkplug.host import Host
from ingest_service.sparkplug.reader import SparkplugReader
from ingest_service.sparkplug.settings import SparkplugSettings
from protocols.sample import Quality, Sample, samples
from protocols.sparkplug.datatype import DataType
from protocols.sparkplug.payload import encode
from protocols.sparkplug.records import Metric, Payload
from protocols.sparkplug.topics import EdgeNode, Verb
from runtime.clock import ManualClock

T = 1_700_000_000_000  # ms, ManualClock's beginning
NS_PER_MS = 1_000_000
REBIRTH = "Node Control/Rebirth"
NODE_CONTROL = Metric(REBIRTH, DataType.BOOLEAN, value=False, timestamp_ms=T)


class Plant:
    """The host, read through the seam; `asked` lists whom it asked for a rebirth since the last look."""

    def __init__(self, **settings: object) -> None:
        self.clock = ManualClock()
        self.host = Host(SparkplugSettings.model_validate({"host_id": "lw", **settings}), self.clock)
        self.reader = SparkplugReader(self.host, ())

    def reading(self, message: Message) -> Reading | None:
        assert self.reader.takes(message.topic)
        return self.reader.read(message)

    def stored(self, message: Message) -> list[Sample]:
        """What this message adds, as samples of `machine/tag`, by tag and time."""
        reading = self.reading(message)
        if reading is None:
            return []
        assert reading.content.refusal is None
        batch = reading.content.batch
        assert batch
        names = {alias: "/".join(name) for alias, name in enumerate(batch.names)}
        return sorted(samples(batch.columns, names))

    def asked(self) -> list[str]:
        return [topic for topic, _ in self.host.requests()]


class Edge:
    """Numbers its messages as it should; `skip` leaves numbers out."""

    def __init__(self, name: str = "line-1", group: str = "plant", bd_seq: int | None = 0) -> None:
        self.node = EdgeNode(group, name)
        self.bd_seq = bd_seq
        self.seq = 0

    def _next(self) -> int:
        self.seq = (self.seq + 1) % 256
        return self.seq

    def skip(self, count: int = 1) -> None:
        for _ in range(count):
            self._next()

    def message(self, verb: Verb, payload: Payload, device: str | None = None) -> Message:
        told = encode(payload, with_datatypes=verb in {Verb.NBIRTH, Verb.DBIRTH, Verb.NDEATH})
        return Message(self.node.topic(verb, device), told)

    def nbirth(self, *metrics: Metric) -> Message:
        self.seq = 0
        own = () if self.bd_seq is None else (Metric("bdSeq", DataType.INT64, self.bd_seq, timestamp_ms=T),)
        return self.message(Verb.NBIRTH, Payload(T, (*own, NODE_CONTROL, *metrics), self.seq))

    def ndeath(self, bd_seq: int | None = None) -> Message:
        told = Metric("bdSeq", DataType.INT64, self.bd_seq if bd_seq is None else bd_seq)
        return self.message(Verb.NDEATH, Payload(None, (told,)))

    def ndata(self, *metrics: Metric) -> Message:
        return self.message(Verb.NDATA, Payload(T, metrics, self._next()))

    def dbirth(self, device: str, *metrics: Metric) -> Message:
        return self.message(Verb.DBIRTH, Payload(T, metrics, self._next()), device)

    def ddata(self, device: str, *metrics: Metric) -> Message:
        return self.message(Verb.DDATA, Payload(T, metrics, self._next()), device)

    def ddeath(self, device: str, at_ms: int = T) -> Message:
        return self.message(Verb.DDEATH, Payload(at_ms, (), self._next()), device)

    @property
    def rebirth_topic(self) -> str:
        return self.node.topic(Verb.NCMD)


def speed(value: float | None = 1450.0, at_ms: int = T, alias: int | None = 1, name: str | None = "speed") -> Metric:
    """A number with alias, as a birth tells it."""
    return Metric(name, DataType.DOUBLE, value, alias=alias, timestamp_ms=at_ms)


def data(value: float | None, at_ms: int = T, alias: int = 1) -> Metric:
    """The same in a DATA message: alias only."""
    return speed(value, at_ms, alias, name=None)


def values(listed: Iterable[Sample]) -> dict[str, object]:
    return {sample.tag: sample.value for sample in listed}


def bad_tags(listed: Iterable[Sample]) -> set[str]:
    return {sample.tag for sample in listed if sample.code >> 8 == Quality.BAD}
