"""Telemetry that leaves: any range of some tags as a stream of CSV or Parquet, in constant memory.

    Wanted ──plan──► windows of some 20,000 rows each, counted beforehand through the rollups
      window ──a transaction of its own──► page of rows ──CSV | Parquet──► bytes ──► whoever reads, however slowly

A reader that is slow holds no transaction, no snapshot and no connection: there is none between two pages, and so
nothing that would keep packed partitions from going. What is too much is told before the first byte (`Plan.rows`),
and nothing is cut: a stream either ends with its last row or breaks off. Rights are those of the transactions that
the caller opens; what a tenant may not see is not there.
"""

from ingest_service.export.pages import NoLongerThere
from ingest_service.export.parquet_table import ParquetMissing
from ingest_service.export.planning import Plan, plan
from ingest_service.export.streaming import Table, stream, table
from ingest_service.export.wanted import Resolution, Source, Wanted

__all__ = [
    "NoLongerThere",
    "ParquetMissing",
    "Plan",
    "Resolution",
    "Source",
    "Table",
    "Wanted",
    "plan",
    "stream",
    "table",
]
