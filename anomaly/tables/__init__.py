"""Exports of a plant as they come: a CSV file becomes times, numbers and texts.

file ──text──► lines ──cells──► columns ──times, numbers──► Table(time_ns, time_text, names, values, texts)
"""

from anomaly.tables.reading import read_table
from anomaly.tables.table import BadTable, Table

__all__ = ["BadTable", "Table", "read_table"]
