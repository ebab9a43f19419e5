"""Is it the device that is meant? A USB port gets another number, a cable another socket, a gateway box another wire.

read(request) ──► asked since connecting? ──no──► identity register ──equals?──► line.read(request)
"""

from collections.abc import Mapping, Sequence

import structlog

from protocols.device import NumberedDevice
from protocols.modbus.client import Line
from protocols.modbus.codec import compile_block
from protocols.modbus.request import NoAnswer, Request
from protocols.modbus.settings import IdentitySettings, ModbusDevice
from protocols.sample import Reason, Value, bad, samples

log = structlog.get_logger()

_NOT_SERVED = (1, 2, 3)  # exceptions of a device that has no such register


class Identity:
    """What one device must show, and whether it was said that it does not."""

    def __init__(self, device: ModbusDevice, settings: IdentitySettings) -> None:
        field = device.field(0, settings.tag)
        address, count = field.span
        self._request = Request(device.modbus.unit, field.point.table, address, count)
        self._decoder = compile_block(address, [field])
        self._expected = settings.equals
        self._log = log.bind(device=device.name, register=settings.address, expected=settings.equals)
        self._told = False
        self.known_on = 0
        """The connecting since which it is known; see Line.connected."""

    async def check(self, line: Line) -> None:
        """Ask, unless it is known since connecting. Raises NoAnswer: another device, or none."""
        if self.known_on == line.connected:
            return
        try:
            found = self._value(await line.read(self._request))
        except NoAnswer as error:
            if error.exception not in _NOT_SERVED:
                raise
            found = str(error)
        if found != self._expected:
            self._tell(found)
            raise NoAnswer(bad(Reason.WRONG_DEVICE), f"identity is {found!r}, not {self._expected!r}")
        self.known_on = line.connected
        if self._told:
            self._told = False
            self._log.info("the expected device answers again")

    def _value(self, data: bytes) -> Value | None:
        (sample,) = samples(self._decoder.decode(data, 0), {0: "identity"})
        return sample.value

    def _tell(self, found: Value | None) -> None:
        if not self._told:
            self._told = True
            self._log.warning(
                "another device answers, nothing of it is read", found=found, way_out="check port, unit and cabling"
            )


class IdentifiedLine:
    """A line on which some units show who they are before they are asked for anything else."""

    def __init__(self, line: Line, identities: Mapping[int, Sequence[Identity]]) -> None:
        self._line = line
        self._identities = identities

    async def open(self) -> None:
        await self._line.open()

    async def close(self) -> None:
        await self._line.close()

    async def read(self, request: Request) -> bytes:
        """See Line.read; what comes was read on the very connection on which the unit is known."""
        identities = self._identities.get(request.unit, ())
        try:
            while True:
                for identity in identities:
                    await identity.check(self._line)
                data = await self._line.read(request)
                if all(identity.known_on == self._line.connected for identity in identities):
                    return data
        except NoAnswer as error:
            if error.exception is None:  # silent, garbled or gone: who knows who answers next
                for identity in identities:
                    identity.known_on = 0
            raise


def identified(line: Line, devices: Sequence[NumberedDevice[ModbusDevice]]) -> Line | IdentifiedLine:
    """The line itself where no device has an identity."""
    identities: dict[int, list[Identity]] = {}
    for numbered in devices:
        modbus = numbered.device.modbus
        if modbus.identity:
            identities.setdefault(modbus.unit, []).append(Identity(numbered.device, modbus.identity))
    return IdentifiedLine(line, identities) if identities else line
