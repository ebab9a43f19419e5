"""The field protocols this house speaks: one row each. No folder scan, nothing installed at run time.

A driver is imported only when a device asks for it: asyncua alone takes more than a second.
"""

from collections.abc import Callable, Sequence
from typing import Annotated, Any, NamedTuple

from pydantic import Field

from protocols.device import DeviceSettings, NumberedDevice
from protocols.driver import Driver
from protocols.modbus.settings import ModbusDevice
from protocols.opcua.settings import OpcuaDevice
from runtime.clock import Clock, SystemClock

Numbered = Sequence[NumberedDevice[Any]]


def _modbus(devices: Numbered, clock: Clock) -> Driver:
    from protocols.modbus.driver import ModbusDriver  # noqa: PLC0415

    return ModbusDriver(devices, clock)


def _opcua(devices: Numbered, clock: Clock) -> Driver:
    from protocols.opcua.driver import OpcuaDriver  # noqa: PLC0415

    return OpcuaDriver(devices, clock)


class FieldProtocol(NamedTuple):
    """How devices of a protocol are configured and driven."""

    device: type[DeviceSettings]
    driver: Callable[[Numbered, Clock], Driver]


PROTOCOLS = {
    "modbus": FieldProtocol(ModbusDevice, _modbus),
    "opcua": FieldProtocol(OpcuaDevice, _opcua),
}

# The type of one entry of [[devices]]: its `protocol` says which.
Device = Annotated[ModbusDevice | OpcuaDevice, Field(discriminator="protocol")]


def make_driver(devices: Numbered, clock: Clock | None = None) -> Driver:
    """The driver of all devices of ONE endpoint (same protocol, same `endpoint`); no I/O.

    Raises:
        BadPointTable: the tags contradict the device's limits.
    """
    return PROTOCOLS[devices[0].device.protocol].driver(devices, clock or SystemClock())
