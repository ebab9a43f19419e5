"""The edge node: births, data, deaths, and the sequence numbers that tie them together. Pure.

    connect(bdSeq) ──► will ┐
    births ──► NBIRTH seq 0, DBIRTH 1, 2 …     take (fresh), history (what waited) ──► DDATA     figures ──► NDATA
    a machine that is silent ──bury──► DDEATH, and DBIRTH when it answers again

A message gets its number when it is made, so whoever asks for messages must send them at once and in order; when
that fails the session is over, and the next one begins with births.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from edge_gateway.catalog import Numbering
from edge_gateway.sparkplug.machines import Machines
from edge_gateway.sparkplug.metric import ms, node_metric, tag_birth, tag_data
from edge_gateway.sparkplug.table import Row, Table
from protocols.sample import Columns
from protocols.sparkplug import payload
from protocols.sparkplug.datatype import DataType, Simple
from protocols.sparkplug.records import Metric, Payload
from protocols.sparkplug.topics import EdgeNode, Verb
from runtime.clock import Clock

BD_SEQ = "bdSeq"
REBIRTH = "Node Control/Rebirth"

_SEQ_END = 256
_METRICS_MOST = 500  # in one message: a long one would stop the polling while it is made

Figures = Mapping[str, Simple]


class Message(NamedTuple):
    """What is to be published; never retained."""

    topic: str
    payload: bytes
    qos: int = 0


class Node:
    """`figures`: what the node says of itself, each by its name. Construction tells nothing yet."""

    def __init__(self, name: EdgeNode, numbering: Numbering, figures: Figures, clock: Clock) -> None:
        self._name = name
        self._tags = numbering.catalog.tags
        self._table = Table(numbering.kinds[: len(self._tags)])
        self._machines = Machines(numbering)
        self._figures = dict(figures)
        self._clock = clock
        self._bd_seq = self._seq = 0
        self._born: set[str] = set()
        self.alive = False

    # Births and deaths

    def connect(self, bd_seq: int) -> Message:
        """A new session begins; its will."""
        self._bd_seq = bd_seq
        self.forget()
        return self.death()

    def forget(self) -> None:
        """There is no session: samples are taken note of, and nothing is to be sent."""
        self.alive = False
        self._born.clear()

    def death(self) -> Message:
        """NDEATH: only bdSeq, no number."""
        now_ms = self._now_ms()
        told = Payload(now_ms, (self._bd_seq_metric(now_ms),))
        return Message(self._name.topic(Verb.NDEATH), payload.encode(told), qos=1)

    def births(self, figures: Figures) -> Iterator[Message]:
        """NBIRTH, then DBIRTH of every machine that answers."""
        self._figures.update(figures)
        self.alive, self._seq = True, 0
        self._born.clear()
        now_ms = self._now_ms()
        rebirth = node_metric(REBIRTH, DataType.BOOLEAN, False, None, now_ms)  # noqa: FBT003
        told = (self._figure(name, value, now_ms) for name, value in self._figures.items())
        yield self._message(Verb.NBIRTH, None, (self._bd_seq_metric(now_ms), rebirth, *told))
        for machine in self._machines.names:
            if self._machines.answers(machine, self._table.code):
                yield self._birth(machine)

    def _birth(self, machine: str) -> Message:
        self._born.add(machine)
        now_ms = self._now_ms()
        tags = (self._tags[alias] for alias in self._machines.aliases[machine])
        metrics = (tag_birth(tag, self._table.now(tag.alias), now_ms) for tag in tags)
        return self._message(Verb.DBIRTH, machine, sorted(metrics, key=lambda metric: metric.timestamp_ms or 0))

    def bury(self) -> Iterator[Message]:
        """DDEATH of every machine that has gone silent."""
        for machine in sorted(self._born):
            if not self._machines.answers(machine, self._table.code):
                self._born.discard(machine)
                yield self._message(Verb.DDEATH, machine, ())

    # Data

    @property
    def heard_all(self) -> bool:
        """Every machine has said something, if only that it cannot be reached."""
        return self._machines.heard_all(self._table.code)

    def take(self, columns: Columns) -> Iterator[Message]:
        """Take note of samples that have just come; what is new in them, while there is a session."""
        rows = self._table.take(columns)
        return self._fresh(rows) if self.alive else iter(())

    def _fresh(self, rows: Sequence[Row]) -> Iterator[Message]:
        for machine, its_rows in self._machines.sorted_out(rows).items():
            if machine in self._born:
                yield from self._data(machine, its_rows)
                continue
            told = [row for row in its_rows if row.historical or self._machines.answers(machine, self._table.code)]
            if told:
                yield self._birth(machine)
                older = [row._replace(historical=True) for row in told if not self._is_newest(row)]
                yield from self._data(machine, older)

    def _is_newest(self, row: Row) -> bool:
        """The birth has told it."""
        now = self._table.now(row.alias)
        return (now.time_ns, now.value, now.code) == (row.time_ns, row.value, row.code)

    def history(self, columns: Columns) -> Iterator[Message]:
        """What was not sent when it came. A machine that is silent now is born for it; `bury` it in the end."""
        for machine, rows in self._machines.sorted_out(self._table.history(columns)).items():
            if machine not in self._born:
                yield self._birth(machine)
            yield from self._data(machine, rows)

    def _data(self, machine: str, rows: Sequence[Row]) -> Iterator[Message]:
        for start in range(0, len(rows), _METRICS_MOST):
            part = rows[start : start + _METRICS_MOST]
            yield self._message(Verb.DDATA, machine, [tag_data(self._tags[row.alias], row) for row in part])

    def figures(self, figures: Figures) -> Iterator[Message]:
        """NDATA with those of the node's own figures that have changed."""
        changed = {name: value for name, value in figures.items() if self._figures[name] != value}
        self._figures.update(changed)
        if changed and self.alive:
            now_ms = self._now_ms()
            metrics = [self._figure(name, value, now_ms) for name, value in changed.items()]
            yield self._message(Verb.NDATA, None, [_nameless(metric) for metric in metrics])

    # Making

    def _figure(self, name: str, value: Simple, now_ms: int) -> Metric:
        alias = 1 + list(self._figures).index(name)
        datatype = DataType.INT64 if isinstance(value, int) else DataType.STRING
        return node_metric(name, datatype, value, alias, now_ms)

    def _bd_seq_metric(self, now_ms: int) -> Metric:
        return node_metric(BD_SEQ, DataType.INT64, self._bd_seq, None, now_ms)

    def _message(self, verb: Verb, machine: str | None, metrics: Iterable[Metric]) -> Message:
        seq, self._seq = self._seq, (self._seq + 1) % _SEQ_END
        told = Payload(self._now_ms(), tuple(metrics), seq)
        is_birth = verb in {Verb.NBIRTH, Verb.DBIRTH}
        return Message(self._name.topic(verb, machine), payload.encode(told, with_datatypes=is_birth))

    def _now_ms(self) -> int:
        return ms(self._clock.now_ns())


def _nameless(metric: Metric) -> Metric:
    return Metric(datatype=metric.datatype, value=metric.value, alias=metric.alias, timestamp_ms=metric.timestamp_ms)
