"""A tag as the codec sees it: where its bits stand, in which order, and what they mean. Pure.

raw number ──missing?──► · 10^exponent · scale + offset ──range?──► value
raw number ──enum──► text                registers ──encoding──► text
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from protocols.modbus.point import Order, Point
from protocols.sample import ValueKind

Encoding = Literal["utf-8", "gbk", "latin-1"]
EXPONENT_MOST = 10  # SunSpec's sunssf: -10 to 10
EXPONENT_MISSING = -0x8000


@dataclass(frozen=True, slots=True)
class Field:
    """One tag of a block.

    `exponent` is the register with the power of ten of a number, `missing` the raw number that means "no value"
    (as held: 0x8000 of an int16 is -32768), `enum` the words for a whole number.
    """

    alias: int
    point: Point
    word_order: Order = Order.BIG
    byte_order: Order = Order.BIG
    scale: float = 1.0
    offset: float = 0.0
    range: tuple[float, float] | None = None
    missing: float | None = None
    exponent: Point | None = None
    enum: Mapping[int, str] | None = None
    encoding: Encoding = "utf-8"

    @property
    def scaled(self) -> bool:
        return self.scale != 1 or self.offset != 0 or self.exponent is not None

    @property
    def kind(self) -> ValueKind:
        """The kind of the value: a scaled number is a float, one with words for it a text."""
        if self.enum is not None:
            return ValueKind.TEXT
        return ValueKind.FLOAT if self.scaled and self.point.kind is ValueKind.INT else self.point.kind

    @property
    def span(self) -> tuple[int, int]:
        """Address and count of all that must come in one answer."""
        points = [self.point] if self.exponent is None else [self.point, self.exponent]
        address = min(point.address for point in points)
        return address, max(point.end for point in points) - address
