"""Read a CSV file as it came out of a historian, a spreadsheet or a logger. The only door for tables from outside.

bytes ──UTF-8, GB18030──► text ──, ; tab──► cells ──► time column │ columns of numbers │ columns of texts
"""

import csv
import io
import re
from collections.abc import Collection, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from anomaly.tables.table import BadTable, Table
from anomaly.tables.times import NotATime, times_ns

_DELIMITERS = ",;\t"
_NOTHING = frozenset(
    ("", "-", "--", "nan", "na", "n/a", "#n/a", "null", "none", "nil", "bad", "inf", "-inf", "+inf", "no data", "\\n")
)
_DECIMAL_COMMA = re.compile(r"[+-]?\d+,\d+(?:[eE][+-]?\d+)?")
_TRUTH = {"true": "1", "false": "0"}
_NUMBERS_LEAST = 0.5  # a column of which fewer cells are numbers holds texts
_FIELD_BYTES_MOST = 1 << 20


def read_table(path: Path, *, time: str | int | None = 0, text: Collection[str] = ()) -> Table:
    """Read a CSV file with a line of names on top.

    time: name or position of the time column; None where there is none: rows are then a second apart, from 0.
    text: names of columns that hold texts even where they look like numbers.
    A column is one of numbers when at least half of its filled cells are; empty, NaN, null, "-" and the like are
    missing. Decimal commas are read where the delimiter leaves them.

    Raises:
        BadTable: no such file, no names, a line with another number of cells, a time or number that is none.
    """
    name = path.name
    header, rows, lines = _cells(name, _decoded(path))
    at = None if time is None else _position(name, header, time)
    stamps = [str(second) for second in range(len(rows))] if at is None else [row[at] for row in rows]
    try:
        moments = times_ns(stamps)
    except NotATime as error:
        raise BadTable(
            f"{name}, line {lines[error.at]}, column {header[at or 0]!r}: {error.text!r} is no time; wanted are"
            " 2024-01-31T08:00:00, 2024-01-31 08:00:00, seconds or milliseconds since 1970, or rising numbers"
        ) from error
    columns = [] if not rows else list(zip(*rows, strict=True))
    names, numbers, texts = [], [], {}
    for position, column in enumerate(header):
        if position == at:
            continue
        cells = columns[position] if columns else ()
        found = None if column in text else _numbers(name, column, cells, lines)
        if found is None:
            texts[column] = list(cells)
        else:
            names.append(column)
            numbers.append(found)
    values = np.column_stack(numbers) if numbers else np.zeros((len(rows), 0))
    return Table(moments, stamps, tuple(names), values, texts, lines)


def _decoded(path: Path) -> str:
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise BadTable(f"{path}: {error.strerror or error}") from error
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return raw.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise BadTable(f"{path.name}: neither UTF-8 nor GB18030; save it as UTF-8")


def _cells(name: str, text: str) -> tuple[list[str], list[list[str]], list[int]]:
    """The names, the rows, and the line where each row begins. Blank lines are no rows."""
    top = next((line for line in io.StringIO(text) if line.strip()), "")
    if not top:
        raise BadTable(f"{name} is empty; the first line must name the columns")
    csv.field_size_limit(_FIELD_BYTES_MOST)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=max(_DELIMITERS, key=top.count))
    header: list[str] = []
    rows: list[list[str]] = []
    numbers: list[int] = []
    before = 0
    try:
        for row in reader:
            begins, before = before + 1, reader.line_num
            if not any(row):
                continue
            if not header:
                header = _names(name, row)
            elif len(row) != len(header):
                raise BadTable(f"{name}, line {begins}: {len(row)} cells, but {len(header)} columns have names")
            else:
                rows.append(row)
                numbers.append(begins)
    except csv.Error as error:
        raise BadTable(f"{name}, line {reader.line_num}: {error}") from error
    return header, rows, numbers


def _names(name: str, row: Sequence[str]) -> list[str]:
    header = [cell.strip() for cell in row]
    twice = sorted({cell for cell in header if header.count(cell) > 1})
    if twice:
        raise BadTable(f"{name}, line 1: two columns are called {twice[0]!r}; give each a name of its own")
    return header


def _position(name: str, header: list[str], time: str | int) -> int:
    if isinstance(time, int):
        return time
    if time not in header:
        raise BadTable(f"{name}, line 1: no column {time!r}; there are {', '.join(map(repr, header))}")
    return header.index(time)


def _numbers(name: str, column: str, cells: Sequence[str], lines: list[int]) -> NDArray[np.float64] | None:
    """The cells as numbers, None where they are texts."""
    try:
        found = np.array(cells, np.float64)
    except ValueError:
        return _mixed(name, column, cells, lines)
    found[~np.isfinite(found)] = np.nan
    return found


def _mixed(name: str, column: str, cells: Sequence[str], lines: list[int]) -> NDArray[np.float64] | None:
    found = np.full(len(cells), np.nan)
    strange, filled = [], 0
    for at, cell in enumerate(cells):
        plain = cell.strip().lower()
        if plain in _NOTHING:
            continue
        filled += 1
        number = _number(plain)
        if number is None:
            strange.append(at)
        else:
            found[at] = number
    if filled and filled - len(strange) < _NUMBERS_LEAST * filled:
        return None
    if strange:
        at = strange[0]
        raise BadTable(
            f"{name}, line {lines[at]}, column {column!r}: {cells[at]!r} is no number; leave the cell empty where"
            " nothing was measured"
        )
    return found


def _number(plain: str) -> float | None:
    plain = _TRUTH.get(plain, plain)
    if _DECIMAL_COMMA.fullmatch(plain):
        plain = plain.replace(",", ".")
    try:
        number = float(plain)
    except ValueError:
        return None
    return number if np.isfinite(number) else np.nan
