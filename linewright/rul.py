"""Files of `linewright rul`: tables with units in, models in and out, forecasts out."""

import contextlib
import csv
import io
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anomaly.life import LifeError
from anomaly.life.histories import History, histories
from anomaly.life.model import Forecast, LifeModel
from anomaly.life.model_file import load_model
from anomaly.tables import BadTable, Table, read_table
from linewright import LinewrightError

_NS_PER_HOUR = 3.6e12
_COLUMNS = ("unit", "rul", "lower", "upper", "unfamiliar", "reason")


class BadFile(LinewrightError):
    """A file of remaining life cannot be read or written; the message says which and why."""


@dataclass(frozen=True, slots=True)
class Units:
    """The rows of a file by unit; `names` of the columns of numbers; `clock` says what its times count."""

    names: tuple[str, ...]
    histories: list[History]
    clock: str


def read(path: Path, unit: str, time: str) -> Units:
    """Read a table with a column for the unit and one for the time. Raises BadFile."""
    try:
        table = read_table(path, time=time, text=(unit,))
    except BadTable as error:
        raise BadFile(str(error)) from error
    if unit not in table.texts:
        raise BadFile(f"{path.name}, line 1: no column {unit!r}; name the one with the units by --unit")
    moments, clock = _times(table)
    with about(path):
        return Units(table.names, histories(table.texts[unit], moments, table.values), clock)


@contextlib.contextmanager
def about(path: Path) -> Iterator[None]:
    """Errors of the block name the file. Raises BadFile."""
    try:
        yield
    except LifeError as error:
        raise BadFile(f"{path.name}: {error}") from error


def _times(table: Table) -> tuple[NDArray[np.float64], str]:
    """Plain numbers as they stand, dates as hours since the first."""
    try:
        return np.array(table.time_text, float), "a unit of the file"
    except ValueError:
        return (table.time_ns - table.time_ns.min()) / _NS_PER_HOUR, "hours"


def origin(path: Path, units: Units) -> dict[str, Any]:
    """What the card says about where a model comes from."""
    return {"file": path.name, "clock": units.clock, "trained_at": datetime.now(UTC).isoformat(timespec="seconds")}


def load(path: Path) -> LifeModel:
    """The model in a file. Raises BadFile."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise BadFile(f"{path}: {error.strerror or error}") from error
    with about(path):
        return load_model(content)


def write(path: Path, content: bytes) -> None:
    """Write a file. Raises BadFile."""
    try:
        path.write_bytes(content)
    except OSError as error:
        raise BadFile(f"{path}: {error.strerror or error}") from error


def forecasts(model: LifeModel, path: Path, units: Units) -> list[Forecast]:
    """What the model says about every unit of a file. Raises BadFile."""
    clock = model.card.get("clock", units.clock)
    if clock != units.clock:
        raise BadFile(f"{path.name}: times count {units.clock}, those of the training {clock}: give both in one way")
    with about(path):
        return [model.forecast(model.fitting(units.names, one)) for one in units.histories]


def csv_of(forecasts: Iterable[Forecast]) -> str:
    """One line a unit; a number that is unknown is empty."""
    memory = io.StringIO()
    writer = csv.writer(memory, lineterminator="\n")
    writer.writerow(_COLUMNS)
    for one in forecasts:
        numbers = ["" if math.isnan(number) else f"{number:.6g}" for number in (one.rul, one.lower, one.upper)]
        writer.writerow([one.unit, *numbers, int(one.unfamiliar), one.reason])
    return memory.getvalue()
