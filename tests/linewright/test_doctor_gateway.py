"""The doctor looks at a spool, a broker and a gateway that may be running, and disturbs none of them."""

import asyncio
import json
import os
import shutil
import socket
import sqlite3
import sys
import time
from functools import partial
from pathlib import Path

import pytest

from edge_gateway.settings import GatewaySettings, SpoolSettings
from linewright.examination import broker as broker_
from linewright.examination import running, spool
from linewright.examination.finding import in_thread
from linewright.examination.running import Running
from protocols.broker import BrokerSettings
from tests.edge_gateway.gateway_parts import modbus_device
from tests.edge_gateway.other_ends import Plc, gateway, listening
from tests.edge_gateway.tls_parts import Authority, TlsBroker

ROOT = Path(__file__).parents[2]
TAGS = {"a": 0.05, "b": 0.05}

needs_mosquitto = pytest.mark.skipif(not shutil.which("mosquitto"), reason="mosquitto is not installed")


def states(findings):
    return [(finding.what, finding.state) for finding in findings]


# Broker


async def test_a_broker_without_tls_takes_the_login(broker):
    found = await broker_.look(broker.settings)
    assert states(found) == [("broker", "ok"), ("broker login", "ok")]
    assert "not encrypted" in found[0].told


async def test_nobody_there_ends_the_steps(free_port):
    (found,) = await broker_.look(BrokerSettings(port=free_port()))
    assert (found.what, found.state) == ("broker", "fail")


async def test_one_that_speaks_no_mqtt_is_given_up(monkeypatch):
    monkeypatch.setattr(broker_, "ANSWER_WITHIN_S", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as mute:
        found = await broker_.look(BrokerSettings(port=mute.getsockname()[1]))
    assert states(found) == [("broker", "ok"), ("broker login", "fail")]


async def test_a_password_that_was_not_given_is_no_failure(broker):
    found = await broker_.look(broker.settings.model_copy(update={"username": "gw-1"}))
    assert found[-1].state == "warn"
    assert "LINEWRIGHT_BROKER__PASSWORD_FILE" in found[-1].way_out


@needs_mosquitto
async def test_tls_is_verified_and_each_refusal_has_its_way_out(open_folder, free_port):
    authority = Authority(open_folder / "doctor-ca")
    other = Authority(open_folder / "doctor-other", "Another CA")
    port = free_port()
    known = BrokerSettings(port=port, tls=True, ca_file=authority.file)
    async with TlsBroker(authority, port, authority.signs("broker", days=(-1, 10))):
        found = await broker_.look(known)
        assert states(found) == [("broker", "ok"), ("broker TLS", "warn"), ("broker login", "ok")]
        assert "9 days left" in found[1].told
        stranger = await broker_.look(known.model_copy(update={"ca_file": other.file}))
        assert states(stranger) == [("broker", "ok"), ("broker TLS", "fail")]
        assert "ca_file must be the authority" in stranger[-1].way_out
        misnamed = await broker_.look(known.model_copy(update={"host": "localhost"}))
        assert "host must be a name" in misnamed[-1].way_out
        missing = await broker_.look(known.model_copy(update={"ca_file": open_folder / "nowhere.crt"}))
        assert missing[-1].state == "fail"
    async with TlsBroker(authority, port, authority.signs("old", days=(-9, -2))):
        expired = await broker_.look(known)
        assert "renew it on the broker" in expired[-1].way_out


@needs_mosquitto
async def test_a_broker_that_wants_our_certificate(open_folder, free_port, monkeypatch):
    monkeypatch.setattr(broker_, "ANSWER_WITHIN_S", 1.0)
    authority = Authority(open_folder / "doctor-mutual")
    port = free_port()
    bare = BrokerSettings(port=port, tls=True, ca_file=authority.file)
    cert, key = authority.signs("gw-1", days=(-1, 40))
    async with TlsBroker(authority, port, authority.signs("broker"), mutual=True):
        refused = await broker_.look(bare)
        assert refused[-1].state == "fail"
        assert "cert_file" in refused[-1].way_out
        welcome = await broker_.look(bare.model_copy(update={"cert_file": cert, "key_file": key}))
        assert states(welcome)[1:] == [("broker TLS", "ok"), ("broker TLS", "ok"), ("broker login", "ok")]


@needs_mosquitto
async def test_tls_asked_of_a_port_without(broker, open_folder):
    authority = Authority(open_folder / "doctor-plain")
    wanted = BrokerSettings(port=broker.settings.port, tls=True, ca_file=authority.file)
    found = await broker_.look(wanted)
    assert states(found) == [("broker", "ok"), ("broker TLS", "fail")]


# Spool and running gateway


@pytest.fixture
def settings(tmp_path, broker, free_port):
    device = modbus_device("press-1", free_port(), TAGS, timeout_s=0.5)
    return GatewaySettings(
        tenant="demo",
        gateway="gw-1",
        broker=broker.settings,
        health={"port": free_port()},
        spool={"path": tmp_path / "gw.spool", "max_bytes": 64 << 20},
        devices=[device.model_dump(exclude_unset=True)],
    )


def by_what(findings):
    return {finding.what: finding for finding in findings}


async def until(holds, within_s=15.0):
    async with asyncio.timeout(within_s):
        while not (found := await in_thread(holds)):
            await asyncio.sleep(0.05)
    return found


async def diagnosed(config):
    """What the command prints, and whether it found nothing to be done."""
    arguments = ("-m", "linewright", "doctor", "--json", "--config", str(config), "--data", str(config.parent / "none"))
    command = await asyncio.create_subprocess_exec(
        sys.executable, *arguments, cwd=ROOT, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    out, errors = await command.communicate()
    assert not errors
    told = json.loads(out)
    assert told["well"] is (command.returncode == 0)
    return {one["what"]: one for one in told["findings"]}


async def test_a_running_gateway_is_heard_and_not_disturbed(settings, tmp_path):
    config = tmp_path / "gateway.toml"
    config.write_text(_toml(settings))
    async with Plc(settings.devices[0].modbus.port), listening(settings.broker) as ingest, gateway(settings) as task:
        await ingest.until(lambda: len(ingest.batches) >= 2)
        states_before, batches_before = len(ingest.states), len(ingest.batches)
        found = await diagnosed(config)
        assert {one["state"] for what, one in found.items() if what != "clock"} == {"ok"}, found
        assert found["running"]["told"] == f"process {os.getpid()}; /healthz is well"
        assert "told by the running gateway" in found["device press-1"]["told"]
        await ingest.until(lambda: len(ingest.batches) >= batches_before + 2)
        assert not task.done()
        assert len(ingest.states) == states_before  # its session was not taken over
    stopped = await diagnosed(config)
    assert (stopped["running"]["state"], stopped["device press-1"]["state"]) == ("warn", "fail")


async def test_the_process_that_holds_the_spool_is_found_without_locking_it(tmp_path):
    path = tmp_path / "gw.spool"
    code = (
        "import sqlite3, sys, time; file = sqlite3.connect(sys.argv[1], isolation_level=None)\n"
        "file.execute('PRAGMA locking_mode = EXCLUSIVE'); file.execute('PRAGMA journal_mode = WAL')\n"
        "file.execute('CREATE TABLE t (x)'); print('held', flush=True); time.sleep(60)"
    )
    child = await asyncio.create_subprocess_exec("python3", "-c", code, str(path), stdout=asyncio.subprocess.PIPE)
    try:
        await child.stdout.readline()
        assert running.holder(path) == child.pid
    finally:
        child.kill()
        await child.wait()
    assert running.holder(path) == 0
    assert running.holder(tmp_path / "nowhere") == 0


async def test_without_a_gateway_the_file_itself_is_read(settings):
    found = by_what(spool.findings(settings.spool, Running()))
    assert states(found.values()) == [("spool", "ok")]
    async with Plc(settings.devices[0].modbus.port), gateway(settings):
        await until(lambda: (running.ask(settings).metric("open_batches") or 0) >= 2)
    content = spool.look(settings.spool.path)
    assert content.unsent > 20
    assert 0 <= content.oldest_s < 60
    found = by_what(spool.findings(settings.spool, Running()))
    assert "the oldest sample without a receipt is" in found["spool fill"].told
    assert not running.ask(settings).up
    assert by_what(running.findings(settings, Running()))["running"].state == "warn"


def put(path, batches, bytes_each, every_s):
    with sqlite3.connect(path) as file:
        file.execute("CREATE TABLE batch (id INTEGER PRIMARY KEY, samples, first_ns, last_ns, sha256, body)")
        file.execute("CREATE TABLE receipted (first_id INTEGER PRIMARY KEY, last_id, at_ns)")
        now_ns = time.time_ns()
        for number in range(batches):
            at_ns = now_ns - round((batches - number) * every_s * 1e9)
            file.execute("INSERT INTO batch VALUES (?, 10, ?, ?, x'', zeroblob(?))", (number, at_ns, at_ns, bytes_each))
        file.execute("INSERT INTO receipted VALUES (0, 9, 0)")
    file.close()


def test_how_long_an_outage_the_cap_holds_follows_from_the_pace(tmp_path):
    path = tmp_path / "gw.spool"
    put(path, 100, 10_000, 1.0)
    content = spool.look(path)
    assert content.unsent == 900
    assert content.oldest_s == pytest.approx(90, abs=2)
    assert content.bytes_per_s == pytest.approx(10_000, rel=0.02)
    roomy = by_what(spool.findings(SpoolSettings(path=path, max_bytes=2 << 30), Running()))
    assert (roomy["spool outage"].state, "2 days" in roomy["spool outage"].told) == ("ok", True)
    tight = by_what(spool.findings(SpoolSettings(path=path, max_bytes=1 << 20), Running()))
    assert (tight["spool outage"].state, tight["spool fill"].state) == ("warn", "fail")


def test_what_is_wrong_with_the_place_and_what_was_set_aside(tmp_path):
    (missing,) = spool.findings(SpoolSettings(path=tmp_path / "none/gw.spool"), Running())
    assert (missing.state, "no folder" in missing.told) == ("fail", True)
    path = tmp_path / "gw.spool"
    path.write_bytes(b"no database at all" * 1000)
    for name in ("gw.spool.damaged-1", "gw.spool.damaged-2", "gw.spool.damaged-2-wal", "gw.spool.replaced"):
        (tmp_path / name).write_bytes(b"x" * 2000)
    listed = list(spool.findings(SpoolSettings(path=path), Running()))
    assert "cannot be read" in by_what(listed)["spool content"].told
    aside = [finding.told.split()[0] for finding in listed if finding.what == "spool damage"]
    assert aside == ["gw.spool.damaged-1", "gw.spool.damaged-2", "gw.spool.replaced"]
    vast = by_what(spool.findings(SpoolSettings(path=path, max_bytes=1 << 60), Running()))
    assert vast["spool"].state == "warn"


async def test_verdicts_of_the_gateway_are_relayed_and_a_stranger_on_its_port_is_no_gateway(settings):
    verdicts = Running(5, [{"check": "spool", "cause": "the spool cannot be written", "way_out": "free space"}])
    (told,) = running.findings(settings, verdicts)
    assert (told.state, told.told, told.way_out) == ("fail", "spool: the spool cannot be written", "free space")

    async def answer(reader, writer):
        await reader.readline()
        writer.write(b"HTTP/1.0 200 OK\r\n\r\n<html>")
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", settings.health.port):
        assert not (await in_thread(partial(running.ask, settings))).up


def _toml(settings):
    device = settings.devices[0]
    tags = "".join(
        f'[[devices.tags]]\ntag = "{tag.tag}"\naddress = "{tag.address}"\n'
        f'type = "{tag.type}"\nperiod_s = {tag.period_s}\n'
        for tag in device.tags
    )
    return (
        f'tenant = "{settings.tenant}"\ngateway = "{settings.gateway}"\n'
        f'[broker]\nhost = "{settings.broker.host}"\nport = {settings.broker.port}\n'
        f'[spool]\npath = "{settings.spool.path}"\nmax_bytes = {settings.spool.max_bytes}\n'
        f"[health]\nport = {settings.health.port}\n"
        f'[[devices]]\nname = "{device.name}"\nprotocol = "modbus"\n'
        f'[devices.modbus]\nhost = "127.0.0.1"\nport = {device.modbus.port}\n{tags}'
    )
