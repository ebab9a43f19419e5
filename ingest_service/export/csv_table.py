"""Pages as CSV (RFC 4180): UTF-8, comma, CRLF, quotes where they are needed. Pure.

Times are UTC twice: ISO 8601 with milliseconds (microseconds where a sample has them), and milliseconds since 1970 as
a number, because spreadsheets cannot calculate with the first.
"""

import csv
import io
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

from ingest_service.export.pages import Page
from ingest_service.export.wanted import SAMPLE_COLUMNS, STEP_COLUMNS, Resolution
from protocols.sample import quality_of, reason_of

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_US = timedelta(microseconds=1)
_BOM = "\ufeff"  # without it Excel reads UTF-8 as the code page of the country
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


class CsvTable:
    """`excel`: with a byte order mark, and with an apostrophe before a text that Excel would run as a formula."""

    media_type = "text/csv; charset=utf-8"
    suffix = "csv"

    def __init__(self, resolution: Resolution, *, excel: bool = False) -> None:
        self._resolution = resolution
        self._excel = excel

    def head(self) -> bytes:
        names = SAMPLE_COLUMNS if self._resolution is Resolution.RAW else STEP_COLUMNS
        return (_BOM if self._excel else "").encode() + _encoded([names])

    def rows(self, page: Page) -> bytes:
        source = page.source
        names = (source.machine, source.tag, self._harmless(source.unit))
        if self._resolution is Resolution.RAW:
            return _encoded(self._samples(names, page))
        return _encoded((*names, *_times(time), *rest) for time, *rest in page.rows)

    def tail(self) -> bytes:
        return b""

    def _samples(self, names: tuple[str | None, ...], page: Page) -> Iterator[tuple[Any, ...]]:
        whole = page.source.kind in {"int", "bool"}
        for time, value, text, code in page.rows:
            number = int(value) if whole and value is not None else value
            yield (*names, *_times(time), number, self._harmless(text), *_words(code))

    def _harmless(self, text: str | None) -> str | None:
        return f"'{text}" if self._excel and text and text.startswith(_FORMULA) else text


def _encoded(rows: Iterable[Iterable[Any]]) -> bytes:
    lines = io.StringIO(newline="")
    csv.writer(lines).writerows(rows)
    return lines.getvalue().encode()


def _times(time: datetime) -> tuple[str, int | float]:
    us = (time - _EPOCH) // _US
    if us % 1000:
        return f"{time:%Y-%m-%dT%H:%M:%S.%f}Z", us / 1000
    return f"{time.isoformat(timespec='milliseconds')[:-6]}Z", us // 1000


@lru_cache(4096)
def _words(code: int) -> tuple[str, str]:
    return quality_of(code).name.lower(), reason_of(code)
