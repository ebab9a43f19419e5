"""What a birth says: its metrics as tags, and arrays that lead from an alias to its tag without a dictionary. Pure.

    birth ──tags_of──► BirthTag … ──Table──► row i of the table = alias i of our batches
                                             one table until the next birth, so it is looked up once

Rows beyond the tags do not exist: SLOW is a metric that has no row of its own (a template), UNKNOWN is none of ours.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ingest_service.sparkplug.rebirths import DEVICE_REBIRTH, REBIRTH
from ingest_service.sparkplug.shown import kind_of, leaves, unit_of
from protocols.naming import slug
from protocols.sample import ValueKind
from protocols.sparkplug.datatype import INTEGERS, SIMPLE, DataType
from protocols.sparkplug.records import Metric, Template
from protocols.wire.catalog import TITLE_LETTERS_MOST, Catalog, CatalogTag

SLOW = -1
UNKNOWN = -2
BD_SEQ = "bdSeq"
_CONTROLS = tuple(name.partition("/")[0] + "/" for name in (REBIRTH, DEVICE_REBIRTH))

Name = tuple[str, str]


class BirthTag(NamedTuple):
    """A tag that a birth announces; `path` is the metric's name, with the member's behind it in a template."""

    path: str
    datatype: DataType
    unit: str


@dataclass(frozen=True, slots=True)
class Known:
    """What a birth says of a metric of the wire, whether it is one tag, several or none."""

    name: str
    datatype: DataType
    alias: int | None


def known_of(metrics: Iterable[Metric]) -> Iterator[Known]:
    """The metrics that data may come for."""
    for metric in metrics:
        if metric.name and metric.datatype:
            yield Known(metric.name, metric.datatype, metric.alias)


def tags_of(metrics: Iterable[Metric]) -> Iterator[BirthTag]:
    """The metrics that are tags: no controls, nothing transient, no definitions."""
    for metric in metrics:
        if not metric.name or metric.name == BD_SEQ or metric.name.startswith(_CONTROLS) or metric.is_transient:
            continue
        if isinstance(metric.value, Template) and metric.value.is_definition:
            continue
        for path, leaf in leaves(metric, metric.name):
            if leaf.datatype and not leaf.is_transient:
                yield BirthTag(path, leaf.datatype, unit_of(leaf.properties))


class Table:
    """The tags of one birth of an edge node or a device."""

    def __init__(self, title: str, known: Iterable[Known], tags: Iterable[BirthTag]) -> None:
        """`title` is what the plant calls the machine."""
        by_path = {tag.path: tag for tag in tags}
        self.title = title
        self.tags = list(by_path.values())
        self.row_of = {path: row for row, path in enumerate(by_path)}
        self.names: tuple[Name, ...] = tuple((slug(title), slug(tag.path)) for tag in self.tags)
        self.kinds = [kind_of(tag.datatype) for tag in self.tags]
        self.known = {metric.name: metric for metric in known}
        self.name_of = {metric.alias: metric.name for metric in self.known.values() if metric.alias is not None}
        self.aliases = np.array(sorted(self.name_of), np.uint64)
        self.row_of_name = {name: self.row_of.get(name, SLOW) for name in self.known}
        self._rows = np.array([self.row_of_name[self.name_of[int(alias)]] for alias in self.aliases], np.int64)
        self.field = np.array([_field(tag.datatype) for tag in self.tags], np.uint8)
        self.bits = np.array([_bits(tag.datatype) for tag in self.tags], np.int64)
        self.is_float = np.array([kind is ValueKind.FLOAT for kind in self.kinds], bool)

    @property
    def can_be_born_alone(self) -> bool:
        """Whether this device takes a rebirth request of its own."""
        control = self.known.get(DEVICE_REBIRTH)
        return control is not None and control.datatype is DataType.BOOLEAN

    def catalog(self) -> Catalog:
        """All tags for the registry, with the names that the plant gave them."""
        listed = zip(self.tags, self.names, self.kinds, strict=True)
        tags = [
            CatalogTag(
                alias=row, machine=machine, tag=name, kind=kind.name.lower(), unit=tag.unit,
                machine_title=_title(self.title), title=_title(tag.path),
            )
            for row, (tag, (machine, name), kind) in enumerate(listed)
        ]  # fmt: skip
        return Catalog(revision=0, tags=tags)

    def rows_of(self, aliases: NDArray[np.uint64]) -> NDArray[np.int64]:
        """The row of every alias, SLOW or UNKNOWN."""
        if not len(self.aliases):
            return np.full(len(aliases), UNKNOWN, np.int64)
        places = np.minimum(np.searchsorted(self.aliases, aliases), len(self.aliases) - 1)
        return np.where(self.aliases[places] == aliases, self._rows[places], UNKNOWN)


def _title(text: str) -> str:
    """As it is shown; PostgreSQL has no zero in a text."""
    return text.replace("\0", "")[:TITLE_LETTERS_MOST]


# Which field of the wire a datatype stands in; what is not here goes the slow way.
INT, LONG, FLOAT, DOUBLE, BOOLEAN, STRING, OTHER = range(7)
_FIELDS = {
    DataType.INT64: LONG,
    DataType.UINT64: LONG,
    DataType.DATETIME: LONG,
    DataType.FLOAT: FLOAT,
    DataType.DOUBLE: DOUBLE,
    DataType.BOOLEAN: BOOLEAN,
    DataType.STRING: STRING,
    DataType.TEXT: STRING,
    DataType.UUID: STRING,
}


def _field(datatype: DataType) -> int:
    if datatype not in SIMPLE:
        return OTHER
    return _FIELDS.get(datatype, INT)


def _bits(datatype: DataType) -> int:
    """Width of an integer, negative where it has a sign; 0 for all others."""
    integer = INTEGERS.get(datatype)
    if integer is None:
        return 0
    return -integer.bits if integer.signed else integer.bits
