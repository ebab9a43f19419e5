"""The doctor asks real devices: what each refusal, silence and distrust is called, and the way out of it."""

import asyncio
import logging
import os
import pty
import socket
import sys
import tty
from pathlib import Path

import pytest
from asyncua import ua

from edge_gateway.catalog import number
from linewright.examination import devices, gateway, serial_ports
from linewright.examination.running import Running
from protocols.opcua import certificates
from protocols.opcua.settings import OpcuaDevice
from tests.protocols.modbus_rig import ModbusRig, Plc, device
from tests.protocols.opcua_guarded import guarded_server, trusting

for name in ("pymodbus", "asyncua"):
    logging.getLogger(name).setLevel(logging.CRITICAL)

ONE = [{"tag": "pressure", "address": "holding:10", "type": "float32", "unit": "bar"}]


async def look(*wanted, running=None):
    (endpoint,) = number(wanted).endpoints.values()
    return {finding.what: finding for finding in await devices.look(endpoint, running or Running())}


@pytest.fixture
async def rig(free_port):
    good, refusing, bare = Plc(1), Plc(2), Plc(3)
    good.put("holding", 10, "f", 21.5)
    refusing.refused |= {("holding", 10): 2, ("holding", 11): 2}
    bare.put("holding", 10, "f", float("nan"))
    running = ModbusRig(free_port(), [good, refusing, bare, Plc(4)])
    running.silent = {4}
    await running.start()
    yield running
    await running.stop()


async def test_each_unit_is_read_and_its_refusal_named(rig):
    units = [device(rig.port, ONE, f"unit-{unit}", unit=unit) for unit in (1, 2, 3, 4)]
    found = await look(*units)
    assert [found[f"device unit-{unit}"].state for unit in (1, 2, 3, 4)] == ["ok", "fail", "fail", "fail"]
    assert found["device unit-1"].told == f"127.0.0.1:{rig.port} unit 1: pressure = 21.5 bar"
    assert "no such address (exception 2)" in found["device unit-2"].told
    assert "begin at 0" in found["device unit-2"].way_out
    assert "not a number" in found["device unit-3"].told
    assert "no answer in time" in found["device unit-4"].told
    assert "unit number" in found["device unit-4"].way_out


async def test_a_line_that_cannot_be_opened_is_told_once(free_port):
    port = free_port()
    found = await look(*(device(port, ONE, f"unit-{unit}", unit=unit) for unit in range(1, 31)))
    assert list(found) == ["30 devices"]
    assert found["30 devices"].state == "fail"
    assert found["30 devices"].way_out.startswith("check address")


async def test_a_device_that_takes_the_call_and_never_speaks_is_given_up(monkeypatch):
    monkeypatch.setattr(devices, "ANSWER_WITHIN_S", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as mute:
        found = await look(device(mute.getsockname()[1], ONE, timeout_s=60))
    assert "no answer in time" in found["device plc"].told


async def test_devices_that_contradict_each_other_are_told(free_port):
    port = free_port()
    found = await look(device(port, ONE, "a"), device(port, ONE, "b", pause_s=0.1))
    assert "contradict each other in pause_s" in found["2 devices"].told


def told_by(quality, reason, age_s=1.0):
    state = {"machine": "plc", "tag": "pressure", "quality": quality, "reason": reason, "age_s": age_s}
    return Running(process=7, troubles=[], tags={("plc", "pressure"): state})


async def test_a_running_gateway_is_asked_instead_of_its_device(rig):
    unit = device(rig.port, ONE, unit=1)
    well = (await look(unit, running=told_by("good", "none")))["device plc"]
    assert (well.state, "told by the running gateway" in well.told) == ("ok", True)
    ill = (await look(unit, running=told_by("bad", "exception_2")))["device plc"]
    assert (ill.state, "exception 2" in ill.told) == ("fail", True)
    assert not rig.plcs[0].asked
    lost = (await look(unit, running=told_by("bad", "disconnected")))["device plc"]
    assert lost.told.endswith("pressure = 21.5 bar")  # it has no line there, so the device may be asked
    unknown = (await look(unit, running=Running(process=7)))["device plc"]
    assert unknown.told.endswith("pressure = 21.5 bar")


async def test_a_serial_line_of_a_running_gateway_is_left_alone(tmp_path):
    unit = device(0, ONE, serial=str(tmp_path / "port"))
    found = (await look(unit, running=Running(process=7)))["device plc"]
    assert (found.state, found.told) == ("warn", "not asked: the running gateway holds its line")


@pytest.fixture
def port():
    ours, theirs = pty.openpty()
    tty.setraw(theirs)
    yield Path(os.ttyname(theirs))
    os.close(ours)
    os.close(theirs)


async def test_a_port_that_another_program_uses_is_named_with_it(port):
    code = f"import time; line = open({str(port)!r}); print('open', flush=True); time.sleep(60)"
    other = await asyncio.create_subprocess_exec(sys.executable, "-c", code, stdout=asyncio.subprocess.PIPE)
    try:
        await other.stdout.readline()
        (found,) = serial_ports.findings(port, os.getpid())
        assert (found.state, f"(process {other.pid})" in found.told) == ("fail", True)
    finally:
        other.kill()
        await other.wait()
    (free,) = serial_ports.findings(port, os.getpid())
    assert "is used by" not in free.told


def test_a_port_that_is_missing_or_none(tmp_path):
    (missing,) = serial_ports.findings(tmp_path / "ttyUSB9", 0)
    assert (missing.state, "No such file" in missing.told) == ("fail", True)
    plain = tmp_path / "plain"
    plain.touch()
    (none,) = serial_ports.findings(plain, 0)
    assert none.told == f"{plain} is no serial port"


def opcua(url, pki, **settings):
    section = {"url": url, "security": "sign_and_encrypt", "pki": pki, **settings}
    tags = [{"tag": "a", "node": settings.pop("node", "nsu=urn:x;s=a")}]
    return OpcuaDevice.model_validate({"name": "cnc", "protocol": "opcua", "opcua": section, "tags": tags})


async def test_an_opc_ua_server_is_trusted_offers_and_gives_the_first_tag_or_says_why_not(free_port, tmp_path):
    async with guarded_server(free_port()) as server:
        strange = (await look(opcua(server.url, tmp_path / "new")))["device cnc"]
        assert (strange.state, "is not trusted" in strange.told) == ("fail", True)
        fingerprint = certificates.fingerprint(server.identity.certificate)
        assert f"linewright opcua trust accept {fingerprint}" in strange.way_out
        pki = trusting(tmp_path / "pki", server.identity)
        well = (await look(opcua(server.url, pki)))["device cnc"]
        assert (well.state, well.told.endswith("a = 1.5")) == ("ok", True)
        await server.restart(offered=[ua.SecurityPolicyType.Basic256Sha256_SignAndEncrypt])
        weak = (await look(opcua(server.url, pki, security="none")))["device cnc"]
        assert weak.state == "fail"
        assert "does not offer security = none" in weak.told
        assert server.sessions == 0


async def test_a_missing_port_is_told_once(tmp_path):
    config = tmp_path / "gateway.toml"
    config.write_text(
        'tenant = "a"\ngateway = "g"\n[[devices]]\nname = "meter"\nprotocol = "modbus"\n'
        f'[devices.modbus]\nserial = "{tmp_path}/ttyUSB9"\n'
        '[[devices.tags]]\ntag = "p"\naddress = "holding:0"\ntype = "uint16"\n'
    )
    checks = [check.what for check in gateway.section(config).checks]
    assert checks == ["configuration", "running", "broker", "spool", "port ttyUSB9"]
