"""An export as bytes: head, pages, tail. Formatting happens in a thread, so that others are answered meanwhile."""

import asyncio
from collections.abc import AsyncIterator
from typing import Protocol

from ingest_service.export.csv_table import CsvTable
from ingest_service.export.pages import Page, Transaction, pages
from ingest_service.export.parquet_table import ParquetTable
from ingest_service.export.planning import Plan
from ingest_service.export.wanted import Resolution


class Table(Protocol):
    """One way to write rows down; for one export, from head to tail."""

    media_type: str
    suffix: str

    def head(self) -> bytes: ...

    def rows(self, page: Page) -> bytes: ...

    def tail(self) -> bytes: ...


def table(format_: str, resolution: Resolution, *, excel: bool = False) -> Table:
    """The writer of a format, `csv` or `parquet`.

    Raises:
        ParquetMissing: pyarrow is not installed.
    """
    return ParquetTable(resolution) if format_ == "parquet" else CsvTable(resolution, excel=excel)


async def stream(plan: Plan, transaction: Transaction, written: Table) -> AsyncIterator[bytes]:
    """All of an export, a page at a time; the next page is read when this one has been taken.

    Raises:
        NoLongerThere: the rest has gone; what was given so far is not all.
    """
    yield written.head()
    async for page in pages(plan, transaction):
        yield await asyncio.to_thread(written.rows, page)
    yield written.tail()
