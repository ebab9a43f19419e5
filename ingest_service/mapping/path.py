"""Where something stands in a JSON document.

    .                  the document itself
    params.ts          the member `ts` of the member `params`
    "odd.name".x       a name with . [ ] { } in it stands in quotes
    list[0]            an item of a list, counted from 0
    metrics[]          every item of a list; what is no list counts as a list of one
    values.{key}       every member of an object (or item of a list), its name (or number) called `key`
    params.{key#}      every value below, however deep; `key` is its path, joined by dots

A path with `[]` or `{…}` finds many things, any other at most one.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain
from typing import Any, NamedTuple

MISSING: Any = object()
NAME_MOST = 256  # characters; longer ones are cut behind this, and refused where they are used
NAME = r"[a-z][a-z0-9_]*"
_STEP = re.compile(
    rf'(?P<dot>\.?)(?:"(?P<quoted>[^"]+)"|\{{(?P<each>{NAME})(?P<deep>\#?)\}}|(?P<name>[^.\[\]{{}}"]+))'
    r"|\[(?P<index>[0-9]{0,6})\]"
)


class Found(NamedTuple):
    """A thing a path leads to, and what the path called on the way."""

    value: Any
    names: Mapping[str, str]


class Member(NamedTuple):
    """One member of an object, or one item of a list."""

    key: str | int


class Items(NamedTuple):
    """Every item of a list."""


class Each(NamedTuple):
    """Every member or item, its key called `name`; `deep`: every value below."""

    name: str
    deep: bool


Step = Member | Items | Each


@dataclass(frozen=True, slots=True)
class Path:
    """A compiled path."""

    text: str
    steps: Sequence[Step]

    @property
    def names(self) -> set[str]:
        """What it calls on the way."""
        return {step.name for step in self.steps if isinstance(step, Each)}

    @property
    def leads_to_many(self) -> bool:
        return any(not isinstance(step, Member) for step in self.steps)

    def one(self, document: Any) -> Any:
        """What stands there; MISSING when nothing does. Of a path that leads to many: where they would be."""
        for step in self.steps:
            if document is MISSING or not isinstance(step, Member):
                break
            document = _member(document, step.key)
        return document

    def find(self, document: Any, names: Mapping[str, str]) -> Iterator[Found]:
        """Everything that stands there, one after the other: the caller decides how many are too many."""
        found: Iterator[Found] = iter([Found(document, names)])
        for step in self.steps:
            found = chain.from_iterable(map(partial(_follow, step), found))
        return found


def parse(text: str) -> Path:
    """Raises ValueError."""
    if text == ".":
        return Path(text, ())
    steps: list[Step] = []
    at = 0
    while at < len(text):
        match = _STEP.match(text, at)
        # A dot stands between names, and nowhere else.
        if not match or (match["index"] is None and bool(match["dot"]) is not bool(steps)):
            raise ValueError(f"no path at {text[at : at + 20]!r}; write like values.{{key}}, tags[], params.ts or .")
        steps.append(_step(match))
        at = match.end()
    if not steps:
        raise ValueError("an empty path; the whole payload is .")
    if any(isinstance(step, Each) and step.deep for step in steps[:-1]):
        raise ValueError("{name#} is everything below, so nothing can follow it")
    return Path(text, tuple(steps))


def parse_single(text: str) -> Path:
    """A path that leads to one thing. Raises ValueError."""
    path = parse(text)
    if path.leads_to_many:
        raise ValueError("[] and {…} lead to many things; exactly one is wanted here")
    return path


def _step(match: re.Match[str]) -> Step:
    if match["index"] is not None:
        return Member(int(match["index"])) if match["index"] else Items()
    if match["each"]:
        return Each(match["each"], bool(match["deep"]))
    return Member(match["quoted"] or match["name"])


def _member(node: Any, key: str | int) -> Any:
    if isinstance(node, dict):
        return node.get(key, MISSING)
    return node[key] if isinstance(node, list) and isinstance(key, int) and key < len(node) else MISSING


def _follow(step: Step, found: Found) -> Iterator[Found]:
    node, names = found
    if isinstance(step, Member):
        child = _member(node, step.key)
        if child is not MISSING:
            yield Found(child, names)
    elif isinstance(step, Items):
        for child in node if isinstance(node, list) else [node]:
            yield Found(child, names)
    elif step.deep:
        for key, child in _leaves(node, ""):
            yield Found(child, {**names, step.name: key})
    else:
        for key, child in _children(node):
            yield Found(child, {**names, step.name: key})


def _children(node: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(node, dict):
        yield from node.items()
    elif isinstance(node, list):
        yield from ((str(number), child) for number, child in enumerate(node))


def _leaves(node: Any, above: str) -> Iterator[tuple[str, Any]]:
    for key, child in _children(node):
        # Deep below long names every leaf would cost the bytes of the whole payload.
        whole = f"{above}{key}"[: NAME_MOST + 1]
        if isinstance(child, dict | list):
            yield from _leaves(child, f"{whole}.")
        else:
            yield whole, child
