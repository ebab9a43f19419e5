"""What browsing found, as rows of a point table. Pure: knows names and node texts, not the library that brought them.

    Found (node, path, type, unit …) ──rows──► {"tag": …, "node": "nsu=…", "type": …, "unit": …, "note": …}

A tag is named by its path, so it keeps its name when the server is browsed again; where two paths give one name, or a
name is too long or has no Latin letter, a few digits of its node's hash tell them apart.
"""

import hashlib
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

FIELDS = ("tag", "node", "type", "unit", "note", "# path", "# range", "# access")
_NAME_MOST, _HASH = 64, 6
_UNIT_MOST = 32

# Number of a built-in OPC UA type -> type of a tag. What is missing has no place in a sample.
TYPES = {
    1: "bool", 2: "int8", 3: "uint8", 4: "int16", 5: "uint16", 6: "int32", 7: "uint32", 8: "int64", 9: "uint64",
    10: "float32", 11: "float64", 12: "string", 13: "datetime", 21: "string",
    26: "float64", 27: "int64", 28: "uint64", 29: "int32",  # abstract: Number, Integer, UInteger, Enumeration
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Found:
    """A readable variable of a server."""

    node: str  # nsu=<uri>;… which holds over a restart of the server
    path: tuple[str, ...]
    type: str
    unit: str = ""
    span: tuple[float, float] | None = None
    description: str = ""
    writable: bool = False


def rows(found: Sequence[Found]) -> Iterator[dict[str, object]]:
    """One row a variable, with tags that are unique and fit the catalog."""
    names = [_slug(one.path) for one in found]
    taken = Counter(names)
    for one, name in zip(found, names, strict=True):
        clear = name and taken[name] == 1 and len(name) <= _NAME_MOST
        yield {
            "tag": name if clear else _told_apart(name, one.node),
            "node": one.node,
            "type": one.type,
            "unit": one.unit if len(one.unit) <= _UNIT_MOST else "",
            "note": " ".join(one.description.split()),
            "# path": "/".join(one.path),
            "# range": f"{one.span[0]:g} … {one.span[1]:g}" if one.span else "",
            "# access": "read, write" if one.writable else "read",
        }


def _slug(path: Sequence[str]) -> str:
    parts = (re.sub(r"[^a-z0-9-]+", "_", part.lower()).strip("_-") for part in path)
    return "_".join(part for part in parts if part)


def _told_apart(name: str, node: str) -> str:
    """The end of the name, which says most, and a hash of the node."""
    digits = hashlib.sha256(node.encode()).hexdigest()[:_HASH]
    end = name[-(_NAME_MOST - _HASH - 1) :].lstrip("_-")
    return f"{end or 'tag'}_{digits}"
