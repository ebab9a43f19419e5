"""A gateway at its most talkative, with everything refused: nothing it says holds a secret."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
import pytest_asyncio

from edge_gateway.settings import GatewaySettings
from runtime.settings import SettingsError, load
from tests.edge_gateway.tls_parts import Authority
from tests.protocols.opcua_guarded import GuardedServer, guarded_server, trusting

BROKER_SECRET, OPCUA_SECRET = "pass-5e1f-broker", "pass-90aa-opcua"
# The command logs at info; here as loud as it can be made.
_LOUD = """
import asyncio, logging, sys
from pathlib import Path
from edge_gateway.daemon import run_gateway
from edge_gateway.settings import GatewaySettings
from runtime import logs, process
from runtime.settings import load
logs.configure("gateway", level="debug")
logging.getLogger().setLevel(logging.DEBUG)
settings = load(GatewaySettings, Path(sys.argv[1]))
print(repr(settings), settings, settings.model_dump(), file=sys.stderr)
process.run(run_gateway(settings))
"""
_TOML = """
tenant = "demo"
gateway = "gw-1"
[broker]
host = "127.0.0.1"
port = {port}
username = "gw-1"
tls = true
ca_file = "{ca}"
[spool]
path = "{folder}/gw.spool"
[[devices]]
name = "cnc"
protocol = "opcua"
[devices.opcua]
url = "{url}"
security = "sign_and_encrypt"
pki = "{folder}/pki"
username = "plc"
password_file = "{folder}/opcua-password"
timeout_s = 2
[[devices.tags]]
tag = "a"
node = "nsu=urn:x;s=a"
"""


@pytest_asyncio.fixture
async def server(free_port: Callable[[], int]) -> AsyncIterator[GuardedServer]:
    async with guarded_server(free_port()) as running:
        yield running


async def test_nothing_that_is_said_holds_a_secret(
    server: GuardedServer, tmp_path: Path, free_port: Callable[[], int]
) -> None:
    """A broker that hangs up on TLS, an OPC UA server that knows another password, and a gateway that tells all."""
    trusting(tmp_path / "pki", server.identity)
    (tmp_path / "opcua-password").write_text(OPCUA_SECRET)
    (tmp_path / "broker-password").write_text(f"{BROKER_SECRET}\n")
    config = tmp_path / "gateway.toml"
    ca = Authority(tmp_path / "works").file
    config.write_text(_TOML.format(port=free_port(), ca=ca, folder=tmp_path, url=server.url))
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", _LOUD, str(config),
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        env={**os.environ, "LINEWRIGHT_BROKER__PASSWORD_FILE": str(tmp_path / "broker-password")},
    )  # fmt: skip
    assert process.stdout
    said = b""
    try:
        async with asyncio.timeout(30):
            while not (b"broker lost" in said and b"check username" in said):
                line = await process.stdout.readline()
                assert line, said.decode()
                said += line
        process.send_signal(signal.SIGTERM)
        said += await process.stdout.read()
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
    assert server.doorman.seen[0] == ("plc", OPCUA_SECRET)  # it was really used
    key = (tmp_path / "pki" / "own" / "key.pem").read_text().splitlines()[1]
    for secret in (BROKER_SECRET, OPCUA_SECRET, key):
        assert secret not in said.decode()
    assert "'**********'" in said.decode()  # the control: the settings were printed, blotted


@pytest.mark.parametrize("place", ["broker.password_file", "broker.password", "opcua.password"])
async def test_an_unreadable_or_misplaced_secret_is_said_without_it(tmp_path: Path, place: str) -> None:
    text = _TOML.format(port=1, ca="ca.crt", folder=tmp_path, url="opc.tcp://h:1")
    environ = {}
    if place == "opcua.password":
        text = text.replace("password_file =", f'password = "{OPCUA_SECRET}"\npassword_file =')
    elif place == "broker.password":
        text = text.replace("tls = true", f'tls = true\npassword = "{OPCUA_SECRET}"')
    else:
        environ = {"LINEWRIGHT_BROKER__PASSWORD_FILE": str(tmp_path / "nothing")}
    (tmp_path / "gateway.toml").write_text(text)
    with pytest.raises(SettingsError) as told:
        load(GatewaySettings, tmp_path / "gateway.toml", environ)
    assert OPCUA_SECRET not in f"{told.value} {told.value.__cause__} {told.value.__cause__!r}"
    ways_out = {
        "broker.password_file": "cannot be read",
        "broker.password": "broker.password: a secret does not stand in this file; set LINEWRIGHT_BROKER__PASSWORD, or",
        "opcua.password": "unknown setting",
    }
    assert ways_out[place] in str(told.value)
