"""A real OPC UA server with every policy, logins, and a certificate that can be changed; and who may come in."""

import contextlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from asyncua import Server, ua
from asyncua.crypto.permission_rules import User, UserRole

from protocols.opcua import certificates
from protocols.opcua.certificates import Identity
from protocols.opcua.driver import OpcuaDriver
from protocols.opcua.settings import OpcuaDevice
from protocols.opcua.trust import Pki
from tests.protocols.opcua_rig import make

URI, HOST = "urn:linewright:test-server", "127.0.0.1"
NOW = datetime.now(UTC).replace(microsecond=0)
YEAR = timedelta(days=365)
LOGIN, PASSWORD = "plc", "pass-8d1c7e-word"
ALL = [policy for policy in ua.SecurityPolicyType if "128Rsa15" not in policy.name and "Basic256_" not in policy.name]


def identity(uri: str = URI, host: str = HOST, made: datetime = NOW) -> Identity:
    return certificates.make(uri, host, made)


class Doorman:
    """Knows one login; anonymous and every certificate are welcome. Keeps what it was shown."""

    def __init__(self) -> None:
        self.seen: list[tuple[str | None, str | None]] = []
        self.certificates: list[bytes] = []

    def get_user(
        self, _server: Any, username: Any = None, password: Any = None, certificate: Any = None
    ) -> User | None:
        self.seen.append((username, password))
        self.certificates.append(certificate)
        known = username is None or (username, password) == (LOGIN, PASSWORD)
        return User(role=UserRole.User) if known else None


class GuardedServer:
    """The server of a test module; `wear` gives it another certificate, `offer` other policies."""

    def __init__(self, port: int) -> None:
        self.url = f"opc.tcp://{HOST}:{port}/plant"
        self.server = Server()
        self.doorman = Doorman()
        self.identity = identity()
        self._running = False

    async def init(self) -> None:
        self.server = Server(user_manager=self.doorman)
        await self.server.init()
        await self.server.set_application_uri(URI)
        self.server.set_endpoint(self.url)
        index = await self.server.register_namespace("urn:x")
        await self.server.nodes.objects.add_variable(ua.NodeId("a", index), "a", 1.5)
        await self.restart()

    async def restart(self, worn: Identity | None = None, offered: list[ua.SecurityPolicyType] = ALL) -> None:
        """Start, or start again, with this certificate and these policies."""
        await self.stop()
        self.identity = worn or self.identity
        self.server._policies.clear()
        self.server.iserver.endpoints.clear()
        self.server.set_security_policy(offered)
        await self.server.load_certificate(self.identity.der)
        await self.server.load_private_key(self.identity.key_der)
        await self.server.start()
        self._running = True

    async def stop(self) -> None:
        if self._running:
            self._running = False
            await self.server.stop()
            self.server.iserver._external_sessions.clear()

    @property
    def sessions(self) -> int:
        return len(self.server.iserver._external_sessions)


def driver(url: str, pki: Path, **settings: Any) -> OpcuaDriver:
    section = {"url": url, "timeout_s": 2.0, "security": "sign_and_encrypt", "pki": pki, **settings}
    tags = [{"tag": "a", "node": "nsu=urn:x;s=a", "mode": "poll"}]
    return make(OpcuaDevice.model_validate({"name": "c", "protocol": "opcua", "opcua": section, "tags": tags}))


def trusting(pki: Path, *servers: Identity) -> Path:
    """A PKI folder that trusts these servers."""
    (pki / "trusted").mkdir(parents=True, exist_ok=True)
    for one in servers:
        (pki / "trusted" / f"{certificates.fingerprint(one.certificate)[:8]}.der").write_bytes(one.der)
    return pki


def shelf(pki: Path, name: str) -> list[str]:
    """Fingerprints on one shelf."""
    from protocols.opcua.trust import Shelf  # noqa: PLC0415

    return sorted(kept.fingerprint for kept in Pki(pki).kept(Shelf(name)))


@contextlib.asynccontextmanager
async def guarded_server(port: int) -> AsyncIterator[GuardedServer]:
    one = GuardedServer(port)
    await one.init()
    try:
        yield one
    finally:
        await one.stop()
