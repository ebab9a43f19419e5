"""A Modbus device in the configuration: where it is, what it can take, and for each tag where its value stands.

[devices.modbus] ──► ModbusSettings            [[devices.tags]] ──► ModbusTag ──► its Point
"""

from functools import cached_property
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from protocols.device import DeviceSettings, TagSettings
from protocols.modbus.point import BadPoint, Order, Point, parse_point
from protocols.sample import ValueKind
from runtime.settings import Settings

_Address = Annotated[int, Field(ge=0, le=65535)]


class ModbusSettings(Settings):
    """Endpoint, unit and limits of a device."""

    host: str = Field(min_length=1, description="Host name or address of the device or of its gateway.")
    port: int = Field(502, ge=1, le=65535)
    unit: int = Field(1, ge=0, le=255, description="Unit id (also called device or slave address).")
    timeout_s: float = Field(1.0, gt=0, le=60, description="How long an answer may take.")
    word_order: Order = Field(Order.BIG, description="Order of the 16-bit words of a longer value.")
    byte_order: Order = Field(Order.BIG, description="Order of the two bytes inside a register.")
    gap_fill: int = Field(16, ge=0, le=125, description="Registers read for nothing rather than asked twice.")
    max_registers: int = Field(125, ge=1, le=125, description="Most registers the device gives in one answer.")
    max_bits: int = Field(2000, ge=1, le=2000, description="Most coils or discrete inputs in one answer.")
    forbidden: tuple[tuple[_Address, _Address], ...] = Field(
        (), description="Holes of the address map, [first, last], never read."
    )

    @model_validator(mode="after")
    def _holes_in_order(self) -> Self:
        for first, last in self.forbidden:
            if first > last:
                raise ValueError(f"forbidden [{first}, {last}] is upside down; write [first, last]")
        return self


class ModbusTag(TagSettings):
    """One tag: where its value stands and what the registers mean. value = raw · scale + offset."""

    address: str = Field(description="table:address, 0-based, e.g. holding:100; a bit of a register: holding:100.3.")
    type: str = Field(description="bool, int16 … uint64, float32, float64 or string:<registers>.")
    word_order: Order | None = Field(None, description="Default: the device's.")
    byte_order: Order | None = Field(None, description="Default: the device's.")
    scale: float = Field(1.0, allow_inf_nan=False)
    offset: float = Field(0.0, allow_inf_nan=False)
    range: tuple[float, float] | None = Field(
        None, description="Outside of [low, high] the sample is BAD out_of_range."
    )

    @model_validator(mode="after")
    def _fits(self) -> Self:
        try:
            kind = self.kind
        except BadPoint as error:
            raise ValueError(f"tag {self.tag}: {error}") from error
        if self.scale == 0:
            raise ValueError(f"tag {self.tag}: scale 0 makes every value the same; leave it out or give a factor")
        if kind in (ValueKind.BOOL, ValueKind.TEXT) and (self.scaled or self.range):
            raise ValueError(f"tag {self.tag}: a {self.type} has no scale, offset or range; leave them out")
        if self.range and not self.range[0] <= self.range[1]:
            raise ValueError(f"tag {self.tag}: range {list(self.range)} is upside down; write [low, high]")
        return self

    @cached_property
    def point(self) -> Point:
        """Its place in the device, parsed."""
        return parse_point(self.address, self.type)

    @property
    def scaled(self) -> bool:
        return self.scale != 1 or self.offset != 0

    @property
    def kind(self) -> ValueKind:
        return ValueKind.FLOAT if self.scaled and self.point.kind is ValueKind.INT else self.point.kind


class ModbusDevice(DeviceSettings):
    """One entry of [[devices]] with protocol = "modbus"."""

    protocol: Literal["modbus"]
    modbus: ModbusSettings
    tags: tuple[ModbusTag, ...]

    @property
    def endpoint(self) -> str:
        return f"modbus://{self.modbus.host}:{self.modbus.port}"

    @model_validator(mode="after")
    def _within_limits(self) -> Self:
        for tag in self.tags:
            point = tag.point
            if point.table.of_registers and point.count > self.modbus.max_registers:
                raise ValueError(
                    f"tag {tag.tag} of {self.name}: {tag.type} is {point.count} registers long, the device gives at"
                    f" most max_registers = {self.modbus.max_registers}"
                )
            for first, last in self.modbus.forbidden:
                if point.address <= last and first < point.address + point.count:
                    raise ValueError(
                        f"tag {tag.tag} of {self.name}: {tag.address} stands in the forbidden hole [{first}, {last}];"
                        " correct the address or the hole"
                    )
        return self
