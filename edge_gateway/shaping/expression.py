"""Expressions of derived tags as they are written, parsed with Python's grammar. Pure.

    "{pump-1/outlet} - {inlet}" ──parse──► Expression: the tags it names, the grammar's tree

A tag stands in braces, `{machine/tag}`, or `{tag}` for one of the same machine: names hold `-` and `.`, so without
braces `outlet-inlet` could be one tag or two. An error says at which character it stands.
"""

import ast
import re
from dataclasses import dataclass, field

from edge_gateway import GatewayError
from protocols.wire.catalog import ID

LENGTH_MOST = 1000
_BRACES = re.compile(r"\{([^{}]*)\}")


class BadExpression(GatewayError, ValueError):
    """The expression cannot be used; the text says where and why."""

    def __init__(self, message: str, position: int) -> None:
        super().__init__(f"expression, character {position + 1}: {message}")


@dataclass(frozen=True, slots=True)
class Name:
    """A tag that an expression names, and where it does."""

    machine: str
    tag: str
    position: int


@dataclass(frozen=True, slots=True)
class Expression:
    """What was written, and the grammar's tree of it; `names[i]` stands at `place[column]` = i."""

    text: str
    names: tuple[Name, ...]
    tree: ast.expr
    place: dict[int, int] = field(repr=False)


def parse(text: str, machine: str) -> Expression:
    """Raises BadExpression: no grammar, or braces that hold no tag."""
    names = []
    for braces in _BRACES.finditer(text):
        where, slash, tag = braces[1].strip().rpartition("/")
        found = Name(where if slash else machine, tag, braces.start())
        if not re.fullmatch(ID, found.machine) or not re.fullmatch(ID, found.tag):
            raise BadExpression(f"{braces[0]} is no tag; write {{machine/tag}} or {{tag}}", braces.start())
        names.append(found)
    if not names:
        raise BadExpression("it names no tag; write {machine/tag} or {tag}", 0)
    # Every tag becomes a word of its own length, so that the grammar's positions stay those of the text.
    plain = _BRACES.sub(lambda braces: "_" * len(braces[0]), text)
    place = {len(plain[: name.position].encode()): index for index, name in enumerate(names)}
    return Expression(text, tuple(names), _tree(plain), place)


def _tree(plain: str) -> ast.expr:
    if plain != plain.strip() or not plain.isprintable():
        raise BadExpression("write it on one line, without blanks at its ends", 0)
    try:
        return ast.parse(plain, mode="eval").body
    except SyntaxError as error:
        raise BadExpression(f"not understood ({error.msg})", (error.offset or len(plain)) - 1) from error
    except (RecursionError, MemoryError, ValueError) as error:
        raise BadExpression("too long or too deep; make two derived tags of it", 0) from error
