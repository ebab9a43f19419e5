"""Files of one burst: .npy, .npz or a table with one column become an array; anything else is told plainly.

out.npy │ out.npz │ out.csv ──read_wave──► numbers [n]
"""

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from linewright import LinewrightError


class BadWaveFile(LinewrightError):
    """The file holds no burst that can be read."""


def read_wave(path: Path, column: str | None = None) -> NDArray[Any]:
    """The numbers of a burst; `column` names an array of an .npz or a column of a table that has several.

    Raises:
        BadWaveFile: no such file, damaged, several columns and none named, or no numbers.
        BadTable: a table that cannot be read.
    """
    if not path.is_file():
        raise BadWaveFile(f"{path}: no such file")
    if path.suffix.lower() in {".npy", ".npz"}:
        return _numpy(path, column)
    return _table(path, column)


def _numpy(path: Path, column: str | None) -> NDArray[Any]:
    try:
        loaded = np.load(path, allow_pickle=False)
        if isinstance(loaded, np.ndarray):
            values = loaded
        else:
            with loaded:
                bursts = {name: loaded[name] for name in loaded.files}
            values = _one_of(
                path, {name: one for name, one in bursts.items() if one.ndim == 1 and len(one) > 1}, column
            )
    except (ValueError, OSError, EOFError, zipfile.BadZipFile) as error:
        raise BadWaveFile(f"{path.name} cannot be read as a numpy file: {error}") from error
    return values.ravel() if max(values.shape, default=0) == values.size else values  # a row or a column of a matrix


def _table(path: Path, column: str | None) -> NDArray[np.float64]:
    from anomaly.tables import read_table  # noqa: PLC0415

    table = read_table(path, time=None)
    if len(table.names) + len(table.texts) == 1:
        only = next(iter((*table.names, *table.texts)))
        if not table.names:
            raise BadWaveFile(f"{path.name}: the only column, {only!r}, holds no numbers")
        first = _number(only)
        values = table.column(only)
        return values if first is None else np.concatenate([[first], values])  # no line of names on top
    return _one_of(path, {name: table.column(name) for name in table.names}, column)


def _one_of(path: Path, bursts: dict[str, NDArray[Any]], column: str | None) -> NDArray[Any]:
    if not bursts:
        raise BadWaveFile(f"{path.name} holds no column of numbers")
    if column is None and len(bursts) == 1:
        return next(iter(bursts.values()))
    if column not in bursts:
        wanted = f"no column {column!r} in {path.name}" if column else f"{path.name} holds several columns"
        raise BadWaveFile(f"{wanted}: name one with --column, there are {', '.join(bursts)}")
    return bursts[column]


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
