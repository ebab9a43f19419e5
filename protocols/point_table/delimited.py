"""Point tables as CSV: comma, semicolon or tab, in the encodings of encoding.py.

bytes ──decoded──► text ──the separator whose heading has a column `tag`──► heading, rows with their line
"""

import csv
import io
from collections.abc import Iterator, Mapping, Sequence

from protocols.point_table.columns import field_of
from protocols.point_table.encoding import decoded
from protocols.point_table.grid import Line, table_of
from protocols.point_table.literal import cell
from protocols.point_table.rows import BadPointFile, PointTable

_SEPARATORS = {",": "comma", ";": "semicolon", "\t": "tab"}


def read(name: str, raw: bytes, _sheet: str) -> PointTable:
    """The table; what is wrong with single cells is in its problems.

    Raises:
        BadPointFile: it is no CSV file with a heading.
    """
    text, encoding = decoded(name, raw)
    # A line for people may hold a lonely quotation mark: it must not reach the CSV reader.
    lines = ["" if line.lstrip().startswith("#") else line for line in text.splitlines()]
    separator = _separator(lines)
    form = f"{encoding}, {_SEPARATORS[separator]}"
    return table_of(name, form, _lines(name, lines, separator))


def _separator(lines: Sequence[str]) -> str:
    heading = next((line for line in lines if line.strip(" ,;\t\"'")), "")
    for separator in _SEPARATORS:
        if "tag" in map(field_of, next(csv.reader([heading], delimiter=separator), [])):
            return separator
    return max(_SEPARATORS, key=heading.count)


def _lines(name: str, lines: Sequence[str], separator: str) -> Iterator[Line]:
    reader = csv.reader((line + "\n" for line in lines), delimiter=separator, strict=True)
    first = 1
    try:
        for cells in reader:
            yield Line(f"{name}:{first}", cells)
            first = reader.line_num + 1
    except csv.Error as error:
        raise BadPointFile(f"{name}:{first}: {error}; is a quotation mark left open?") from error


def write(rows: Sequence[Mapping[str, object]], fields: Sequence[str]) -> bytes:
    """The rows with a heading; marked as UTF-8, or Excel would take it for the local encoding."""
    return text_of(rows, fields).encode("utf-8-sig")


def text_of(rows: Sequence[Mapping[str, object]], fields: Sequence[str]) -> str:
    """The same as text."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(fields)
    for row in rows:
        writer.writerow([_text(row.get(field)) for field in fields])
    return text.getvalue()


def _text(value: object) -> str | int | float:
    return str(value).lower() if isinstance(value, bool) else cell(value)
