"""Records of which every field is an array with a row a row: joined, picked, and the tags of a row as numbers. Pure."""

from collections.abc import Sequence
from dataclasses import fields
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from anomaly.detectors.state import Arrays

TOP = 5
Tags = NDArray[np.int16]  # [n, TOP], root first, -1 behind the last
Record = TypeVar("Record")


def no_tags(rows: int) -> Tags:
    """Rows without tags."""
    return np.full((rows, TOP), -1, np.int16)


def tag_row(tags: Sequence[int]) -> Tags:
    """[TOP] from at most so many of `tags`."""
    row = np.full(TOP, -1, np.int16)
    first = list(tags)[:TOP]
    row[: len(first)] = first
    return row


def arrays_of(record: Any) -> Arrays:
    """The fields by name."""
    return {field.name: getattr(record, field.name) for field in fields(record)}


def joined(records: Sequence[Record]) -> Record:
    """Those of consecutive rows as one."""
    columns = [arrays_of(record) for record in records]
    return type(records[0])(**{name: np.concatenate([one[name] for one in columns]) for name in columns[0]})


def picked(record: Record, rows: NDArray[Any] | slice) -> Record:
    """Some rows, in the order wanted."""
    return type(record)(**{name: array[rows] for name, array in arrays_of(record).items()})
