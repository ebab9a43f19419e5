"""The driver's contract on every other line: RTU over TCP, TLS, serial."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.protocols.contract import DriverContract
from tests.protocols.modbus_lines import RtuOverTcpRig, SerialRig, TlsRig
from tests.protocols.modbus_rig import FreePort, ModbusRig, fill, two_units
from tests.protocols.tls_files import Authority, server_context


async def running(rig: ModbusRig) -> AsyncIterator[ModbusRig]:
    await rig.start()
    yield rig
    await rig.driver.close()
    await rig.stop()


class TestRtuOverTcp(DriverContract):
    @pytest.fixture
    async def rig(self, free_port: FreePort) -> AsyncIterator[ModbusRig]:
        rig = RtuOverTcpRig(free_port(), two_units())
        fill(rig, transport="rtu_over_tcp")
        async for started in running(rig):
            yield started


class TestTls(DriverContract):
    @pytest.fixture
    async def rig(self, free_port: FreePort, tmp_path: Path) -> AsyncIterator[ModbusRig]:
        authority = Authority(tmp_path)
        rig = TlsRig(free_port(), two_units(), server_context(authority.sign("plc")))
        fill(rig, transport="tls", ca_file=authority.ca_file, timeout_s=2)
        async for started in running(rig):
            yield started


class TestSerial(DriverContract):
    @pytest.fixture
    async def rig(self, tmp_path: Path) -> AsyncIterator[ModbusRig]:
        rig = SerialRig(two_units(), tmp_path / "usb-converter")
        fill(rig, serial=str(rig.cable.near), baudrate=115_200, parity="none", timeout_s=0.2)
        async for started in running(rig):
            yield started
