"""What an expression may calculate with: operators, functions, and the readings it is given. Pure.

Nothing here yields an infinity quietly: what has no finite value raises ArithmeticError or ValueError, and the
derived tag is BAD.
"""

import ast
import math
import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from protocols.sample import GOOD, Quality, Value
from runtime.clock import NS_PER_S

_BAD = Quality.BAD << 8


@dataclass(slots=True)
class Reading:
    """The newest sample of an input, and of those with a value the newest two. `time_ns` 0: none came yet."""

    time_ns: int = 0
    arrived_ns: int = 0
    code: int = GOOD
    value: Value = 0
    value_ns: int = 0
    before: Value | None = None
    before_ns: int = 0

    def take(self, time_ns: int, value: Value, code: int, now_ns: int) -> None:
        """The next sample. One without a value leaves the values as they are."""
        if code < _BAD:
            if self.value_ns:
                self.before, self.before_ns = self.value, self.value_ns
            self.value, self.value_ns = value, time_ns
        self.time_ns, self.code, self.arrived_ns = time_ns, code, now_ns


Evaluate = Callable[[Sequence[Reading]], Value]


def delta(index: int) -> Evaluate:
    """How far the newest value lies from the one before."""

    def change(readings: Sequence[Reading]) -> Value:
        reading = readings[index]
        return reading.value - reading.before  # type: ignore[operator]

    return change


def rate(index: int) -> Evaluate:
    """The same by the second between the two."""
    change = delta(index)

    def speed(readings: Sequence[Reading]) -> Value:
        past_ns = readings[index].value_ns - readings[index].before_ns
        if past_ns <= 0:
            raise ValueError("the clock was set back")
        return change(readings) / (past_ns / NS_PER_S)  # type: ignore[operator]

    return speed


def _clamp(value: float, low: float, high: float) -> float:
    return min(max(value, low), high)


def _average(*values: float) -> float:
    return math.fsum(values) / len(values)


def _round(value: float, digits: float = 0) -> float:
    return round(value, int(digits))


class Call(NamedTuple):
    """A function of an expression: how it is written, how many arguments it takes."""

    usage: str
    least: int
    most: int
    function: Callable[..., Any]


_MANY = 20
CALLS = {
    "min": Call("min(a, b, …)", 2, _MANY, min),
    "max": Call("max(a, b, …)", 2, _MANY, max),
    "avg": Call("avg(a, b, …)", 2, _MANY, _average),
    "abs": Call("abs(a)", 1, 1, abs),
    "sqrt": Call("sqrt(a)", 1, 1, math.sqrt),
    "log": Call("log(a), the natural logarithm", 1, 1, math.log),
    "exp": Call("exp(a)", 1, 1, math.exp),
    "round": Call("round(a) or round(a, digits)", 1, 2, _round),
    "clamp": Call("clamp(a, low, high)", 3, 3, _clamp),
}
ARITHMETIC: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: math.pow,  # of floats: a negative root is an error, not a complex number; no power grows without end
}
COMPARISONS: dict[type[ast.cmpop], Callable[[Any, Any], bool]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}
