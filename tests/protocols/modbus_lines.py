"""The other lines to a real pymodbus server: RTU over TCP, TLS, and a serial cable made of two pseudo-terminals."""

import asyncio
import contextlib
import os
import ssl
import tty
from pathlib import Path

import psutil
from pymodbus.framer import FramerType
from pymodbus.server import ModbusSerialServer, ModbusTcpServer, ModbusTlsServer
from pymodbus.server.base import ModbusBaseServer
from pymodbus.simulator import SimDevice

from tests.protocols.modbus_rig import ModbusRig, Plc


class RtuOverTcpRig(ModbusRig):
    unit_at = 0

    def make_server(self, devices: list[SimDevice]) -> ModbusBaseServer:
        address = ("127.0.0.1", self.port)
        return ModbusTcpServer(devices, framer=FramerType.RTU, address=address, trace_packet=self._pass)


class TlsRig(ModbusRig):
    """`context` is the server's; see tls_files."""

    def __init__(self, port: int, plcs: list[Plc], context: ssl.SSLContext) -> None:
        super().__init__(port, plcs)
        self.context = context

    def make_server(self, devices: list[SimDevice]) -> ModbusBaseServer:
        return ModbusTlsServer(devices, address=("127.0.0.1", self.port), sslctx=self.context)

    def connections(self) -> int:
        """Ours: the server counts every handshake that was broken off for ever."""
        lines = psutil.Process().net_connections("tcp")
        return sum(1 for line in lines if line.raddr and line.raddr.port == self.port)


class Cable:
    """Two serial ports, connected. `near` is a link to ours, as the names in /dev/serial/by-id are."""

    def __init__(self, near: Path) -> None:
        self.near = near
        self.far = ""
        self._ends: list[tuple[int, int]] = []  # the master that we pump, the slave that somebody opens

    def plug(self) -> None:
        self._ends = [os.openpty() for _ in range(2)]
        for master, slave in self._ends:
            tty.setraw(slave)
            os.set_blocking(master, False)
        (one, near), (two, far) = self._ends
        loop = asyncio.get_running_loop()
        loop.add_reader(one, self._pump, one, two)
        loop.add_reader(two, self._pump, two, one)
        self.near.symlink_to(os.ttyname(near))
        self.far = os.ttyname(far)

    def unplug(self) -> None:
        for master, slave in self._ends:
            asyncio.get_running_loop().remove_reader(master)
            os.close(master)
            os.close(slave)
        self._ends = []
        self.near.unlink(missing_ok=True)

    def _pump(self, source: int, sink: int) -> None:
        os.write(sink, os.read(source, 4096))

    def opened(self) -> int:
        """How often this process holds the near end, without our own."""
        if not self._ends:
            return 0
        port, count = os.ttyname(self._ends[0][1]), 0
        for descriptor in Path("/proc/self/fd").iterdir():
            with contextlib.suppress(FileNotFoundError):  # the one that lists
                count += str(descriptor.readlink()) == port
        return count - 1


class SerialRig(ModbusRig):
    unit_at = 0

    def __init__(self, plcs: list[Plc], near: Path) -> None:
        super().__init__(0, plcs)
        self.cable = Cable(near)

    def make_server(self, devices: list[SimDevice]) -> ModbusBaseServer:
        self.cable.plug()
        return ModbusSerialServer(devices, port=self.cable.far, baudrate=115_200, trace_packet=self._pass)

    async def stop(self) -> None:
        await super().stop()
        self.cable.unplug()

    def connections(self) -> int:
        return self.cable.opened()
