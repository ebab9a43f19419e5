"""Point tables as TOML: one [[tags]] each, as in gateway.toml.

[[tags]]
tag = "pressure"
address = "holding:100"
"""

import re
import tomllib
from collections.abc import Mapping, Sequence
from typing import Any

from protocols.point_table.literal import written
from protocols.point_table.rows import BadPointFile, PointTable, Row, Source, twice

_HEADING = re.compile(r"^[ \t]*\[\[\s*tags\s*\]\]", re.MULTILINE)


def parse(name: str, text: str) -> dict[str, Any]:
    """Raises BadPointFile, with the line."""
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise BadPointFile(f"{name}: {error}") from error


def table_of(name: str, text: str, data: Mapping[str, object]) -> PointTable:
    """The rows of the document's [[tags]]."""
    tags = data.get("tags", [])
    if not isinstance(tags, list) or not all(isinstance(tag, dict) for tag in tags):
        raise BadPointFile(f"{name}: tags must be tables; write [[tags]] above each")
    source = Source(name, name)
    lines = [text.count("\n", 0, heading.start()) + 1 for heading in _HEADING.finditer(text)]
    # Tags can be written as one list instead: then they are counted.
    places = [f"{name}:{line}" for line in lines]
    if len(places) != len(tags):
        places = [f"{name}: tags[{number}]" for number in range(len(tags))]
    rows = [Row(source, at, tag) for at, tag in zip(places, tags, strict=True)]
    return PointTable(source, "TOML", rows, list(twice(rows)))


def read(name: str, raw: bytes, _sheet: str) -> PointTable:
    """A file that holds [[tags]] and nothing else."""
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadPointFile(f"{name}: byte {error.start} is not UTF-8; TOML files are UTF-8, save it so") from error
    data = parse(name, text)
    others = sorted(set(data) - {"tags"})
    if others:
        raise BadPointFile(f"{name}: a point table has only [[tags]], not {', '.join(others)}; is it a template?")
    return table_of(name, text, data)


def write(rows: Sequence[Mapping[str, object]], fields: Sequence[str]) -> bytes:
    """The rows as [[tags]], blank fields left out."""
    return "\n".join(_block(row, fields) for row in rows).encode()


def _block(row: Mapping[str, object], fields: Sequence[str]) -> str:
    lines = [f"{field} = {written(row[field])}" for field in fields if row.get(field) not in (None, "")]
    return "\n".join(["[[tags]]", *lines, ""])
