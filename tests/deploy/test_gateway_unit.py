"""The unit of the gateway: systemd takes it, it is shut in, and the daemon works as such an ordinary account."""

import asyncio
import contextlib
import ctypes
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from configparser import RawConfigParser
from functools import cache
from pathlib import Path

import pytest

from edge_gateway.settings import GatewaySettings
from runtime.account import Account, ordinary_account
from runtime.settings import load
from tests.edge_gateway.other_ends import Plc, listening

ROOT = Path(__file__).parents[2]
UNIT = ROOT / "deploy/systemd/linewright-gateway.service"
INSTALLED = "/opt/linewright/.venv/bin/linewright"
_EXPOSURE_MOST = 25  # tenths; systemd calls up to 4.9 OK
_PR_SET_NO_NEW_PRIVS, _PR_SET_MDWE, _MDWE_REFUSE_EXEC_GAIN = 38, 65, 1
_TOML = """\
tenant = "demo"
gateway = "gw-1"
[broker]
port = {broker}
[spool]
path = "gw-1.spool"
max_bytes = 16777216
[[devices]]
name = "press-1"
protocol = "modbus"
[devices.modbus]
host = "127.0.0.1"
port = {device}
[[devices.tags]]
tag = "a"
address = "holding:0"
type = "float32"
period_s = 0.1
"""

analyzed = pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd-analyze is not installed")


@pytest.fixture
def unit(tmp_path):
    """The unit with a program that is there."""
    text = UNIT.read_text()
    assert INSTALLED in text
    path = tmp_path / UNIT.name
    path.write_text(text.replace(INSTALLED, "/bin/true"))
    return path


def analyze(*arguments):
    environ = {**os.environ, "SYSTEMD_LOG_LEVEL": "warning"}
    command = ["systemd-analyze", *map(str, arguments)]
    return subprocess.run(command, check=False, capture_output=True, text=True, env=environ)


def complaints(path):
    return [line for line in analyze("verify", path).stderr.splitlines() if path.name in line]


@analyzed
def test_systemd_accepts_the_unit(unit):
    assert not complaints(unit)
    unit.write_text(unit.read_text().replace("SetCredential=broker-key:\\n", "SetCredential=broker-key:"))
    assert complaints(unit)


@analyzed
def test_the_unit_is_shut_in(unit):
    arguments = ("security", "--offline=true", f"--threshold={_EXPOSURE_MOST}", "--no-pager")
    assert analyze(*arguments, unit).returncode == 0
    unit.write_text(unit.read_text().replace("DynamicUser=yes", "").replace("CapabilityBoundingSet=\n", "\n"))
    assert analyze(*arguments, unit).returncode != 0


def settings_of_unit() -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}

    class Repeated(dict):  # a unit may say a thing several times
        def __setitem__(self, key, value):
            if isinstance(value, list) and isinstance(key, str):
                found.setdefault(key, []).extend(value)
            super().__setitem__(key, value)

    parser = RawConfigParser(strict=False, dict_type=Repeated, delimiters="=")
    parser.optionxform = str
    parser.read(UNIT)
    return found


def test_secrets_that_are_not_there_are_empty_and_then_not_used(tmp_path):
    said = settings_of_unit()
    loaded = {text.partition(":")[0] for text in said["LoadCredential"]}
    assert {text.partition(":")[0] for text in said["SetCredential"]} == loaded
    (environment,) = said["Environment"]
    name, _, path = environment.partition("=")
    assert path.removeprefix("%d/") in loaded
    empty = tmp_path / "broker-password"
    empty.write_text("\n")
    settings = load(GatewaySettings, ROOT / "deploy/samples/gateway.toml", {name: str(empty)})
    assert not settings.broker.password
    assert settings.broker.key_file == Path(f"/run/credentials/{UNIT.name}/broker-key")
    assert "broker-key" in loaded


def test_it_comes_back_for_ever_and_is_watched():
    said = settings_of_unit()
    assert (said["Type"], said["Restart"], said["StartLimitIntervalSec"]) == (["notify"], ["always"], ["0"])
    assert float(said["WatchdogSec"][0]) > 20  # edge_gateway.vitals calls a task stuck after that many seconds
    assert said["SupplementaryGroups"] == ["dialout"]
    assert "ProtectClock" not in said  # the gateway asks whether its clock is synchronised


@cache
def interpreter(account: Account) -> str | None:
    """A Python of this version that the account may run, with what is installed here."""
    for program in (sys.executable, f"/usr/bin/python3.{sys.version_info.minor}"):
        command = [program, "-c", "import edge_gateway.daemon"]
        with contextlib.suppress(OSError):
            ran = subprocess.run(
                command, check=False, cwd="/", capture_output=True, env=environment(), **shut_in(account)
            )
            if ran.returncode == 0:
                return program
    return None


def environment() -> dict[str, str]:
    installed = [path for path in sys.path if path.endswith("site-packages")]
    return {"PATH": os.environ["PATH"], "PYTHONPATH": os.pathsep.join([str(ROOT), *installed])}


def shut_in(account: Account):
    """What subprocess needs to run something nearly as the unit does."""

    def close_doors():
        prctl = ctypes.CDLL(None).prctl
        prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
        prctl(_PR_SET_MDWE, _MDWE_REFUSE_EXEC_GAIN, 0, 0, 0)  # kernels before 6.3 do not know it
        os.umask(0o077)

    return {**account.become(), "preexec_fn": close_doors}


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can hand the gateway to another account")
async def test_samples_arrive_from_a_gateway_that_runs_as_an_ordinary_account(open_folder, broker, free_port):
    account = ordinary_account("nobody")
    assert account
    program = interpreter(account)
    if not program:
        pytest.skip(f"{account.name} may run no Python of this version here")
    folder = Path(tempfile.mkdtemp(prefix="gateway-", dir=open_folder))
    config = folder / "gateway.toml"
    config.write_text(_TOML.format(broker=broker.settings.port, device=free_port()))
    config.chmod(0o644)
    account.take(folder)
    device = load(GatewaySettings, config, {}).devices[0]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(folder / "notify"))
        account.take(folder / "notify")
        systemd.setblocking(False)
        async with Plc(device.modbus.port), listening(broker.settings) as ingest:
            gateway = await asyncio.create_subprocess_exec(
                program, "-m", "linewright", "gateway", "--config", str(config), cwd=folder,
                env={**environment(), "NOTIFY_SOCKET": str(folder / "notify"), "WATCHDOG_USEC": "1000000"},
                stdout=asyncio.subprocess.DEVNULL, **shut_in(account),
            )  # fmt: skip
            try:
                await told(systemd, "READY=1")
                await told(systemd, "WATCHDOG=1")
                status = await asyncio.to_thread(Path(f"/proc/{gateway.pid}/status").read_text)
                await ingest.until(lambda: len(ingest.batches) >= 2)
            finally:
                gateway.terminate()
                assert await asyncio.wait_for(gateway.wait(), 15) == 0
    assert f"Uid:\t{account.uid}\t{account.uid}" in status
    assert "CapEff:\t0000000000000000" in status
    assert "NoNewPrivs:\t1" in status
    assert (folder / "gw-1.spool").stat().st_mode & 0o077 == 0
    assert any(value for values in ingest.good_values().values() for value in values)


async def told(systemd: socket.socket, word: str) -> None:
    async with asyncio.timeout(30):
        while (await asyncio.get_running_loop().sock_recv(systemd, 4096)).decode() != word:
            pass
