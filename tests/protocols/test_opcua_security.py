"""Signed and encrypted sessions, logins, and what is said when trust is missing."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from asyncua import Server, ua
from asyncua.crypto.cert_gen import setup_self_signed_certificate
from asyncua.crypto.permission_rules import User, UserRole
from cryptography.x509.oid import ExtendedKeyUsageOID

from protocols import DeviceUnavailable
from protocols.opcua.driver import OpcuaDriver
from protocols.opcua.settings import OpcuaDevice
from protocols.sample import GOOD
from tests.protocols.contract import read_all
from tests.protocols.opcua_rig import make

pytestmark = pytest.mark.asyncio(loop_scope="session")
URI = "urn:linewright:test-server"


class OnePerson:
    """Knows one login; anonymous is welcome."""

    def get_user(
        self, _server: Any, username: Any = None, password: Any = None, certificate: Any = None
    ) -> User | None:
        known = username is None or (username, password) == ("plc", "s3cret")
        return User(role=UserRole.User) if known else None


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("certificates")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def url(folder: Path, free_port: Callable[[], int]) -> AsyncIterator[str]:
    """A server that takes only signed or encrypted sessions."""
    for name, uri in (("server", URI), ("stranger", "urn:linewright:stranger")):
        await setup_self_signed_certificate(
            folder / f"{name}.pem", folder / f"{name}.der", uri, "localhost", [ExtendedKeyUsageOID.SERVER_AUTH], {}
        )
    server = Server(user_manager=OnePerson())
    await server.init()
    await server.set_application_uri(URI)
    endpoint = f"opc.tcp://127.0.0.1:{free_port()}/plant"
    server.set_endpoint(endpoint)
    server.set_security_policy(
        [ua.SecurityPolicyType.Basic256Sha256_SignAndEncrypt, ua.SecurityPolicyType.Basic256Sha256_Sign]
    )
    await server.load_certificate(str(folder / "server.der"))
    await server.load_private_key(str(folder / "server.pem"))
    index = await server.register_namespace("urn:x")
    await server.nodes.objects.add_variable(ua.NodeId("a", index), "a", 1.5)
    await server.start()
    yield endpoint
    await server.stop()


def driver(url: str, folder: Path, **settings: Any) -> OpcuaDriver:
    files = {
        "certificate_file": folder / "gateway.der",
        "key_file": folder / "gateway.pem",
        "server_certificate_file": folder / "server.der",
    }
    section = {"url": url, "timeout_s": 1.0, "security": "sign_and_encrypt", **files, **settings}
    tags = [{"tag": "a", "node": "nsu=urn:x;s=a", "mode": "poll"}]
    return make(OpcuaDevice.model_validate({"name": "c", "protocol": "opcua", "opcua": section, "tags": tags}))


@pytest.mark.parametrize("security", ["sign", "sign_and_encrypt"])
async def test_guarded_sessions(url: str, folder: Path, security: str) -> None:
    """Our certificate is made on the spot, once: the server's keeper has to trust it only once."""
    one = driver(url, folder, security=security)
    await one.open()
    assert ((await read_all(one, [0]))[0].value, (await read_all(one, [0]))[0].code) == (1.5, GOOD)
    await one.close()
    made = (folder / "gateway.der").read_bytes()
    again = driver(url, folder, security=security)
    await again.open()
    await again.close()
    assert (folder / "gateway.der").read_bytes() == made


async def test_a_login(url: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LINEWRIGHT_OPCUA_PASSWORD", "s3cret")
    one = driver(url, folder, username="plc")
    await one.open()
    assert (await read_all(one, [0]))[0].value == 1.5
    await one.close()
    monkeypatch.setenv("LINEWRIGHT_OPCUA_PASSWORD", "guessed")
    with pytest.raises(DeviceUnavailable, match=r"check username and the password in \$LINEWRIGHT_OPCUA_PASSWORD"):
        await driver(url, folder, username="plc").open()


async def test_no_fall_back_to_an_open_channel(url: str, folder: Path) -> None:
    with pytest.raises(DeviceUnavailable, match="does not offer security = none; choose another"):
        await driver(url, folder, security="none").open()


async def test_a_server_with_another_certificate_is_not_spoken_to(url: str, folder: Path) -> None:
    with pytest.raises(DeviceUnavailable, match="server_certificate_file"):
        await driver(url, folder, server_certificate_file=folder / "stranger.der").open()


async def test_a_missing_server_certificate_is_said(url: str, folder: Path) -> None:
    with pytest.raises(DeviceUnavailable, match="server_certificate_file"):
        await driver(url, folder, server_certificate_file=folder / "nothing.der").open()
