"""Turns the tree of an expression into closures, after checking every part against a short list. Pure.

    Expression ──compile_formula (kinds of its tags known)──► Formula ──readings──► a value

Nothing is ever handed to `eval`: what is not in one of the tables is an error that says at which character it stands.
"""

import ast
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum, auto

from edge_gateway.shaping.expression import BadExpression, Expression
from edge_gateway.shaping.formulas import ARITHMETIC, CALLS, COMPARISONS, Evaluate, delta, rate
from protocols.sample import Value, ValueKind

_DEPTH_MOST = 40


class Type(Enum):
    """What a part of an expression yields."""

    NUMBER = auto()
    BOOL = auto()
    TEXT = auto()

    @property
    def calculable(self) -> bool:
        """A bool counts as 0 or 1."""
        return self is not Type.TEXT


_TYPE_OF = {
    ValueKind.FLOAT: Type.NUMBER,
    ValueKind.INT: Type.NUMBER,
    ValueKind.BOOL: Type.BOOL,
    ValueKind.TEXT: Type.TEXT,
}


@dataclass(frozen=True, slots=True)
class Formula:
    """A checked expression: `evaluate` takes the readings of its names in their order."""

    kind: ValueKind
    evaluate: Evaluate
    changing: frozenset[int]  # names of which delta or rate is asked: they need two readings


def compile_formula(expression: Expression, kinds: Sequence[ValueKind]) -> Formula:
    """`kinds[i]` is the kind of `expression.names[i]`. Raises BadExpression."""
    compiler = _Compiler(expression, kinds)
    kind, evaluate = compiler.compile(expression.tree)
    if kind is Type.TEXT:
        raise BadExpression("the result is a text; a derived tag is a number or true / false", 0)
    unused = set(range(len(expression.names))) - compiler.used
    if unused:
        raise BadExpression("a tag stands inside a text; take the quotes away", expression.names[min(unused)].position)
    return Formula(ValueKind.BOOL if kind is Type.BOOL else ValueKind.FLOAT, evaluate, frozenset(compiler.changing))


_Part = tuple[Type, Evaluate]


class _Compiler:
    """One walk over the tree."""

    def __init__(self, expression: Expression, kinds: Sequence[ValueKind]) -> None:
        self._expression = expression
        self._kinds = kinds
        self._depth = 0
        self.used: set[int] = set()
        self.changing: set[int] = set()

    def compile(self, node: ast.expr) -> _Part:
        """The type of a part and the function that gives its value."""
        step = _STEPS.get(type(node))
        if step is None:
            raise self._bad(node, f"{type(node).__name__.lower()} is not allowed here")
        self._depth += 1
        if self._depth > _DEPTH_MOST:
            raise self._bad(node, "too deep; make two derived tags of it")
        part = step(self, node)
        self._depth -= 1
        return part

    def _bad(self, node: ast.expr, message: str) -> BadExpression:
        text = self._expression.text.encode()
        return BadExpression(message, len(text[: node.col_offset].decode()))

    def _number(self, node: ast.expr) -> Evaluate:
        kind, evaluate = self.compile(node)
        if not kind.calculable:
            raise self._bad(node, "a number is needed here, not a text")
        return evaluate

    def _truth(self, node: ast.expr) -> Evaluate:
        kind, evaluate = self.compile(node)
        if kind is not Type.BOOL:
            raise self._bad(node, "true or false is needed here; compare it, e.g. with > 0")
        return evaluate

    def name(self, node: ast.Name) -> _Part:
        index = self._index(node)
        return _TYPE_OF[self._kinds[index]], lambda readings: readings[index].value

    def _index(self, node: ast.expr) -> int:
        index = self._expression.place.get(node.col_offset) if isinstance(node, ast.Name) else None
        if index is None:
            word = node.id if isinstance(node, ast.Name) else "this"
            raise self._bad(node, f"{word} is no tag; a tag stands in braces, {{machine/tag}} or {{tag}}")
        self.used.add(index)
        return index

    def constant(self, node: ast.Constant) -> _Part:
        value = node.value
        if isinstance(value, bool):
            return Type.BOOL, lambda _: value
        if isinstance(value, str):
            return Type.TEXT, lambda _: value
        if not isinstance(value, int | float) or not math.isfinite(float_of(value)):
            raise self._bad(node, f"{value!r} is not allowed here")
        return Type.NUMBER, lambda _: value

    def unary(self, node: ast.UnaryOp) -> _Part:
        if isinstance(node.op, ast.Not):
            truth = self._truth(node.operand)
            return Type.BOOL, lambda readings: not truth(readings)
        if not isinstance(node.op, ast.USub | ast.UAdd):
            raise self._bad(node, "of the signs only + and - are known")
        number, sign = self._number(node.operand), -1 if isinstance(node.op, ast.USub) else 1
        return Type.NUMBER, lambda readings: sign * number(readings)

    def binary(self, node: ast.BinOp) -> _Part:
        operator = ARITHMETIC.get(type(node.op))
        if operator is None:
            raise self._bad(node, "of the operators only + - * / // % ** are known")
        left, right = self._number(node.left), self._number(node.right)
        return Type.NUMBER, lambda readings: operator(left(readings), right(readings))

    def comparison(self, node: ast.Compare) -> _Part:
        sides = [node.left, *node.comparators]
        parts = [self.compile(side) for side in sides]
        pairs = []
        for operator, side, left, right in zip(node.ops, sides, parts, parts[1:], strict=False):
            compare = COMPARISONS.get(type(operator))
            if compare is None:
                raise self._bad(side, "of the comparisons only == != < <= > >= are known")
            text = not (left[0].calculable and right[0].calculable)
            if text and (left[0] is not right[0] or not isinstance(operator, ast.Eq | ast.NotEq)):
                raise self._bad(side, "a text can only be compared with a text, by == or !=")
            pairs.append((compare, left[1], right[1]))
        return Type.BOOL, lambda readings: all(compare(a(readings), b(readings)) for compare, a, b in pairs)

    def both(self, node: ast.BoolOp) -> _Part:
        truths = [self._truth(value) for value in node.values]
        joined: Callable[..., bool] = all if isinstance(node.op, ast.And) else any
        return Type.BOOL, lambda readings: joined(truth(readings) for truth in truths)

    def choice(self, node: ast.IfExp) -> _Part:
        test = self._truth(node.test)
        (yes_type, yes), (no_type, no) = self.compile(node.body), self.compile(node.orelse)
        if yes_type.calculable is not no_type.calculable:
            raise self._bad(node.orelse, "before `if` and after `else` must both stand numbers or both texts")
        return (
            yes_type if yes_type is no_type else Type.NUMBER,
            lambda readings: yes(readings) if test(readings) else no(readings),
        )

    def call(self, node: ast.Call) -> _Part:
        word = node.func.id if isinstance(node.func, ast.Name) else "this"
        if word in ("delta", "rate") and len(node.args) == 1 and not node.keywords:
            return Type.NUMBER, self._change(word, node.args[0])
        known = CALLS.get(word)
        if known is None:
            raise self._bad(node, f"{word}() is not known; known are {', '.join([*CALLS, 'delta', 'rate'])}")
        if node.keywords or not known.least <= len(node.args) <= known.most:
            raise self._bad(node, f"write {known.usage}")
        arguments = [self._number(argument) for argument in node.args]
        function = known.function
        return Type.NUMBER, lambda readings: function(*[argument(readings) for argument in arguments])

    def _change(self, word: str, node: ast.expr) -> Evaluate:
        index = self._index(node)
        if _TYPE_OF[self._kinds[index]] is not Type.NUMBER:
            raise self._bad(node, f"{word}() is of a tag that is a number")
        self.changing.add(index)
        return delta(index) if word == "delta" else rate(index)


def float_of(value: Value) -> float:
    """Infinity for an integer that no float can hold."""
    try:
        return float(value)
    except OverflowError:
        return math.inf


_STEPS: dict[type[ast.expr], Callable[..., _Part]] = {
    ast.Name: _Compiler.name,
    ast.Constant: _Compiler.constant,
    ast.UnaryOp: _Compiler.unary,
    ast.BinOp: _Compiler.binary,
    ast.Compare: _Compiler.comparison,
    ast.BoolOp: _Compiler.both,
    ast.IfExp: _Compiler.choice,
    ast.Call: _Compiler.call,
}
