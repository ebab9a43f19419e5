"""What a point table holds whatever its format: rows of named cells, each of which knows where it stands. Pure.

Row pump.csv:7 {tag, period_s} ──over──► Row of the template {tag, address, type, period_s} = one tag, merged
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from protocols import ProtocolsError

ROWS_MOST = 100_000
BYTES_MOST = 64 << 20
TOLD_MOST = 20
NOTE = "note"  # the column for people; no setting


class BadPointFile(ProtocolsError):
    """A point table or a template cannot be used; the text names file, row and column of every error."""


@dataclass(frozen=True, slots=True)
class Source:
    """The file (and sheet) that rows come from. `titles`: how it calls each field's column, where it has columns."""

    name: str
    heading: str
    titles: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Row:
    """One tag as it is written: fields that are not blank. `under`: the row whose fields it overrides."""

    source: Source
    at: str
    values: Mapping[str, object]
    under: "Row | None" = None

    def over(self, other: "Row") -> "Row":
        """This row on top of another of the same tag."""
        return Row(self.source, self.at, self.values, other)

    def merged(self) -> dict[str, object]:
        """All fields, the overridden ones replaced; without notes."""
        below = self.under.merged() if self.under else {}
        return {**below, **{name: value for name, value in self.values.items() if name != NOTE}}

    def owner(self, name: str) -> "Row":
        """The row in whose file the field stands."""
        return self.under.owner(name) if self.under and name not in self.values else self


@dataclass(frozen=True, slots=True)
class PointTable:
    """A file that was read. `form` says what it turned out to be, e.g. "GBK, semicolon"; `problems` what is wrong."""

    source: Source
    form: str
    rows: Sequence[Row]
    problems: Sequence[str] = ()


def twice(rows: Sequence[Row]) -> Iterator[str]:
    """What there is to say of names given more than once."""
    first: dict[object, str] = {}
    for row in rows:
        name = row.values.get("tag")
        if isinstance(name, str) and (other := first.setdefault(name, row.at)) is not row.at:
            yield f"{row.at}: tag: {name} is already at {other}; give one another name"


def refuse(problems: Iterable[str]) -> None:
    """Raise BadPointFile with all of them, the first twenty in full; nothing when there are none."""
    told = list(dict.fromkeys(problems))
    if not told:
        return
    more = len(told) - TOLD_MOST
    lines = [*told[:TOLD_MOST], f"… and {more} more"] if more > 0 else told
    raise BadPointFile("\n".join(lines))
