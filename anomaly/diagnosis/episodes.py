"""Known faults as they come out of another system: stretches of rows with a label. Pure.

Table ──columns episode, label, tags──► Episode(name, label, rows in the order of the tags that are wanted)
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from anomaly.diagnosis import BadHistory
from anomaly.tables.table import Table

Float64s = NDArray[np.float64]

NAMES = ("episode", "label", "time")
ROWS_LEAST = 4
MEASURED_LEAST = 0.5


@dataclass(frozen=True, slots=True)
class Episode:
    """A known fault; `rows` [n, k] with the columns of the file that is diagnosed, NaN = missing."""

    name: str
    label: str
    rows: Float64s


def shared_tags(library: Table, file: Table, name: str) -> tuple[str, ...]:
    """The tags that both have, in the order of the library, so that the order in the file does not matter.

    Raises:
        BadHistory: they share none.
    """
    shared = tuple(tag for tag in library.names if tag in set(file.names))
    if not shared:
        raise BadHistory(
            f"{name} and the file have no column in common; {name} has {', '.join(library.names[:8])},"
            f" the file {', '.join(file.names[:8])}; rename the columns"
        )
    return shared


def measured_tags(library: Table, file: Table, tags: tuple[str, ...], train_rows: int) -> tuple[str, ...]:
    """Those tags of which at least half of the normal rows, and of the library, were measured.

    Raises:
        BadHistory: none is.
    """
    there = ~np.isnan(rows_of(file, tags)[:train_rows]), ~np.isnan(rows_of(library, tags))
    enough = np.min([part.mean(axis=0) for part in there], axis=0) >= MEASURED_LEAST
    kept = tuple(tag for tag, good in zip(tags, enough, strict=True) if good)
    if not kept:
        raise BadHistory("no column is measured in both the normal rows and the known faults; most cells are empty")
    return kept


def rows_of(table: Table, tags: tuple[str, ...]) -> Float64s:
    """The columns of the tags [n, k], in this order."""
    return np.asarray(table.values[:, [table.names.index(tag) for tag in tags]])


def episodes_of(table: Table, tags: tuple[str, ...], name: str) -> list[Episode]:
    """The episodes with a label, in the order in which they begin.

    Raises:
        BadHistory: a column is missing, an episode has two labels, or no episode has a label and rows enough.
    """
    episode, label = (_texts(table, which, name) for which in ("episode", "label"))
    values = rows_of(table, tags)
    places: dict[str, list[int]] = {}
    for at, key in enumerate(episode):
        if label[at].strip():
            places.setdefault(key.strip(), []).append(at)
    episodes = []
    for key, rows in places.items():
        labels = sorted({label[at].strip() for at in rows})
        if len(labels) > 1:
            line = table.lines[rows[0]]
            raise BadHistory(f"{name}, line {line}: episode {key!r} has the labels {', '.join(labels)}; one is wanted")
        if len(rows) >= ROWS_LEAST:
            episodes.append(Episode(key, labels[0], values[rows]))
    if not episodes:
        raise BadHistory(f"{name}: no episode has a label and at least {ROWS_LEAST} rows")
    return episodes


def _texts(table: Table, which: str, name: str) -> list[str]:
    for called, texts in table.texts.items():
        if called.strip().casefold() == which:
            return texts
    raise BadHistory(f"{name}, line 1: no column {which!r}; wanted are {', '.join(NAMES)} and the tags")
