"""Modbus devices that are no bottleneck, and the configuration of a gateway that reads them.

value of a tag = number of the reading of its block + device / 128 + tag / 16384: exact in float32 below 512 readings,
so a value that is wrong, comes twice or is missing can be told.
"""

import asyncio
import struct
from dataclasses import dataclass
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from typing import cast

import numpy as np
from numpy.typing import NDArray

from protocols.broker import BrokerSettings
from protocols.topics import GatewayAddress

TAGS = 100
BLOCKS = ((0, 124), (124, 76))  # the fewest of at most 125 registers that hold 100 float32 whole
ADDRESS = GatewayAddress("bench", "gw-1")

_REQUEST = struct.Struct(">HHHBBHH")  # transaction, protocol, length, unit, function, address, count
_ANSWER = struct.Struct(">HHHBBB")  # transaction, protocol, length, unit, function, bytes


@dataclass(frozen=True, slots=True)
class Plant:
    """So many devices, each with 100 float32 that are read every period."""

    devices: int
    period_s: float


def values(reading: NDArray[np.float64], device: NDArray[np.int64], tag: NDArray[np.int64]) -> NDArray[np.float32]:
    """What these tags say at these readings."""
    return (reading + device / 128 + tag / 16384).astype(np.float32)


def simulate(told: Connection, devices: int, copies: int) -> None:
    """Serve each device on `copies` free ports, tell which (copy after copy), and go on until killed."""
    asyncio.run(_serve(told, devices, copies))


async def _serve(told: Connection, devices: int, copies: int) -> None:
    loop, ports = asyncio.get_running_loop(), []
    for place in range(devices * copies):
        server = await loop.create_server(partial(_Device, place % devices, {}), "127.0.0.1", 0)
        ports.append(server.sockets[0].getsockname()[1])
    told.send(ports)
    await asyncio.Event().wait()


class _Device(asyncio.Protocol):
    """One connection to a device. Requests come whole: they are 12 bytes, and the way is the loopback."""

    def __init__(self, device: int, readings: dict[int, int]) -> None:
        self._device = device
        self._readings = readings

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        for transaction, _, _, unit, function, address, count in _REQUEST.iter_unpack(data):
            body = self._registers(address, count)
            head = _ANSWER.pack(transaction, 0, len(body) + 3, unit, function, len(body))
            self._transport.write(head + body)

    def _registers(self, address: int, count: int) -> bytes:
        reading = self._readings[address] = self._readings.get(address, 0) + 1
        tags = np.arange(address // 2, (address + count) // 2)
        readings, devices = np.full(len(tags), reading, np.float64), np.full(len(tags), self._device, np.int64)
        return values(readings, devices, tags).astype(">f4").tobytes()


def gateway_toml(folder: Path, broker: BrokerSettings, plant: Plant, ports: list[int], health_port: int) -> Path:
    """A configuration of the real daemon: one device a port."""
    lines = [
        f'tenant = "{ADDRESS.tenant}"\ngateway = "{ADDRESS.gateway}"',
        f'[broker]\nhost = "{broker.host}"\nport = {broker.port}',
        f'[spool]\npath = "{folder / "gw.spool"}"',
        f"[health]\nport = {health_port}",
    ]
    for device, port in enumerate(ports):
        lines.append(f'[[devices]]\nname = "device-{device:03}"\nprotocol = "modbus"')
        lines.append(f'[devices.modbus]\nhost = "127.0.0.1"\nport = {port}')
        for tag in range(TAGS):
            lines.append(f'[[devices.tags]]\ntag = "tag-{tag:03}"\naddress = "holding:{2 * tag}"')
            lines.append(f'type = "float32"\nperiod_s = {plant.period_s}')
    path = folder / "gateway.toml"
    path.write_text("\n".join(lines), encoding="utf-8")
    return path
