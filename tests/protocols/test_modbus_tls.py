"""Modbus inside TLS: whoever does not prove to be the device gets no question, let alone gives a value."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from protocols import DeviceUnavailable
from protocols.modbus.driver import ModbusDriver
from protocols.sample import reason_of
from tests.protocols.contract import read_all, until_good
from tests.protocols.modbus_lines import TlsRig
from tests.protocols.modbus_rig import FreePort, ModbusRig, Plc, device, make
from tests.protocols.tls_files import Authority, server_context

TAG = {"tag": "a", "address": "holding:0", "type": "uint16"}
Serve = Callable[[ssl.SSLContext], Any]


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@pytest.fixture
async def serve(free_port: FreePort) -> AsyncIterator[Serve]:
    rigs: list[ModbusRig] = []

    async def start(context: ssl.SSLContext) -> int:
        plc = Plc(1)
        plc.put("holding", 0, "H", 5)
        rig = TlsRig(free_port(), [plc], context)
        await rig.start()
        rigs.append(rig)
        return rig.port

    yield start
    for rig in rigs:
        await rig.stop()


def driver_for(port: int, authority: Authority, **tls: Any) -> ModbusDriver:
    return make(device(port, [TAG], transport="tls", ca_file=authority.ca_file, timeout_s=5, **tls))


async def assert_refused(driver: ModbusDriver, cause: str) -> None:
    with pytest.raises(DeviceUnavailable, match=f"{cause}.*check address, port, ca_file"):
        await driver.open()
    assert reason_of((await read_all(driver, [0]))[0].code) == "disconnected"
    await driver.close()


async def test_a_certificate_of_somebody_else(serve: Serve, authority: Authority, tmp_path: Path) -> None:
    """A man in the middle with an authority of his own."""
    port = await serve(server_context(Authority(tmp_path, "other").sign("mitm")))
    await assert_refused(driver_for(port, authority), "unable to get local issuer certificate")


async def test_an_authority_that_signs_itself(serve: Serve, authority: Authority, tmp_path: Path) -> None:
    files = Authority(tmp_path, "self").itself()
    await assert_refused(driver_for(await serve(server_context(files)), authority), "self-signed certificate")


async def test_a_certificate_of_another_host(serve: Serve, authority: Authority) -> None:
    port = await serve(server_context(authority.sign("plc", host="plc.example")))
    await assert_refused(driver_for(port, authority), "IP address mismatch")
    driver = driver_for(port, authority, server_name="plc.example")
    await driver.open()
    assert (await until_good(driver, [0]))[0].value == 5
    await driver.close()


async def test_a_certificate_that_has_run_out(serve: Serve, authority: Authority) -> None:
    port = await serve(server_context(authority.sign("plc", until=timedelta(days=-1))))
    await assert_refused(driver_for(port, authority), "certificate has expired")


async def test_a_device_that_speaks_no_tls(authority: Authority, free_port: FreePort) -> None:
    """Never falls back to plain text."""
    heard = b""

    async def plain(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal heard
        heard += await reader.read(100)
        writer.write(b"\0\1\0\0\0\5\1\3\2\0\7")
        writer.close()

    server = await asyncio.start_server(plain, "127.0.0.1", 0)
    await assert_refused(driver_for(server.sockets[0].getsockname()[1], authority), "SSL|wrong version")
    server.close()
    assert heard[:1] == b"\x16"  # a TLS handshake, no question


async def test_a_missing_authority_file_is_named(serve: Serve, authority: Authority, tmp_path: Path) -> None:
    port = await serve(server_context(authority.sign("plc")))
    driver = make(device(port, [TAG], transport="tls", ca_file=tmp_path / "gone.pem"))
    await assert_refused(driver, "gone.pem")


async def test_the_systems_authorities_do_not_know_ours(serve: Serve, authority: Authority) -> None:
    port = await serve(server_context(authority.sign("plc")))
    await assert_refused(make(device(port, [TAG], transport="tls", timeout_s=5)), "certificate verify failed")


async def test_a_device_that_asks_for_our_certificate(serve: Serve, authority: Authority) -> None:
    port = await serve(server_context(authority.sign("plc"), clients=authority.ca_file))
    certificate, key = authority.sign("gateway")
    with_one = driver_for(port, authority, certificate_file=certificate, key_file=key)
    await with_one.open()
    assert (await until_good(with_one, [0]))[0].value == 5
    await with_one.close()
    without = driver_for(port, authority)
    with contextlib.suppress(DeviceUnavailable):
        await without.open()  # TLS 1.3 refuses only after the handshake
    assert reason_of((await read_all(without, [0]))[0].code) == "disconnected"
    await without.close()


async def test_a_renewed_certificate_is_used_without_a_restart(serve: Serve, authority: Authority) -> None:
    port = await serve(server_context(authority.sign("plc"), clients=authority.ca_file))
    certificate, key = authority.sign("gateway", until=timedelta(days=-1))
    driver = driver_for(port, authority, certificate_file=certificate, key_file=key)
    with contextlib.suppress(DeviceUnavailable):
        await driver.open()
    assert reason_of((await read_all(driver, [0]))[0].code) == "disconnected"
    authority.sign("gateway")
    await driver.open()
    assert (await until_good(driver, [0]))[0].value == 5
    await driver.close()
