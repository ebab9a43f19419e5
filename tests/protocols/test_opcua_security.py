"""Every policy and mode against a real server, every reason not to speak to it, and what is said then."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from asyncua import ua
from asyncua.common.utils import ServiceError

from protocols import DeviceUnavailable
from protocols.opcua import certificates
from protocols.opcua.settings import OpcuaSettings, Policy, Security
from protocols.sample import GOOD
from tests.protocols.contract import read_all
from tests.protocols.link import link_to
from tests.protocols.opcua_guarded import (
    LOGIN,
    NOW,
    PASSWORD,
    URI,
    YEAR,
    GuardedServer,
    driver,
    guarded_server,
    identity,
    shelf,
    trusting,
)

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def running(free_port: Callable[[], int]) -> AsyncIterator[GuardedServer]:
    async with guarded_server(free_port()) as server:
        yield server


@pytest_asyncio.fixture(loop_scope="session")
async def server(running: GuardedServer) -> AsyncIterator[GuardedServer]:
    """The server; after each test it must be without a session and without half a connection."""
    running.doorman.seen.clear()
    running.doorman.certificates.clear()
    yield running
    assert running.sessions == 0
    running.server.set_certificate_validator(None)


@pytest.fixture
def pki(tmp_path: Path, running: GuardedServer) -> Path:
    return trusting(tmp_path / "pki", running.identity)


@pytest.fixture
def password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LINEWRIGHT_OPCUA_PASSWORD", PASSWORD)


async def reads(one: Any, server: GuardedServer) -> None:
    """Opens, reads with a single session on the server, closes."""
    await one.open()
    try:
        found = (await read_all(one, [0]))[0]
        assert (found.value, found.code) == (1.5, GOOD)
        assert server.sessions == 1
    finally:
        await one.close()


async def refused(one: Any) -> str:
    try:
        with pytest.raises(DeviceUnavailable) as told:
            await one.open()
    finally:
        await one.close()
    return str(told.value)


@pytest.mark.parametrize("policy", list(Policy))
@pytest.mark.parametrize("security", [Security.SIGN, Security.SIGN_AND_ENCRYPT])
async def test_each_policy_and_mode(
    server: GuardedServer, pki: Path, password: None, security: Security, policy: Policy
) -> None:
    await reads(driver(server.url, pki, security=security, policy=policy, username=LOGIN), server)
    assert server.doorman.seen == [(LOGIN, PASSWORD)]


@pytest.mark.parametrize("policy", list(Policy))
async def test_each_policy_with_a_persons_certificate(server: GuardedServer, pki: Path, policy: Policy) -> None:
    files = user_files(pki)
    await reads(driver(server.url, pki, policy=policy, **files), server)
    assert server.doorman.certificates == [files["user_certificate_file"].read_bytes()]


def user_files(folder: Path) -> dict[str, Path]:
    """The login of a person by certificate."""
    person = identity("urn:person", "desk")
    files = {"user_certificate_file": folder / "user.der", "user_key_file": folder / "user.pem"}
    files["user_certificate_file"].write_bytes(person.der)
    files["user_key_file"].write_bytes(person.key_pem)
    return files


async def test_no_security(server: GuardedServer, tmp_path: Path) -> None:
    """Needs no folder and makes none."""
    await reads(driver(server.url, tmp_path / "pki", security="none"), server)
    assert not (tmp_path / "pki").exists()


async def test_a_stranger_is_shown_refused_and_trusted_on_command_only(server: GuardedServer, tmp_path: Path) -> None:
    from protocols.opcua.trust import Pki  # noqa: PLC0415

    pki = tmp_path / "pki"
    print_ = certificates.fingerprint(server.identity.certificate)
    for _ in range(2):
        told = await refused(driver(server.url, pki))
        assert f"linewright opcua trust accept {print_} --pki {pki}" in told
        assert certificates.thumbprint(server.identity.certificate) in told
    assert (shelf(pki, "rejected"), shelf(pki, "trusted")) == ([print_], [])
    Pki(pki).accept(print_)
    await reads(driver(server.url, pki), server)
    Pki(pki).reject(print_)
    assert "not trusted" in await refused(driver(server.url, pki))


@pytest.mark.parametrize(
    ("age", "cause"), [(4 * YEAR, "it expired on"), (-YEAR, "it is not valid before .* and the clock here shows")]
)
async def test_a_certificate_out_of_its_time(server: GuardedServer, tmp_path: Path, age: Any, cause: str) -> None:
    """Also when it is trusted."""
    before, worn = server.identity, identity(made=NOW - age)
    await server.restart(worn)
    with pytest.raises(DeviceUnavailable, match=cause):
        await driver(server.url, trusting(tmp_path / "pki", worn)).open()
    await server.restart(before)


async def test_a_rotated_server_certificate(server: GuardedServer, pki: Path) -> None:
    """An open session does not outlive it, the new one is refused until somebody trusts it, then data flows again."""
    from protocols.opcua.trust import Pki  # noqa: PLC0415

    before, worn = server.identity, identity()
    one = driver(server.url, pki)
    await one.open()
    await server.restart(worn)
    assert "not trusted" in await refused(driver(server.url, pki))
    assert (await read_all(one, [0]))[0].value is None
    Pki(pki).accept(certificates.fingerprint(worn.certificate))
    await reads(one, server)
    await server.restart(before)


async def test_a_server_without_the_key_of_its_certificate(server: GuardedServer, pki: Path) -> None:
    """Somebody shows the trusted certificate and holds another key."""
    thief = certificates.Identity(server.identity.certificate, identity().key)
    before = server.identity
    await server.restart(thief)
    assert "no session" in await refused(driver(server.url, pki, timeout_s=0.5))
    await server.restart(before)


async def test_what_is_not_offered_is_named_and_nothing_weaker_is_taken(server: GuardedServer, pki: Path) -> None:
    offered = [ua.SecurityPolicyType.NoSecurity, ua.SecurityPolicyType.Basic256Sha256_Sign]
    await server.restart(offered=offered)
    told = await refused(driver(server.url, pki))
    assert "does not offer security = sign_and_encrypt with Basic256Sha256, but none None, sign Basic256Sha256" in told
    await server.restart(offered=offered[1:])
    assert "does not offer security = none, but sign Basic256Sha256" in await refused(
        driver(server.url, pki, security="none")
    )
    await server.restart()


async def test_wrong_logins(server: GuardedServer, pki: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    told = await refused(driver(server.url, pki, username=LOGIN))
    assert "no password for plc: put it into $LINEWRIGHT_OPCUA_PASSWORD" in told
    monkeypatch.setenv("LINEWRIGHT_OPCUA_PASSWORD", "guessed-41")
    for name in (LOGIN, "nobody"):
        told = await refused(driver(server.url, pki, username=name))
        assert "check username and the password in $LINEWRIGHT_OPCUA_PASSWORD" in told
        assert "guessed-41" not in told
    secret = tmp_path / "secret"
    secret.write_text(f"{PASSWORD}\n")
    await reads(driver(server.url, pki, username=LOGIN, password_file=secret), server)


async def test_a_server_that_wants_the_password_readable_does_not_get_it(
    server: GuardedServer, pki: Path, password: None
) -> None:
    for endpoint in server.server.iserver.endpoints:
        for token in endpoint.UserIdentityTokens:
            token.SecurityPolicyUri = "http://opcfoundation.org/UA/SecurityPolicy#None"
    told = await refused(driver(server.url, pki, security="sign", username=LOGIN))
    assert "readable on the line" in told
    assert server.doorman.seen == []
    await reads(driver(server.url, pki, username=LOGIN), server)  # nothing is readable in an encrypted channel
    await server.restart()


async def test_a_server_that_does_not_trust_us(server: GuardedServer, pki: Path) -> None:
    async def nobody(_certificate: Any, _application: Any) -> None:
        raise ServiceError(ua.StatusCodes.BadCertificateUntrusted)

    server.server.set_certificate_validator(nobody)
    assert "linewright opcua certificate export" in await refused(driver(server.url, pki))
    server.server.iserver._external_sessions.clear()  # asyncua's server forgets to end what it has just refused


async def test_the_session_names_the_application_of_our_certificate(server: GuardedServer, pki: Path) -> None:
    seen: list[tuple[str, str]] = []

    async def note(certificate: Any, application: Any) -> None:
        seen.append((certificates.uri_of(certificate), application.ApplicationUri))

    server.server.set_certificate_validator(note)
    await reads(driver(server.url, pki), server)
    assert seen[0][0] == seen[0][1]
    assert seen[0][0].endswith(":linewright:gateway")


async def test_our_own_expired_certificate_is_said(server: GuardedServer, pki: Path) -> None:
    mine = identity("urn:mine", "box", NOW - 4 * YEAR)
    (pki / "own").mkdir()
    (pki / "own" / "certificate.der").write_bytes(mine.der)
    (pki / "own" / "key.pem").write_bytes(mine.key_pem)
    told = await refused(driver(server.url, pki))
    assert "our own certificate does not hold: it expired on" in told
    assert "linewright opcua certificate renew" in told


async def test_a_refused_gateway_does_not_fill_the_server(server: GuardedServer, pki: Path, password: None) -> None:
    for _ in range(10):
        await refused(driver(server.url, pki, username="nobody"))
    await reads(driver(server.url, pki), server)


@pytest.mark.parametrize("security", [Security.SIGN, Security.SIGN_AND_ENCRYPT])
async def test_no_password_is_readable_on_the_line(
    server: GuardedServer, pki: Path, password: None, security: Security
) -> None:
    async with link_to(int(server.url.rsplit(":", 1)[1].split("/")[0])) as link:
        url = f"opc.tcp://127.0.0.1:{link.port}/plant"
        await reads(driver(url, pki, security=security, username=LOGIN), server)
    assert URI.encode() in link.answered  # the control: the discovery was heard
    assert PASSWORD.encode() not in link.asked
    assert (LOGIN.encode() in link.asked) is (security is Security.SIGN)


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"security": "none", "username": "plc"}, "would show the login to everybody"),
        ({"security": "sign", "username": "plc", "password": PASSWORD}, "Extra inputs are not permitted"),
        ({"security": "sign", "policy": "Basic256"}, "Basic256Sha256"),
        ({"security": "sign", "username": "plc", "user_certificate_file": "a", "user_key_file": "b"}, "one of them"),
        ({"security": "sign", "user_key_file": "b"}, "belong together"),
    ],
)
async def test_settings_that_make_no_sense(settings: dict[str, Any], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        OpcuaSettings.model_validate({"url": "opc.tcp://h", **settings})


async def test_cancelled_while_opening_leaves_nothing(server: GuardedServer, pki: Path) -> None:
    one = driver(server.url, pki)
    for wait_s in (0.0, 0.01, 0.03, 0.06):
        opening = asyncio.create_task(one.open())
        await asyncio.sleep(wait_s)
        opening.cancel()
        await asyncio.wait([opening])
    await one.close()
