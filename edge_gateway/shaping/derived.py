"""Derived tags: what [[derived]] says, checked against all other tags, in the order in which they are calculated.

[[derived]] ──► DerivedTag ──resolve (kinds of the read tags)──► Derivation: formula and inputs, inputs first
"""

import difflib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from typing import Self

from pydantic import Field, model_validator

from edge_gateway import GatewayError
from edge_gateway.shaping.compiler import Formula, compile_formula
from edge_gateway.shaping.expression import LENGTH_MOST, BadExpression, Expression, Name, parse
from protocols.reported_tag import ReportedTag
from protocols.sample import ValueKind
from protocols.wire.catalog import ID

TagName = tuple[str, str]  # machine, tag


class BadDerivation(GatewayError, ValueError):
    """The derived tags do not fit together; the text names the tag and the way out."""


class DerivedTag(ReportedTag):
    """One tag that is calculated from others whenever one of them is read."""

    machine: str = Field(pattern=ID, description="Machine that the tag belongs to.")
    expression: str = Field(
        max_length=LENGTH_MOST, description='What it is, e.g. "{pump-1/outlet} - {inlet}"; tags stand in braces.'
    )

    @model_validator(mode="after")
    def _readable(self) -> Self:
        try:
            parse(self.expression, self.machine)
        except BadExpression as error:
            raise ValueError(f"derived tag {self.machine}/{self.tag}: {error}") from error
        return self

    @property
    def name(self) -> TagName:
        return self.machine, self.tag


@dataclass(frozen=True, slots=True)
class Derivation:
    """A derived tag that can be calculated: `inputs[i]` is the i-th name of its expression."""

    tag: DerivedTag
    formula: Formula
    inputs: tuple[TagName, ...]

    @property
    def kind(self) -> ValueKind:
        return self.formula.kind


def resolve(derived: Sequence[DerivedTag], kinds: Mapping[TagName, ValueKind]) -> tuple[Derivation, ...]:
    """All derived tags, each after its inputs; `kinds` is of the tags that are read.

    Raises:
        BadDerivation: a name twice, an unknown tag, a circle, or operands that do not go together.
    """
    tags: dict[TagName, DerivedTag] = {}
    for tag in derived:
        if tags.setdefault(tag.name, tag) is not tag:
            raise BadDerivation(f"derived tag {_shown(tag.name)} is there twice; give one of them another name")
    expressions = {name: parse(tag.expression, tag.machine) for name, tag in tags.items()}
    known = {**kinds, **dict.fromkeys(tags, ValueKind.FLOAT)}
    for name, expression in expressions.items():
        _check_names(name, expression, known)
    return tuple(_compiled([tags[name] for name in _ordered(expressions)], expressions, dict(kinds)))


def _compiled(
    ordered: Sequence[DerivedTag], expressions: Mapping[TagName, Expression], kinds: dict[TagName, ValueKind]
) -> Iterator[Derivation]:
    for tag in ordered:
        expression = expressions[tag.name]
        inputs = tuple(_named(name) for name in expression.names)
        try:
            formula = compile_formula(expression, [kinds[name] for name in inputs])
            tag.check_kind(formula.kind)
        except ValueError as error:
            raise BadDerivation(f"derived tag {_shown(tag.name)}: {error}") from error
        kinds[tag.name] = formula.kind
        yield Derivation(tag, formula, inputs)


def _ordered(expressions: Mapping[TagName, Expression]) -> list[TagName]:
    graph = {
        name: [_named(used) for used in expression.names if _named(used) in expressions]
        for name, expression in expressions.items()
    }
    try:
        return list(TopologicalSorter(graph).static_order())
    except CycleError as error:
        circle = " → ".join(_shown(name) for name in reversed(error.args[1]))
        raise BadDerivation(f"derived tags in a circle: {circle}; one of them must do without the others") from error


def _check_names(name: TagName, expression: Expression, known: Mapping[TagName, ValueKind]) -> None:
    for used in expression.names:
        if _named(used) not in known:
            close = difflib.get_close_matches(_shown(_named(used)), map(_shown, known), n=3, cutoff=0.5)
            hint = f"did you mean {' or '.join(f'{{{near}}}' for near in close)}?" if close else "write {machine/tag}"
            raise BadDerivation(
                f"derived tag {_shown(name)}: "
                + str(BadExpression(f"there is no tag {_shown(_named(used))}; {hint}", used.position))
            )


def _named(name: Name) -> TagName:
    return name.machine, name.tag


def _shown(name: TagName) -> str:
    return "/".join(name)
