"""The first look at a file of texts or a table: its lines, and what its columns are called as the file spells them."""

import csv
from collections.abc import Iterable
from pathlib import Path

from linewright import LinewrightError


class Unreadable(LinewrightError):
    """The file is not there, empty or of an unknown encoding."""


def lines_of(path: Path) -> list[str]:
    """The lines of a text file, UTF-8 with or without mark, or GB18030. Raises Unreadable."""
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise Unreadable(f"{path}: {error.strerror or error}") from error
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            lines = raw.decode(encoding).splitlines()
        except UnicodeDecodeError:
            continue
        if not any(line.strip() for line in lines):
            raise Unreadable(f"{path.name} is empty")
        return lines
    raise Unreadable(f"{path.name}: neither UTF-8 nor GB18030; save it as UTF-8")


def header_of(line: str) -> list[str]:
    """The cells of a line of names, separated by comma, semicolon or tab."""
    delimiter = max(",;\t", key=line.count)
    return [cell.strip() for cell in next(csv.reader([line], delimiter=delimiter), [])]


def spelt(path: Path, wanted: Iterable[str]) -> list[str]:
    """The columns of a table that are among the wanted names but for case, as the file spells them."""
    names = {name.casefold() for name in wanted}
    first = next(line for line in lines_of(path) if line.strip())
    return [name for name in header_of(first) if name.casefold() in names]
