"""Point tables as Excel workbooks, by openpyxl.

    sheet ──cells as text (100.0 ──► "100", a date ──► an error)──► Lines ──► PointTable

Formulas are never computed: what the spreadsheet last showed counts, and where it showed nothing that is an error.
"""

import io
import re
import warnings
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, time, timedelta
from typing import Any

from protocols.point_table.grid import Line, table_of
from protocols.point_table.literal import cell
from protocols.point_table.rows import BadPointFile, PointTable

_UNPACKED_BYTES_MOST = 512 << 20
_EXACT_MOST = 10**15  # Excel keeps fifteen digits of a number
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the oldest a zip file knows
_STAMP = re.compile(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
# How zipfile, zlib, the XML parser and openpyxl say that a file is not what it should be.
_BROKEN = (
    zipfile.BadZipFile, zlib.error, SyntaxError, LookupError, ValueError, TypeError, AttributeError, OSError,
    RuntimeError,
)  # fmt: skip
_DATED = "Excel made a date of it; format the column as Text and type it again"


def read(name: str, raw: bytes, sheet: str) -> PointTable:
    """The table on `sheet`, without a name on the first one.

    Raises:
        BadPointFile: it is no workbook, too large, or without that sheet.
    """
    try:
        return _table(name, raw, sheet)
    except _BROKEN as error:
        raise BadPointFile(f"{name}: no Excel workbook ({error}); save it as .xlsx") from error


def _table(name: str, raw: bytes, sheet: str) -> PointTable:
    formulas = _looked_over(name, raw)
    shown = _sheet(name, raw, sheet, values=True)
    # The file tells what a formula last showed, or the formula, never both.
    written = _sheet(name, raw, sheet, values=False).iter_rows(values_only=True) if formulas else None
    titled = f"{name}#{shown.title}"
    return table_of(titled, f"Excel, sheet {shown.title}", _lines(titled, shown, written))


def _looked_over(name: str, raw: bytes) -> bool:
    """True: some sheet holds a formula."""
    with zipfile.ZipFile(io.BytesIO(raw)) as parts:
        if sum(part.file_size for part in parts.infolist()) > _UNPACKED_BYTES_MOST:
            raise BadPointFile(f"{name}: unpacks to more than {_UNPACKED_BYTES_MOST >> 20} MB; that is no table")
        sheets = [part for part in parts.namelist() if part.startswith("xl/worksheets/")]
        return any(re.search(rb"<f[ >/]", parts.read(part)) for part in sheets)


def _sheet(name: str, raw: bytes, sheet: str, *, values: bool) -> Any:
    try:
        from openpyxl import load_workbook  # noqa: PLC0415  # a box without Excel tables never loads it
    except ImportError:
        raise BadPointFile(f"{name}: reading Excel needs openpyxl: pip install openpyxl; or save it as CSV") from None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of styles, which say nothing about values
        book = load_workbook(io.BytesIO(raw), read_only=True, data_only=values)
    if sheet and sheet not in book.sheetnames:
        raise BadPointFile(f"{name}: no sheet {sheet!r}; it has {', '.join(book.sheetnames)}")
    found = book[sheet] if sheet else book.worksheets[0]
    found.reset_dimensions()  # what other programs write there is often wrong, and cells outside would be lost
    return found


def _lines(name: str, shown: Any, written: Iterator[tuple[object, ...]] | None) -> Iterator[Line]:
    for number, values in enumerate(shown.iter_rows(values_only=True), 1):
        formulas = next(written) if written else values
        problems: list[str] = []
        cells = []
        for column, value in enumerate(values):
            text, wrong = _text(value, formulas[column])
            cells.append(text)
            if wrong:
                problems.append(f"{name}!{_letter(column)}{number}: {wrong}")
        yield Line(f"{name}!{number}", cells, problems)


def _text(value: object, written: object) -> tuple[str, str]:
    """The cell as text, and what is wrong with it."""
    if value is None:
        formula = isinstance(written, str) and written.startswith("=")
        return "", f"no result for {written}; open the file in Excel and save it" if formula else ""
    if isinstance(value, date | time | timedelta):
        return "", f"{value}: {_DATED}"
    if isinstance(value, bool):
        return str(value).lower(), ""
    if isinstance(value, float) and value.is_integer() and abs(value) <= _EXACT_MOST:
        return str(int(value)), ""
    text = str(value)
    return text, f"shows {text}; mend the formula" if re.fullmatch(r"#[A-Z0-9/]+[!?A]", text) else ""


def _letter(column: int) -> str:
    more, last = divmod(column, 26)
    return (_letter(more - 1) if more else "") + chr(ord("A") + last)


def write(rows: Sequence[Mapping[str, object]], fields: Sequence[str]) -> bytes:
    """The rows on one sheet; texts are marked as such, so that Excel never makes dates of them."""
    from openpyxl import Workbook  # noqa: PLC0415

    book = Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.title = "points"
    sheet.freeze_panes = "A2"
    for number, values in enumerate([dict(zip(fields, fields, strict=True)), *rows], 1):
        for column, field in enumerate(fields, 1):
            _put(sheet.cell(number, column), cell(values.get(field)))
    packed = io.BytesIO()
    book.save(packed)
    return _undated(packed.getvalue())


def _put(place: Any, value: object) -> None:
    if value == "":
        return
    if isinstance(value, int) and abs(value) > _EXACT_MOST:
        value = str(value)
    place.value = value
    if isinstance(value, str):
        place.data_type = "s"  # also "=…", which is never meant as a formula
        place.number_format = "@"


def _undated(packed: bytes) -> bytes:
    """The same workbook without the time of its making: the same table is the same file."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(packed)) as parts, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as undated:
        for part in parts.infolist():
            body = parts.read(part)
            if part.filename == "docProps/core.xml":
                body = _STAMP.sub(b"1980-01-01T00:00:00Z", body)
            undated.writestr(zipfile.ZipInfo(part.filename, _EPOCH), body, zipfile.ZIP_DEFLATED)
    return out.getvalue()
