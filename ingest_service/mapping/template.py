"""Names made of what was found: "{node}.{key}" → "press-1.oil_temperature".

In braces stands a name that topic or path gave, or a path, looked for in the value's own object, then in its record,
then in the payload: `{tags.host}`. With `?` it may be missing: `{tags.cpu?}`, and so may the dot beside it.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from ingest_service.mapping.path import MISSING, NAME_MOST, Path, parse_single

_FIELD = re.compile(r"\{([^{}]*)\}")
_DOTS = re.compile(r"\.{2,}")


@dataclass(frozen=True, slots=True)
class Spot:
    """Where a value stands: all that its names can be made of, and its time."""

    names: Mapping[str, str]
    item: Any
    record: Any
    payload: Any

    def look(self, path: Path) -> Any:
        found = path.one(self.item)
        if found is MISSING and self.record is not self.item:
            found = path.one(self.record)
        return path.one(self.payload) if found is MISSING and self.payload is not self.record else found


class Field(NamedTuple):
    """What stands in braces."""

    text: str
    path: Path
    optional: bool

    def of(self, spot: Spot) -> str | None:
        found = spot.names.get(self.text)
        return _shown(spot.look(self.path)) if found is None else found


@dataclass(frozen=True, slots=True)
class Template:
    """A compiled one."""

    text: str
    parts: tuple[str | Field, ...]

    @property
    def fields(self) -> Iterator[str]:
        return (part.text for part in self.parts if isinstance(part, Field))

    def fill(self, spot: Spot) -> str:
        """Raises KeyError with the field that is missing."""
        texts = []
        has_hole = False
        for part in self.parts:
            text = part if isinstance(part, str) else part.of(spot)
            if text is None:
                if isinstance(part, Field) and not part.optional:
                    raise KeyError(part.text)
                has_hole = True
            else:
                texts.append(text)
        filled = "".join(texts)
        return _DOTS.sub(".", filled).strip(".") if has_hole else filled


def parse(text: str) -> Template:
    """Raises ValueError."""
    parts: list[str | Field] = []
    for place, piece in enumerate(_FIELD.split(text)):
        if place % 2:
            name = piece.removesuffix("?")
            parts.append(Field(name, parse_single(name), piece.endswith("?")))
        elif set(piece) & set("{}"):
            raise ValueError(f"a brace without its other half in {text!r}")
        elif piece:
            parts.append(piece)
    if not parts:
        raise ValueError("an empty name")
    return Template(text, tuple(parts))


def _shown(value: Any) -> str | None:
    """A value as a part of a name; None when it is no text, bool or number of a usual size."""
    if isinstance(value, str):
        return value[: NAME_MOST + 1]
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value) if value.bit_length() <= 64 else None
    if isinstance(value, float):
        return f"{value:.0f}" if value.is_integer() else repr(value)
    return None
