"""Named SQL: reads `queries.sql` beside a store and gives each block as an attribute.

    -- open_alarms -- alarms of a site nobody has cleared, worst first
    SELECT … WHERE site_id = %(site)s;            ──►  queries.open_alarms

A block ends where the next heading starts.
"""

import re
from pathlib import Path

from database import DatabaseError

_HEADING = re.compile(r"^-- ([a-z][a-z0-9_]*) -- \S.*$", re.MULTILINE)


class Queries:
    """The blocks of one file; asking for one that is not there is an AttributeError that names the file."""

    def __init__(self, path: Path, blocks: dict[str, str]) -> None:
        self._path = path
        self._blocks = blocks

    def __getattr__(self, name: str) -> str:
        try:
            return self._blocks[name]
        except KeyError:
            raise AttributeError(f"{self._path} has no block `-- {name} -- …`") from None


def load_queries(beside: str) -> Queries:
    """The queries in the folder of the module `beside` (its `__file__`).

    Raises:
        DatabaseError: a name stands twice, or SQL stands before the first heading.
    """
    path = Path(beside).with_name("queries.sql")
    before, *parts = _HEADING.split(path.read_text(encoding="utf-8"))
    if re.sub(r"--.*", "", before).strip():
        raise DatabaseError(f"{path}: SQL before the first `-- name -- description`")
    blocks: dict[str, str] = {}
    for name, text in zip(parts[::2], parts[1::2], strict=True):
        if name in blocks:
            raise DatabaseError(f"{path}: `{name}` stands twice")
        blocks[name] = text.strip().rstrip(";")
    return Queries(path, blocks)
