"""Point tables on disk: the suffix says the format; a file is replaced in one stroke or not at all."""

import contextlib
import os
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from protocols.point_table import delimited, toml_file, workbook
from protocols.point_table.rows import BYTES_MOST, BadPointFile, PointTable


class _Format(NamedTuple):
    read: Callable[[str, bytes, str], PointTable]
    write: Callable[[Sequence[Mapping[str, object]], Sequence[str]], bytes]


_FORMATS = {
    ".csv": _Format(delimited.read, delimited.write),
    ".txt": _Format(delimited.read, delimited.write),
    ".toml": _Format(toml_file.read, toml_file.write),
    ".xlsx": _Format(workbook.read, workbook.write),
}


def read_table(path: Path, sheet: str = "") -> PointTable:
    """Every row of the file as text or TOML values; which fields a tag has is not known here.

    Raises:
        BadPointFile: it cannot be read, is too large, or is not what its suffix says.
    """
    form = _format(path)
    if sheet and path.suffix.lower() != ".xlsx":
        raise BadPointFile(f"{path}: only Excel files have sheets; leave out #{sheet}")
    return form.read(path.name, content(path), sheet)


def write_table(path: Path, rows: Sequence[Mapping[str, object]], fields: Sequence[str]) -> None:
    """Write these fields of the rows as `path`'s suffix says: .csv, .xlsx or .toml. An existing file is replaced.

    None and "" are blank. Lists and tables stand in a cell as TOML. The same rows make the same bytes.

    Raises:
        BadPointFile: another suffix, or the folder cannot be written.
    """
    replace(path, _format(path).write(rows, fields))


def content(path: Path) -> bytes:
    """The bytes of a file of bearable size. Raises BadPointFile."""
    try:
        with path.open("rb") as file:
            raw = file.read(BYTES_MOST + 1)
    except OSError as error:
        raise BadPointFile(f"{path}: cannot be read ({error.strerror}); correct the path") from error
    if len(raw) > BYTES_MOST:
        raise BadPointFile(f"{path}: larger than {BYTES_MOST >> 20} MB; that is no point table")
    return raw


def replace(path: Path, body: bytes) -> None:
    """Put a file there whole: a reader sees the old one or the new one. Raises BadPointFile."""
    try:
        number, part = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        try:
            with os.fdopen(number, "wb") as file:
                file.write(body)
                file.flush()
                os.fsync(file.fileno())
            Path(part).chmod(0o644)
            Path(part).replace(path)
        except BaseException:
            with contextlib.suppress(OSError):
                Path(part).unlink()
            raise
    except OSError as error:
        raise BadPointFile(f"{path}: cannot be written ({error.strerror}); choose another folder") from error


def _format(path: Path) -> _Format:
    try:
        return _FORMATS[path.suffix.lower()]
    except KeyError:
        raise BadPointFile(f"{path}: a point table is .csv, .xlsx or .toml") from None
