"""A heading and lines of cells, as CSV and Excel have them, become rows of named fields. Pure.

    Line("pump.csv:1", [tag, address]), Line("pump.csv:2", [flow, holding:3]) ──► PointTable

Blank lines and lines that begin with # are for people. The first other one is the heading.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from protocols.point_table.columns import field_of, title_of
from protocols.point_table.rows import ROWS_MOST, BadPointFile, PointTable, Row, Source, twice


class Line(NamedTuple):
    """The cells of one line as text; `problems`: what the format says against some of them."""

    at: str
    cells: Sequence[str]
    problems: Sequence[str] = ()


def table_of(name: str, form: str, lines: Iterable[Line]) -> PointTable:
    """Name the cells by the heading. Raises BadPointFile when there is none."""
    meant = (line for line in lines if _meant(line))
    heading = next(meant, None)
    if heading is None:
        raise BadPointFile(f"{name}: empty; its first line names the columns: tag,address,type …")
    fields = [field_of(cell) for cell in heading.cells]
    source = Source(name, heading.at, _titles(heading, fields))
    rows: list[Row] = []
    problems = list(_twice(heading, fields))
    for line in meant:
        if len(rows) == ROWS_MOST:
            raise BadPointFile(f"{line.at}: more than {ROWS_MOST:,} rows; a gateway has no more tags")
        found = [*line.problems, *_beyond(line, fields)]
        problems += found
        if not found:
            rows.append(Row(source, line.at, _values(fields, line.cells)))
    return PointTable(source, form, rows, [*problems, *twice(rows)])


def _meant(line: Line) -> bool:
    first = next((cell for cell in line.cells if cell.strip()), "#")
    return bool(line.problems) or not first.lstrip().startswith("#")


def _titles(heading: Line, fields: Sequence[str]) -> dict[str, str]:
    return {field: title_of(cell, field) for field, cell in zip(fields, heading.cells, strict=True) if field}


def _twice(heading: Line, fields: Sequence[str]) -> Iterator[str]:
    for field in dict.fromkeys(fields):
        if field and fields.count(field) > 1:
            yield f"{heading.at}: two columns mean {field}; delete one, or begin its heading with #"


def _beyond(line: Line, fields: Sequence[str]) -> Iterator[str]:
    """Cells right of the last column: a separator too many moves every value after it."""
    loose = [cell.strip() for cell in line.cells[len(fields) :] if cell.strip()]
    if loose:
        yield f"{line.at}: {loose[0]!r} stands right of the last column; is there a separator too many?"


def _values(fields: Sequence[str], cells: Sequence[str]) -> dict[str, object]:
    pairs = zip(fields, map(str.strip, cells), strict=False)
    return {field: text for field, text in pairs if field and text}
