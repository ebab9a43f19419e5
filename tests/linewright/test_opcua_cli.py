"""`linewright opcua …` as a person uses it: look, be refused, trust, browse, renew."""

import asyncio
import re
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
import pytest_asyncio
from typer.core import TyperGroup
from typer.main import get_command
from typer.testing import CliRunner

from edge_gateway.settings import GatewaySettings
from linewright.opcua import app
from protocols.opcua import certificates
from protocols.opcua.settings import OpcuaTag
from protocols.opcua.trust import Pki
from protocols.point_table import read_table
from protocols.point_table.tags import tags_of
from runtime.settings import load
from tests.protocols.opcua_guarded import GuardedServer, guarded_server


@pytest_asyncio.fixture
async def server(free_port: Callable[[], int]) -> AsyncIterator[GuardedServer]:
    async with guarded_server(free_port()) as running:
        yield running


@pytest.fixture(autouse=True)
def quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    """The command sets up logging for its whole process, which here is everybody's."""
    monkeypatch.setattr("runtime.logs.configure", lambda *_args, **_settings: None)


async def said(*arguments: str | Path) -> str:
    """What the command prints; an error as its text."""
    result = await asyncio.to_thread(CliRunner().invoke, app, [str(argument) for argument in arguments])
    return result.output if result.exit_code == 0 else f"error: {result.exception} {result.output}"


async def test_from_the_first_look_to_a_point_table(server: GuardedServer, tmp_path: Path) -> None:
    print_ = certificates.fingerprint(server.identity.certificate)
    told = await said("endpoints", server.url)
    assert "security = sign_and_encrypt, policy = Aes256_Sha256_RsaPss: login" in told
    assert "security = none, policy = None: login anonymous" in told
    assert (print_ in told, "valid        " in told) == (True, True)

    pki, table = tmp_path / "pki", tmp_path / "points.csv"
    browse = (
        "browse",
        server.url,
        "--security",
        "sign",
        "--pki",
        pki,
        "-o",
        table,
        "--filter",
        "/A",
        "--start",
        "i=85",
    )
    told = await said(*browse)
    assert f"linewright opcua trust accept {print_} --pki {pki}" in told
    assert re.search(rf"rejected\n(.*\n)*  fingerprint  {print_}", await said("trust", "list", "--pki", pki))
    assert "trusted from now on" in await said("trust", "accept", print_[:12], "--pki", pki)
    told = await said(*browse[:-4])
    assert f"1 variables, 1 written to {table}" in told
    (tag,) = tags_of(read_table(table).rows, OpcuaTag)
    assert (tag.tag, tag.node, tag.type) == ("a", "nsu=urn:x;s=a", "float64")
    assert "a  float64  -  nsu=urn:x;s=a" in await said("browse", server.url)
    assert "refused from now on" in await said("trust", "reject", print_, "--pki", pki)
    assert "not trusted" in await said(*browse)


async def test_our_certificate(tmp_path: Path) -> None:
    config = tmp_path / "gateway.toml"
    config.write_text(
        'tenant = "demo"\ngateway = "gw"\n[[devices]]\nname = "cnc"\nprotocol = "opcua"\n[devices.opcua]\n'
        f'url = "opc.tcp://h:4840"\npki = "{tmp_path / "pki"}"\n[[devices.tags]]\ntag = "a"\nnode = "i=1"\n'
    )
    shown = await said("certificate", "show", "-c", config)
    own = Pki(tmp_path / "pki").present()
    assert certificates.fingerprint(own.certificate) in shown
    for name in ("out.der", "out.pem"):
        await said("certificate", "export", tmp_path / name, "-c", config)
        assert certificates.parsed((tmp_path / name).read_bytes()) == own.certificate
        assert b"PRIVATE" not in (tmp_path / name).read_bytes()
    assert "let every server trust it" in await said("certificate", "renew", "-c", config)
    assert Pki(tmp_path / "pki").present().certificate != own.certificate
    assert await said("certificate", "show", "-c", config) == await said(
        "certificate", "show", "--pki", tmp_path / "pki"
    )


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("trust", "accept", "abc"), "too short for a fingerprint"),
        (("trust", "accept", "0123456789ab"), "no certificate in"),
        (("endpoints", "opc.tcp://127.0.0.1:1"), "check address, port, whether the server runs"),
        (("browse", "opc.tcp://127.0.0.1:1"), "check address, port, whether the server runs"),
        (("browse", "http://x"), "url"),
        (("browse", "opc.tcp://127.0.0.1:1", "--username", "plc"), "would show the login to everybody"),
    ],
)
async def test_errors_say_the_way_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], told: str
) -> None:
    monkeypatch.chdir(tmp_path)
    assert told in await said(*arguments)


def test_the_commands_and_the_configuration_of_the_documentation_are_real(tmp_path: Path) -> None:
    text = (Path(__file__).parents[2] / "docs" / "how-to" / "secure-opcua.md").read_text()
    commands = [line.split()[2:] for line in text.splitlines() if line.startswith("linewright opcua ")]
    assert len(commands) >= 8
    for given in commands:
        command, words = get_command(app), given
        while isinstance(command, TyperGroup):
            context = command.make_context("opcua", [], resilient_parsing=True)
            _, found, words = command.resolve_command(context, words)
            assert found
            command = found
        command.make_context("opcua", words)  # raises on an unknown option or a missing argument
    (block,) = re.findall(r"```toml\n(.*?)```", text, re.DOTALL)
    (tmp_path / "gateway.toml").write_text(block)
    assert load(GatewaySettings, tmp_path / "gateway.toml", {}).devices[0].opcua.username == "gateway"


def test_it_is_reached_from_the_one_command(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "linewright", "opcua", "trust", "accept", "abc"]
    ended = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False)
    assert ended.returncode == 2
    assert ended.stderr == "linewright: 'abc' is too short for a fingerprint; give at least 8 hex digits\n"
