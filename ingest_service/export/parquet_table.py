"""Pages as Parquet: a row group a page, so that what is written can leave before the rest is read.

Needs the extra `parquet` (pyarrow), which is loaded only when somebody asks for this format.
"""

import importlib
import io
from typing import Any

from ingest_service import IngestError
from ingest_service.export.pages import Page
from ingest_service.export.wanted import SAMPLE_COLUMNS, STEP_COLUMNS, Resolution
from protocols.sample import quality_of, reason_of

# Everything else is a number.
_NAMES = ("machine", "tag", "unit", "quality", "reason")
_COUNTS = ("n", "bad")


class ParquetMissing(IngestError):
    """This installation cannot write Parquet."""


class ParquetTable:
    """Times are microseconds in UTC; names and qualities are dictionaries, which cost next to nothing."""

    media_type = "application/vnd.apache.parquet"
    suffix = "parquet"

    def __init__(self, resolution: Resolution) -> None:
        """Raises ParquetMissing."""
        try:
            self._arrow: Any = importlib.import_module("pyarrow")
            parquet: Any = importlib.import_module("pyarrow.parquet")
        except ImportError as error:
            raise ParquetMissing(
                "Parquet needs the extra `parquet`: pip install 'linewright[parquet]'; CSV works without it"
            ) from error
        self._raw = resolution is Resolution.RAW
        self._schema = self._arrow.schema([(name, self._type(name)) for name in self._columns()])
        self._written = _Written()
        self._writer = parquet.ParquetWriter(self._written, self._schema, compression="zstd")

    def head(self) -> bytes:
        return self._written.taken()

    def rows(self, page: Page) -> bytes:
        source, columns = page.source, list(zip(*page.rows, strict=True))
        named = [(text,) * len(page.rows) for text in (source.machine, source.tag, source.unit)]
        if self._raw:
            codes = columns.pop()
            columns += [tuple(quality_of(code).name.lower() for code in codes), tuple(map(reason_of, codes))]
        arrays = [
            self._arrow.array(values, field.type) for values, field in zip(named + columns, self._schema, strict=True)
        ]
        self._writer.write_table(self._arrow.Table.from_arrays(arrays, schema=self._schema))
        return self._written.taken()

    def tail(self) -> bytes:
        self._writer.close()
        return self._written.taken()

    def _columns(self) -> tuple[str, ...]:
        names = SAMPLE_COLUMNS if self._raw else STEP_COLUMNS
        return tuple(name for name in names if name != "time_ms")  # `time` is a number already

    def _type(self, name: str) -> Any:
        arrow = self._arrow
        if name in _NAMES:
            return arrow.dictionary(arrow.int16(), arrow.string())
        kinds = {"time": arrow.timestamp("us", tz="UTC"), "text": arrow.string()} | dict.fromkeys(
            _COUNTS, arrow.int32()
        )
        return kinds.get(name, arrow.float64())


class _Written(io.RawIOBase):
    """A file that is only ever written at its end, and given away as it grows."""

    def __init__(self) -> None:
        super().__init__()
        self._parts: list[bytes] = []
        self._size = 0

    def writable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._size

    def write(self, data: Any) -> int:
        part = bytes(data)
        self._parts.append(part)
        self._size += len(part)
        return len(part)

    def taken(self) -> bytes:
        """What was written since the last time."""
        given, self._parts = b"".join(self._parts), []
        return given
