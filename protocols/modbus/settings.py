"""A Modbus device in the configuration: where it is, what it can take, and for each tag where its value stands.

[devices.modbus] ──► ModbusSettings, a line and what hangs on it            [[devices.tags]] ──► ModbusTag
"""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from protocols.device import DeviceSettings
from protocols.modbus.field import Field as CodecField
from protocols.modbus.line_settings import LineSettings
from protocols.modbus.point import BadPoint, Order, parse_point
from protocols.modbus.tag import ModbusTag
from protocols.sample import ValueKind
from runtime.settings import Settings

_Address = Annotated[int, Field(ge=0, le=65535)]


_IDENTITY_TYPES: dict[ValueKind, tuple[type, ...]] = {
    ValueKind.INT: (int,),
    ValueKind.FLOAT: (int, float),
    ValueKind.BOOL: (bool,),
    ValueKind.TEXT: (str,),
}


class IdentitySettings(Settings):
    """A value by which the device is known, like a type or serial number."""

    address: str = Field(description="Where it stands, as of a tag.")
    type: str = Field("uint16", description="Its type, as of a tag.")
    equals: bool | int | float | str = Field(description="What it must be.")

    @model_validator(mode="after")
    def _comparable(self) -> Self:
        try:
            kind = parse_point(self.address, self.type).kind
        except BadPoint as error:
            raise ValueError(str(error)) from error
        if type(self.equals) not in _IDENTITY_TYPES[kind]:
            raise ValueError(f"a {self.type} never equals {self.equals!r}; correct the type or the value")
        return self

    @property
    def tag(self) -> ModbusTag:
        """As a tag of its device."""
        return ModbusTag(tag="identity", address=self.address, type=self.type)


class ModbusSettings(LineSettings):
    """Line, unit and limits of a device."""

    unit: int = Field(1, ge=0, le=255, description="Unit id (also called device or slave address).")
    timeout_s: float = Field(1.0, gt=0, le=60, description="How long the device may think about an answer.")
    identity: IdentitySettings | None = Field(
        None, description="Read first after each connecting; while it is another, every tag is BAD wrong_device."
    )
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


class ModbusDevice(DeviceSettings):
    """One entry of [[devices]] with protocol = "modbus"."""

    protocol: Literal["modbus"]
    modbus: ModbusSettings
    tags: tuple[ModbusTag, ...]

    @property
    def endpoint(self) -> str:
        return self.modbus.endpoint

    def field(self, alias: int, tag: ModbusTag) -> CodecField:
        """One of its tags for the codec."""
        return tag.field(alias, self.modbus.word_order, self.modbus.byte_order)

    @model_validator(mode="after")
    def _within_limits(self) -> Self:
        for tag in self.tags:
            first, count = self.field(0, tag).span
            if tag.point.table.of_registers and count > self.modbus.max_registers:
                raise ValueError(
                    f"tag {tag.tag} of {self.name}: {tag.type} is {count} registers long, the device gives at"
                    f" most max_registers = {self.modbus.max_registers}"
                )
            for low, high in self.modbus.forbidden:
                if first <= high and low < first + count:
                    raise ValueError(
                        f"tag {tag.tag} of {self.name}: {tag.address} stands in the forbidden hole [{low}, {high}];"
                        " correct the address or the hole"
                    )
        return self
