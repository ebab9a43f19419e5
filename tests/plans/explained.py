"""What the server really did for a call: plans of all its statements, also of those inside functions.

    with explained(connection) as work:
        await history(connection, …)            ──auto_explain (ANALYZE, BUFFERS, JSON)──► notices ──► work.scans
    work.needless() ──► scans that read more than their rows are worth

A plan is judged by what was executed: a partition that was pruned, or a branch that never ran, has read nothing.
"""

import contextlib
import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from psycopg import AsyncConnection, sql

_SETTINGS = {
    "log_min_duration": "0", "log_analyze": "on", "log_buffers": "on", "log_timing": "off", "log_format": "json",
    "log_nested_statements": "on", "log_level": "notice",
}  # fmt: skip
# Of fewer pages than this the whole is as quickly read as a part.
SMALL_PAGES = 8
# Rows that a scan may read and throw away: hot rows that share pages; packs that are looked at and left unopened.
DROPPED_MOST = {"sample": 1500, "pack": 100}


class Scan(NamedTuple):
    """One scan of a table: how, of what, through which index, how often, and how many pages."""

    kind: str
    table: str
    index: str | None
    pages: int
    dropped: int  # rows that were read and thrown away


@dataclass
class Work:
    """What the statements of a call did."""

    scans: list[Scan] = field(default_factory=list)
    statements: list[str] = field(default_factory=list)

    @property
    def pages(self) -> int:
        return sum(scan.pages for scan in self.scans)

    def add(self, statement: str, plan: dict[str, Any]) -> None:
        self.statements.append(statement)
        self.scans += [_scan(node) for node in _nodes(plan) if "Relation Name" in node and node["Actual Loops"]]

    def tables(self) -> set[str]:
        """Tables and partitions of which any page was read."""
        return {scan.table for scan in self.scans if scan.pages}

    def needless(self) -> list[Scan]:
        """Tables that were read whole although they are not small, and scans that threw away what they had read."""
        return [
            scan
            for scan in self.scans
            if (scan.kind == "Seq Scan" and scan.pages > SMALL_PAGES)
            or scan.dropped > DROPPED_MOST.get(scan.table.partition("_")[0], 100)
        ]


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for inner in plan.get("Plans", ()):
        yield from _nodes(inner)


def _scan(node: dict[str, Any]) -> Scan:
    index = node.get("Index Name") or next((n["Index Name"] for n in _nodes(node) if "Index Name" in n), None)
    pages = node["Shared Hit Blocks"] + node["Shared Read Blocks"]
    dropped = node.get("Rows Removed by Filter", 0) + node.get("Rows Removed by Index Recheck", 0)
    return Scan(node["Node Type"], node["Relation Name"], index, pages, int(dropped * node["Actual Loops"]))


@contextlib.asynccontextmanager
async def explained(connection: AsyncConnection[Any]) -> AsyncIterator[Work]:
    """Follow every statement of a superuser's connection; plans of planning and of `SET` are none."""
    work = Work()

    def hear(diagnostic: Any) -> None:
        _, found, text = (diagnostic.message_primary or "").partition("plan:\n")
        if found:
            told = json.loads(text)
            work.add(told["Query Text"], told["Plan"])

    await connection.execute("LOAD 'auto_explain'")
    for name, value in _SETTINGS.items():
        await connection.execute(sql.SQL("SET LOCAL auto_explain.{} = {}").format(sql.Identifier(name), value))
    connection.add_notice_handler(hear)
    try:
        yield work
    finally:
        connection.remove_notice_handler(hear)
