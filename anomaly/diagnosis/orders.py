"""Closed work orders as they come out of another system: what was written, and what it turned out to be. Pure.

Table ──columns time, machine, text, label, also in Chinese──► orders with a text and a label
"""

from collections.abc import Sequence
from dataclasses import dataclass

from anomaly.diagnosis import BadHistory
from anomaly.tables.table import Table

COLUMNS = {
    "text": ("text", "description", "short text", "文本", "描述", "故障描述", "内容", "故障现象"),
    "label": ("label", "failure mode", "标签", "故障模式", "故障类型", "故障原因"),
    "time": ("time", "date", "时间", "日期", "报修时间"),
    "machine": ("machine", "asset", "equipment", "设备", "设备名称", "机器"),
}
"""What a column may be called; case does not matter."""


@dataclass(frozen=True, slots=True)
class Order:
    """A closed order: `line` is where it stands in its file, from 1."""

    text: str
    label: str
    time: str = ""
    machine: str = ""
    line: int = 0


def orders_of(table: Table, name: str) -> list[Order]:
    """The orders that have both a text and a label.

    Raises:
        BadHistory: a column is missing, or no row has both.
    """
    text, label = column(table, "text", name), column(table, "label", name)
    time, machine = (_optional(table, which) for which in ("time", "machine"))
    rows = zip(text, label, time, machine, table.lines, strict=True)
    orders = [
        Order(said.strip(), meant.strip(), when.strip(), where.strip(), line) for said, meant, when, where, line in rows
    ]
    whole = [order for order in orders if order.text and order.label]
    if not whole:
        raise BadHistory(f"{name}: no row has both a text and a label; fill the label of some closed orders")
    return whole


def column(table: Table, which: str, name: str) -> Sequence[str]:
    """A column of texts by any of its names. Raises BadHistory."""
    for called, texts in table.texts.items():
        if called.strip().casefold() in COLUMNS[which]:
            return texts
    there = ", ".join((*table.texts, *table.names))
    raise BadHistory(f"{name}, line 1: no column {which!r} ({', '.join(COLUMNS[which][1:])}); there are {there}")


def _optional(table: Table, which: str) -> Sequence[str]:
    for called, texts in table.texts.items():
        if called.strip().casefold() in COLUMNS[which]:
            return texts
    return [""] * len(table)
