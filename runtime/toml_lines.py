"""On which line of a TOML text each key is set, so that an error can point at it.

    [[devices]]            ('devices', 0)          1
    name = "pump"    ──►   ('devices', 0, 'name')  2
    [[devices.tags]]       ('devices', 0, 'tags', 0) …

It reads line by line what tomllib has already accepted. Inside an inline table or a list over several lines it knows no
more than where that begins; so a place that is not there stands on the line of the nearest one above it.
"""

import re
from collections.abc import Iterator, Sequence

Place = tuple[str | int, ...]

_HEADING = re.compile(r"\s*(\[\[?)\s*([^\[\]]+?)\s*\]")
_SETTING = re.compile(r"""\s*((?:"[^"]*"|'[^']*'|[\w-]+)(?:\s*\.\s*(?:"[^"]*"|'[^']*'|[\w-]+))*)\s*=""")
_NAME = re.compile(r"""\s*(?:"([^"]*)"|'([^']*)'|([\w-]+))\s*\.?""")


def line_of(text: str, place: Sequence[str | int]) -> int | None:
    """The line that sets `place`, or the nearest table or list around it; None when nothing of it stands there."""
    lines = dict(reversed(list(_places(text))))
    for length in range(len(place), 0, -1):
        if line := lines.get(tuple(place[:length])):
            return line
    return None


def _places(text: str) -> Iterator[tuple[Place, int]]:
    table: Place = ()
    counts: dict[Place, int] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if heading := _HEADING.match(line):
            table = _table(_names(heading[2]), counts, listed=heading[1] == "[[")
            yield table, number
        elif setting := _SETTING.match(line):
            path = (*table, *_names(setting[1]))
            for length in range(len(table) + 1, len(path) + 1):
                yield path[:length], number


def _names(dotted: str) -> list[str]:
    return [double or single or bare for double, single, bare in _NAME.findall(dotted)]


def _table(names: Sequence[str], counts: dict[Place, int], *, listed: bool) -> Place:
    """The place of a heading: below a list of tables it means the newest one."""
    place: Place = ()
    for depth, name in enumerate(names, 1):
        place = (*place, name)
        if listed and depth == len(names):
            counts[place] = counts.get(place, 0) + 1
        if place in counts:
            place = (*place, counts[place] - 1)
    return place
