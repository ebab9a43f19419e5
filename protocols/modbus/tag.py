"""A Modbus tag in the configuration: where its value stands and what its registers mean.

[[devices.tags]] ──► ModbusTag ──► its Point ──with the device's orders──► Field, as the codec sees it
"""

from collections.abc import Mapping
from functools import cached_property
from typing import ClassVar, Self

from pydantic import Field, model_validator

from protocols.device import TagSettings
from protocols.modbus.field import Encoding
from protocols.modbus.field import Field as CodecField
from protocols.modbus.number import NUMBERS, Number
from protocols.modbus.point import REGISTERS_MOST, BadPoint, Order, Point, parse_point
from protocols.sample import ValueKind


class ModbusTag(TagSettings):
    """One tag: where its value stands and what the registers mean. value = raw · scale + offset."""

    range_checked: ClassVar[bool] = True  # by the codec

    address: str = Field(
        description="table:address, 0-based: holding:100; a bit of a register: holding:100.3; a byte: holding:100.high."
    )
    type: str = Field(description="bool, int8 … uint64, float16 … float64, bcd16 …, mod10_32 … or string:<registers>.")
    word_order: Order | None = Field(None, description="Default: the device's.")
    byte_order: Order | None = Field(None, description="Default: the device's.")
    scale: float = Field(1.0, allow_inf_nan=False)
    offset: float = Field(0.0, allow_inf_nan=False)
    range: tuple[float, float] | None = Field(
        None, description="Outside of [low, high] the sample is BAD out_of_range."
    )
    missing: int | float | None = Field(
        None,
        allow_inf_nan=False,
        description='Raw number that means "no value", e.g. 0x8000; then the sample is BAD device_reported.',
    )
    scale_register: str | None = Field(
        None, description="int16 register with a power of ten: value = raw · 10^register · scale + offset."
    )
    enum: Mapping[int, str] | None = Field(
        None, description='Words for a whole number, { 0 = "stop", 1 = "run" }; any other number is BAD undecodable.'
    )
    encoding: Encoding | None = Field(None, description="Of a string; utf-8 where nothing is said.")

    @model_validator(mode="after")
    def _fits(self) -> Self:
        try:
            point = self.point
            problem = _problem(self, NUMBERS.get(point.type)) or (self.exponent and _span_problem(self))
        except BadPoint as error:
            problem = str(error)
        if problem:
            raise ValueError(f"tag {self.tag}: {problem}")
        return self

    @cached_property
    def point(self) -> Point:
        """Its place in the device, parsed."""
        return parse_point(self.address, self.type)

    @cached_property
    def exponent(self) -> Point | None:
        """The place of its power of ten."""
        return parse_point(self.scale_register, "int16") if self.scale_register else None

    @property
    def kind(self) -> ValueKind:
        return self.field(0, Order.BIG, Order.BIG).kind

    def field(self, alias: int, word_order: Order, byte_order: Order) -> CodecField:
        """Itself for the codec; the orders are the device's."""
        return CodecField(
            alias,
            self.point,
            self.word_order or word_order,
            self.byte_order or byte_order,
            self.scale,
            self.offset,
            self.range,
            None if self.missing is None else NUMBERS[self.type].marker(self.missing),
            self.exponent,
            self.enum,
            self.encoding or "utf-8",
        )


_OF_NUMBERS = ("scale", "offset", "range", "missing", "scale_register", "enum")


def _problem(tag: ModbusTag, number: Number | None) -> str | None:
    """What of a tag does not go together, and the way out."""
    if number is None:
        given = [name for name in _OF_NUMBERS if name in tag.model_fields_set]
        if given:
            return f"a {tag.type} has no scale, offset or range, nor another meaning of numbers; leave {given[0]} out"
    if tag.encoding and tag.point.kind is not ValueKind.TEXT:
        return f"only a string has an encoding, {tag.address} is a {tag.type}; leave it out"
    if tag.scale == 0:
        return "scale 0 makes every value the same; leave it out or give a factor"
    if tag.range and not tag.range[0] <= tag.range[1]:
        return f"range {list(tag.range)} is upside down; write [low, high]"
    if number is None:
        return None
    return _marker_problem(tag, number) or _words_problem(tag, number)


def _marker_problem(tag: ModbusTag, number: Number) -> str | None:
    if tag.missing is None or number.holds(tag.missing):
        return None
    if number.kind is ValueKind.FLOAT:
        return f"missing = {tag.missing} does not fit a {tag.type}"
    return f"missing = {tag.missing} is no raw {tag.type}; write the whole number in the register, like 32768 or 0x8000"


def _words_problem(tag: ModbusTag, number: Number) -> str | None:
    if tag.enum is None:
        return None
    if number.kind is ValueKind.FLOAT:
        return f"only whole numbers have words, {tag.address} is a {tag.type}; leave enum out"
    given = [name for name in ("scale", "offset", "range", "scale_register") if name in tag.model_fields_set]
    if given:
        return f"a number with words for it is a text; leave enum or {given[0]} out"
    if not tag.enum or not all(word.strip() for word in tag.enum.values()):
        return 'enum needs a word for each number, { 0 = "stop", 1 = "run" }'
    low, high = number.limits
    for key in tag.enum:
        if not low <= key <= high:
            return f"enum has a word for {key}, a {tag.type} goes from {low} to {high}"
    return None


def _span_problem(tag: ModbusTag) -> str | None:
    assert tag.exponent is not None
    if tag.exponent.table is not tag.point.table:
        return f"scale_register {tag.scale_register} must be in the table of {tag.address}, to be read with it"
    _, count = tag.field(0, Order.BIG, Order.BIG).span
    if count > REGISTERS_MOST:
        return (
            f"{tag.address} and its scale_register {tag.scale_register} are {count} registers apart; one answer brings"
            f" {REGISTERS_MOST}: write the power of ten as scale"
        )
    return None
